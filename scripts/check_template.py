"""Checks what the template lets Doze do, on the transformed template: the roles, by statement, and who may invoke what."""

import json
import os
import pathlib
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
TEMPLATE = pathlib.Path(__file__).resolve().parent.parent / "infra/template.yaml"


class NoManagedPolicies:
    def load(self):
        return {}


def transformed():
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(template, {}, NoManagedPolicies())["Resources"]


INSTANCES = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"}
OPTED_IN = {"aws:ResourceTag/doze": "on"}
NOTES = {
    "StringEquals": OPTED_IN,
    "ForAllValues:StringEquals": {"aws:TagKeys": ["doze:stop-at", "doze:stopped-at", "doze:stopped-because"]},
    "Null": {"aws:TagKeys": "false"},
}
HERE = {"StringEquals": {"aws:RequestedRegion": {"Ref": "AWS::Region"}}}


def logs(group):
    return {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": {"Fn::GetAtt": [group, "Arn"]}}


# Everything that any role may do. A statement that is not here, or lacks one of its conditions, is an error.
ALLOWED = {
    "HelloRole": [logs("HelloLogs")],
    "HomeRole": [logs("HomeLogs")],
    "SchedulerRole": [
        {"Action": "ec2:DescribeInstances", "Resource": "*", "Condition": HERE},
        {"Action": "ec2:DescribeSpotInstanceRequests", "Resource": "*", "Condition": HERE},
        {"Action": "cloudwatch:ListMetrics", "Resource": "*", "Condition": HERE},
        {"Action": "cloudwatch:GetMetricData", "Resource": "*", "Condition": HERE},
        {"Action": "cloudwatch:DescribeAlarms", "Resource": "*", "Condition": HERE},
        {"Action": "cloudwatch:DescribeAlarmContributors", "Resource": "*", "Condition": HERE},
        {"Action": "ssm:DescribeSessions", "Resource": "*", "Condition": HERE},
        {"Action": "ec2:DescribeInstanceAttribute", "Resource": INSTANCES, "Condition": {"StringEquals": OPTED_IN}},
        {"Action": "ec2:StopInstances", "Resource": INSTANCES, "Condition": {"StringEquals": OPTED_IN}},
        {"Action": "ec2:CreateTags", "Resource": INSTANCES, "Condition": NOTES},
        {"Action": "ec2:DeleteTags", "Resource": INSTANCES, "Condition": NOTES},
        {"Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["FailureQueue", "Arn"]}},
        logs("SchedulerLogs"),
    ],
    "SweepRole": [
        {"Action": "lambda:InvokeFunction", "Resource": {"Fn::GetAtt": ["SchedulerFunction", "Arn"]}},
        {"Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["FailureQueue", "Arn"]}},
    ],
}
# Who may invoke which function, and on whose behalf.
INVOKERS = {
    ("SchedulerFunction", "lambda.alarms.cloudwatch.amazonaws.com"):
        "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${AWS::StackName}-idle-*",
    ("HomeFunction", "apigateway.amazonaws.com"):
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*/GET/",
    ("HelloFunction", "apigateway.amazonaws.com"):
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*/GET/hello",
}


def problems(resources):
    roles = {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::IAM::Role"}
    if roles.keys() != ALLOWED.keys():
        yield f"the roles are {sorted(roles)}, expected {sorted(ALLOWED)}"
    for name, role in roles.items():
        if role.get("ManagedPolicyArns"):
            yield f"{name} has managed policies"
        statements = [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]
        stated = sorted(json.dumps({k: v for k, v in s.items() if k not in ("Sid", "Effect")}, sort_keys=True) for s in statements)
        expected = sorted(json.dumps(s, sort_keys=True) for s in ALLOWED.get(name, []))
        for statement in (s for s in stated if s not in expected):
            yield f"{name} may do what is not expected: {statement}"
        for statement in (s for s in expected if s not in stated):
            yield f"{name} lacks: {statement}"
        if any(s["Effect"] != "Allow" for s in statements):
            yield f"{name} has a statement that does not allow"
    trust = roles["SweepRole"]["AssumeRolePolicyDocument"]["Statement"][0].get("Condition")
    if trust != {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}:
        yield "SweepRole can be assumed for other accounts"
    permissions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Permission"]
    invokers = {(p["FunctionName"]["Ref"], p["Principal"]): p["SourceArn"]["Fn::Sub"] for p in permissions}
    if invokers != INVOKERS or len(permissions) != len(INVOKERS):
        yield f"the functions may be invoked by {invokers}"
    if not all(p.get("SourceAccount") == {"Ref": "AWS::AccountId"} for p in permissions):
        yield "a permission to invoke is not narrowed to this account"


def without_each_condition(resources):
    """The template with one condition removed, each in turn."""
    def conditions(node, path):
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("Condition", "SourceArn", "SourceAccount") and not isinstance(value, str):
                    inner = value if key == "Condition" else {}
                    yield from ([*path, key, operator] for operator in inner)
                    yield [*path, key]
                yield from conditions(value, [*path, key])
        elif isinstance(node, list):
            for index, value in enumerate(node):
                yield from conditions(value, [*path, index])

    guarded = {n: r for n, r in resources.items() if r["Type"] in ("AWS::IAM::Role", "AWS::Lambda::Permission")}
    for path in list(conditions(guarded, [])):
        changed = json.loads(json.dumps(resources))
        node = changed
        for key in path[:-1]:
            node = node[key]
        del node[path[-1]]
        yield path, changed


def main():
    resources = json.loads(json.dumps(transformed()))
    found = list(problems(resources))
    removed = 0
    for path, changed in without_each_condition(resources):
        removed += 1
        try:
            noticed = bool(list(problems(changed)))
        except KeyError:
            noticed = True
        if not noticed:
            found.append(f"nobody notices when {'/'.join(map(str, path))} is removed")
    for problem in found:
        print(f"check_template: {problem}", file=sys.stderr)
    print(f"ok: {len(ALLOWED)} roles and {len(INVOKERS)} permissions as expected; {removed} conditions removed in turn, each noticed")
    sys.exit(1 if found else 0)


main()
