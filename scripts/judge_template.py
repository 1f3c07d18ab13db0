"""Lets independent judges look at the templates: cfn-lint with its rules for serverless applications, and checkov, both on what
CloudFormation gets to see. What they find must be named here with the reason why it stands, and what is named must be found.
cfn-guard holds the same against our own rules, of which nothing stands; each is broken once, to see that it bites."""

import collections
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile

JUDGES = pathlib.Path(os.environ["judges"], "bin")
ROOT = pathlib.Path(__file__).resolve().parent.parent
TRANSFORM = "import json, check_template; print(json.dumps(check_template.transformed()))"
FUNCTIONS = ["AlarmsFunction", "HelloFunction", "HomeFunction", "SchedulerFunction", "WakeFunction"]
PAGES = ["HelloFunction", "HomeFunction", "WakeFunction"]

Stands = collections.namedtuple("Stands", "rule resources why")
# Parameters with which everything that is optional is there.
KEY = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:alarms"
OPTIONS = {"IdleAlarms": "instances", "Tracing": "Active", "DataKeyArn": KEY, "VolumeKeyArns": KEY, "AlarmQueueArn": QUEUE, "ReservedConcurrency": 1}
OPTIONS |= {"NotificationEmail": "a@example.com", "OperatorEmail": "a@example.com", "JwtIssuer": "https://id.example.com"}
OPTIONS |= {"JwtAudience": "doze"}
# What stands all the same.
STANDS = [
    Stands("CKV_AWS_115", PAGES, "the HTTP API is throttled, and a reserve fails in accounts with a small quota"),
    Stands("CKV_AWS_115", ["AlarmsFunction"], "its clock leaves more time between two runs than one may take"),
    Stands("CKV_AWS_116", PAGES, "whoever sent the request gets the error; nothing is asynchronous"),
    Stands("CKV_AWS_117", FUNCTIONS, "AWS's own endpoints are all that it talks to; a network of its own needs a gateway by the hour"),
    Stands("ES1001", ["AlarmQueueSource"], "where its messages go in the end, the queue's own redrive policy says"),
    Stands("ES6000", ["DeadLetterQueue", "FailureQueue"], "these are where others redrive to"),
    Stands("ES7000", ["NotificationSubscription", "OperatorSubscription"], "what could not be mailed is in the log, and a late mail misleads"),
    Stands("W3037", ["SchedulerRole"], "its list of actions lacks cloudwatch:DescribeAlarmContributors"),
    Stands("WS1000", FUNCTIONS, "tracing is the parameter Tracing: it costs money"),
    Stands("WS1002", ["SchedulerFunction"], "alarms and EC2's events both concern it, each with a permission of its own"),
    Stands("WS1004", FUNCTIONS, "it looks for log groups by the function's name; these have names of their own, with a retention"),
]


def transformed():
    """The template as CloudFormation gets to see it. The transform has a Python of its own."""
    tools = pathlib.Path(os.environ["tools"], "bin/python")
    done = subprocess.run([tools, "-c", TRANSFORM], cwd=ROOT / "scripts", capture_output=True, text=True, check=True)
    return done.stdout


def document(command):
    """What a judge prints as JSON. That it found something is no failure of its own."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout or "[]")
    except ValueError:
        sys.exit(f"judge_template: {command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def by_cfn_lint(template):
    command = [JUDGES / "cfn-lint", "--append-rules", "cfn_lint_serverless.rules", "--format", "json", "--template", template]
    for found in document(command):
        path = found["Location"].get("Path") or []
        yield found["Rule"]["Id"], path[1] if len(path) > 1 else "", found["Message"][:200]


def by_checkov(template):
    command = [JUDGES / "checkov", "--file", template, "--framework", "cloudformation", "--skip-download", "--output", "json"]
    answer = document(command)
    summary = answer.get("summary", answer)
    # It has no rule for what is in some small templates, and then neither results nor a count; those of cfn-lint have read them.
    if summary["parsing_errors"] or not (summary["resource_count"] or template.suffix == ".yaml"):
        sys.exit(f"judge_template: checkov cannot read {template}")
    for found in answer.get("results", {}).get("failed_checks", []):
        yield found["check_id"], found["resource"].rpartition(".")[2], found["check_name"]


def statement(resources, role, sid):
    statements = resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return next(each for each in (s.get("Fn::If", [None, s])[1] for s in statements) if each["Sid"] == sid)


# For each of our rules, a way to break it.
BREAKS = [
    ("changes_are_for_opted_in_instances", lambda r: statement(r, "SchedulerRole", "StopOptedInInstances").pop("Condition")),
    ("changes_are_for_opted_in_instances", lambda r: statement(r, "WakeRole", "NoteWishesOnOptedInInstances").pop("Condition")),
    ("statements_allow_single_actions", lambda r: statement(r, "HelloRole", "WriteLogs").update(Action="logs:*")),
    ("statements_allow_single_actions", lambda r: statement(r, "HelloRole", "SendTraces").update(Action=["xray:Put*"])),
    ("only_services_take_a_role", lambda r: r["HomeRole"]["Properties"].update(ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"])),
    ("functions_log_json_where_the_template_keeps_it", lambda r: r["HomeFunction"]["Properties"]["LoggingConfig"].pop("LogGroup")),
    ("log_groups_forget", lambda r: r["HomeLogs"]["Properties"].pop("RetentionInDays")),
    ("queues_are_encrypted", lambda r: [r["FailureQueue"]["Properties"].pop(key, None) for key in ("SqsManagedSseEnabled", "KmsMasterKeyId")]),
    ("permissions_name_their_source", lambda r: [r["HelloPermission"]["Properties"].pop(key) for key in ("SourceArn", "SourceAccount")]),
]


def by_guard(template):
    """The rules of ours that the template keeps, and those that it breaks."""
    options = ["--rules", ROOT / "infra/rules", "--structured", "--output-format", "json", "--show-summary", "none"]
    [answer] = document([os.environ["guard"], "validate", "--data", template, *options])
    return answer["compliant"], {entry["Rule"]["name"] for entry in answer["not_compliant"]}


def problems_by_guard(template, scratch):
    kept, broken = by_guard(template)
    yield from (f"{template.name}: our rule {name} is broken" for name in sorted(broken))
    yield from (f"no break of our rule {name} is tried" for name in sorted({*kept} - {name for name, _ in BREAKS}))
    for name, spoil in BREAKS:
        spoilt = copy.deepcopy(json.loads(template.read_text()))
        spoil(spoilt["Resources"])
        path = pathlib.Path(scratch, "spoilt.json")
        path.write_text(json.dumps(spoilt))
        if by_guard(path)[1] != {name}:
            yield f"our rule {name} does not notice a template that breaks it"


def main():
    used, bad = collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix="doze-") as scratch:
        templates = []
        # checkov leaves out what the defaults of the parameters leave out.
        for name, options in (("template.json", {}), ("template-with-options.json", OPTIONS)):
            template = json.loads(transformed())
            for parameter, value in options.items():
                template["Parameters"][parameter]["Default"] = value
            templates.append(pathlib.Path(scratch, name))
            templates[-1].write_text(json.dumps(template))
        bad += problems_by_guard(templates[0], scratch)
        templates += [*sorted((ROOT / "infra/examples").glob("*.yaml"))]
        for template in templates:
            for rule, resource, message in [*by_cfn_lint(template), *by_checkov(template)]:
                stands = [(entry, resource) for entry in STANDS if entry.rule == rule and resource in entry.resources]
                used.update((entry.rule, resource) for entry, _ in stands)
                if not stands:
                    bad.append(f"{template.name}: {resource or 'the template'}: {rule}: {message}")
    for entry in STANDS:
        bad += [f"{entry.rule} is not found at {name} any more: take it off the list" for name in entry.resources if not used[entry.rule, name]]
    for line in bad:
        print(f"judge_template: {line}", file=sys.stderr)
    if bad:
        sys.exit(1)
    print(f"ok: cfn-lint and checkov find nothing in {len(templates)} templates but {len(used)} things that stand for a reason.")
    print(f"ok: cfn-guard finds our own rules kept, and notices {len(BREAKS)} ways to break them.")


main()
