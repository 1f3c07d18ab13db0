"""Holds the calls that the tests saw against what the roles may do: each is permitted to the function that made it, and each
permission is used. The emulator notes the calls of functions, with the tags that the instances had at that time; the tests of
the AWS adapter note theirs, which no function made, so that it is enough if one may make them. Names that those tests make up
for instances, topics, secrets and alarms are taken for Doze's own.

The notes are JSON lines in the files of the folder DOZE_CALLS, by default `calls` in cargo's target folder:

    {"by": "WakeFunction", "service": "ec2", "action": "StartInstances", "parameters": {"InstanceId.1": "i-0123456789abcdef0"},
     "tags": {"i-0123456789abcdef0": {"doze": "on"}}, "status": 200}

`by` is null for the adapter's tests; they need neither `tags` nor `status`. Parameters are those of the request: the fields of
a form, or the document."""

import collections
import json
import os
import pathlib
import sys

from check_permissions import ALARMS, INSTANCE, OPTIONS, Court, Row, World, listed
from check_template import of_type, transformed
from policies import ROLE, Deployment

# Calls that AWS makes with a role, and why.
BY_AWS = {
    "kms:CreateGrant": "EC2 makes the grant when it starts an instance whose volumes are encrypted",
    "kms:Decrypt": "Secrets Manager, SNS and SQS use the key for whoever calls them",
    "kms:GenerateDataKey": "SNS and SQS use the key for whoever calls them",
    "lambda:InvokeFunction": "EventBridge Scheduler invokes the function",
    "logs:CreateLogStream": "Lambda writes the log",
    "logs:PutLogEvents": "Lambda writes the log",
    "sqs:DeleteMessage": "Lambda takes the alarms out of their queue",
    "sqs:GetQueueAttributes": "Lambda takes the alarms out of their queue",
    "sqs:ReceiveMessage": "Lambda takes the alarms out of their queue",
    "sqs:SendMessage": "Lambda and EventBridge Scheduler put what failed into the queues",
    "xray:PutTelemetryRecords": "Lambda sends the traces",
    "xray:PutTraceSegments": "Lambda sends the traces",
}
# Calls that no function makes in the emulated account, and why. The adapter's tests must have made them.
BY_TESTS_ALONE = {
    "cloudwatch:DescribeAlarmContributors": "the emulator has no alarms over several series",
    "ec2:DescribeSpotInstanceRequests": "the emulator has no Spot instances",
    "ssm:DescribeSessions": "the emulator knows no sessions",
}


def everywhere(_, __):
    yield "*", {}


def all_alarms(_, __):
    yield f"{ALARMS}*", {}


def instances(call, _):
    """The instances that a call names, each with its tags."""
    fields = call["parameters"].items()
    keys = sorted({value for key, value in fields if key.startswith("Tag.") and key.endswith(".Key")})
    for instance in sorted({value for key, value in fields if key.startswith(("InstanceId", "ResourceId"))}):
        tags = call.get("tags", {}).get(instance, {"doze": "on"} if call["by"] is None else {})
        context = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        yield f"{INSTANCE.rpartition('/')[0]}/{instance}", context | ({"aws:TagKeys": tuple(keys)} if keys else {})


def of_stack(call, stack, kind, text, own):
    """The ARN on paper of what a call names: emulated names hold the logical id. The adapter's tests mean Doze's own."""
    found = [name for name in stack.names(kind) if f"-{name}-" in text] if call["by"] else [own]
    return stack.arn(found[0]) if found else text


def topic(call, stack):
    yield of_stack(call, stack, "AWS::SNS::Topic", call["parameters"]["TopicArn"], "NotificationTopic"), {}


def secret(call, stack):
    of = call["parameters"]
    context = {"secretsmanager:VersionStage": of["VersionStage"]} if "VersionStage" in of else {}
    yield of_stack(call, stack, "AWS::SecretsManager::Secret", of["SecretId"], "LinkKey"), context


def alarms(call, stack):
    of = call["parameters"]
    scheduler = lambda arn: of_stack(call, stack, "AWS::Lambda::Function", arn, "SchedulerFunction")
    actions = tuple(map(scheduler, of.get("AlarmActions") or ()))
    for name in [of["AlarmName"]] if "AlarmName" in of else of["AlarmNames"]:
        name = name if call["by"] else "doze-idle-auto-i-0123456789abcdef0"
        yield f"{ALARMS}{name}", {"cloudwatch:AlarmActions": actions} if actions else {}


# What each call is about. The permission of a call has its name.
CALLS = {
    "cloudwatch:DeleteAlarms": alarms,
    "cloudwatch:DescribeAlarmContributors": everywhere,
    "cloudwatch:DescribeAlarms": all_alarms,
    "cloudwatch:GetMetricData": everywhere,
    "cloudwatch:ListMetrics": everywhere,
    "cloudwatch:PutMetricAlarm": alarms,
    "ec2:CreateTags": instances,
    "ec2:DeleteTags": instances,
    "ec2:DescribeInstanceAttribute": instances,
    "ec2:DescribeInstances": everywhere,
    "ec2:DescribeSpotInstanceRequests": everywhere,
    "ec2:StartInstances": instances,
    "ec2:StopInstances": instances,
    "secretsmanager:GetSecretValue": secret,
    "sns:Publish": topic,
    "ssm:DescribeSessions": everywhere,
}


def folder():
    return pathlib.Path(os.environ.get("DOZE_CALLS") or os.path.join(os.environ["CARGO_TARGET_DIR"], "calls"))


def noted():
    for file in sorted(folder().glob("*.jsonl")):
        for line in file.read_text().splitlines():
            yield json.loads(line)


def roles_of(template):
    """Each function's role."""
    functions = of_type(template["Resources"], "AWS::Lambda::Function")
    return {name: function["Role"]["Fn::GetAtt"][0] for name, function in functions.items()}


class Record:
    """The calls that were noted, each as a request for each role that may be meant."""

    def __init__(self, template, calls):
        self.stack, self.court, self.cases = Deployment(template, OPTIONS), Court(), []
        self.roles, world = roles_of(template), World.of(self.stack)
        self.seen, self.unknown = collections.Counter(), []
        for call in calls:
            action = f"{call['service']}:{call['action']}"
            who = [self.roles.get(call["by"])] if call["by"] else sorted(set(self.roles.values()))
            if action not in CALLS or None in who:
                missing = "is missing in CALLS of scripts/check_calls.py, or its function in the template"
                self.unknown.append(f"{action} of {call['by']} {missing}")
                continue
            self.seen[who[0] if call["by"] else None, action] += 1
            requests = list(CALLS[action](call, self.stack))
            if not requests:
                self.unknown.append(f"{action} of {call['by']} names nothing that is known: {call['parameters']}")
            for resource, context in requests:
                rows = [Row(role, action, resource, tuple(context.items()), True, "") for role in who]
                self.cases.append((call, rows, [self.court.file(world, row) for row in rows]))

    def problems(self):
        yield from self.unknown
        for call, rows, numbers in self.cases:
            if not any(map(self.court.allows, numbers)):
                row = rows[0]
                asked = f"{row.action} on {row.resource} with {dict(row.context)}"
                yield f"{call['by'] or 'a test'} called {asked}, which AWS would deny"


def permissions(template):
    """What each role may do."""
    stack = Deployment(template, OPTIONS)
    world = World.of(stack)
    for role in stack.names(ROLE):
        for action in sorted({action for statement in world.own[role] for action in listed(statement["Action"])}):
            yield role, action


def unused(template, record):
    called = {action for role, action in record.seen if role}
    for role, action in permissions(template):
        if record.seen[role, action] or action in BY_AWS:
            continue
        if action not in BY_TESTS_ALONE:
            yield f"{role} may {action}, but never does: take it away, or say why in scripts/check_calls.py"
        elif not record.seen[None, action]:
            yield f"{role} may {action}, which no test of the AWS adapter has done either"
    for action in sorted((BY_AWS.keys() | BY_TESTS_ALONE.keys()) & called):
        yield f"{action} is done by a function, and needs no excuse in scripts/check_calls.py"
    granted = {action for _, action in permissions(template)}
    for action in sorted((BY_AWS.keys() | BY_TESTS_ALONE.keys()) - granted):
        yield f"{action} is permitted to nobody, and needs no excuse in scripts/check_calls.py"


def main():
    template, calls = transformed(), list(noted())
    if not calls:
        sys.exit(f"check_calls: {folder()} holds no notes: run the tests with DOZE_CALLS set to it")
    record = Record(template, calls)
    record.court.decide()
    found = list(dict.fromkeys([*record.problems(), *unused(template, record)]))
    if not found:
        own = sum(count for (role, _), count in record.seen.items() if role)
        print(f"ok: {own} calls of functions and {len(calls) - own} of the AWS adapter's tests, all of them permitted")
        print(f"ok: each of {len(list(permissions(template)))} permissions is used, {len(BY_AWS)} kinds of them by AWS itself")
    for problem in found:
        print(f"check_calls: {problem}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
