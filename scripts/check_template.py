"""Checks what the template lets Doze do, on the transformed template: the roles, by statement; who may invoke what; and, in
lines of their own, what must stay true whatever the lists here say. The HTTP API's description must name the same routes."""

import itertools
import json
import os
import pathlib
import re
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
INFRA = pathlib.Path(__file__).resolve().parent.parent / "infra"


class NoManagedPolicies:
    def load(self):
        return {}


def transformed():
    template = yaml_parse((INFRA / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return json.loads(json.dumps(transform(template, {}, NoManagedPolicies())))


INSTANCES = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"}
OPTED_IN = {"aws:ResourceTag/doze": "on"}
HERE = {"StringEquals": {"aws:RequestedRegion": {"Ref": "AWS::Region"}}}
LINK_KEY = {"Fn::GetAtt": ["LinkKey", "Id"]}
TOPIC = {"Ref": "NotificationTopic"}
OPERATORS = {"Ref": "OperatorTopic"}
FAILURES = {"Fn::GetAtt": ["FailureQueue", "Arn"]}
DEAD_LETTERS = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
SCHEDULER = {"Fn::GetAtt": ["SchedulerFunction", "Arn"]}
KEPT_ALARMS = {"Fn::Sub": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${AWS::StackName}-idle-auto-*"}
SCHEDULER_TAGS = ["doze:stop-at", "doze:stopped-at", "doze:stopped-because", "doze:start-owed-since", "doze:start-tried-at"]
WAKE_TAGS = ["doze:keep-until", "doze:start-owed-since"]


def read(action):
    return {"Action": action, "Resource": "*", "Condition": HERE}


def on_opted_in(action, **conditions):
    return {"Action": action, "Resource": INSTANCES, "Condition": {"StringEquals": OPTED_IN, **conditions}}


def tag_opted_in(action, keys):
    condition = {"ForAllValues:StringEquals": {"aws:TagKeys": keys}, "Null": {"aws:TagKeys": "false"}}
    return on_opted_in(action, **condition)


def logs(group):
    return {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": {"Fn::GetAtt": [group, "Arn"]}}


READ_LINK_KEY = {
    "Action": "secretsmanager:GetSecretValue",
    "Resource": LINK_KEY,
    "Condition": {"StringEquals": {"secretsmanager:VersionStage": ["AWSCURRENT", "AWSPREVIOUS"]}},
}
UNLOCK_VOLUMES = {
    "Action": "kms:CreateGrant",
    "Resource": {"Ref": "VolumeKeyArns"},
    "Condition": {
        "Bool": {"kms:GrantIsForAWSResource": "true"},
        "StringEquals": {"kms:ViaService": {"Fn::Sub": "ec2.${AWS::Region}.${AWS::URLSuffix}"}},
    },
}


def only_if(condition, statement):
    return {"Fn::If": [condition, statement, {"Ref": "AWS::NoValue"}]}


def use_data_key(actions, *services):
    ways = [{"Fn::Sub": service + ".${AWS::Region}.${AWS::URLSuffix}"} for service in services]
    condition = {"StringEquals": {"kms:ViaService": ways}}
    return only_if("HasDataKey", {"Action": actions, "Resource": {"Ref": "DataKeyArn"}, "Condition": condition})


UNLOCK_NAMED_VOLUMES = only_if("HasVolumeKeys", UNLOCK_VOLUMES)
READ_AND_WRITE = ["kms:Decrypt", "kms:GenerateDataKey"]
SEND_TRACES = only_if("Traces", read(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]))
# Everything that any role may do. A statement that is not here, or lacks one of its conditions, is an error.
ALLOWED = {
    "AlarmsRole": [
        read("ec2:DescribeInstances"),
        read("ec2:DescribeSpotInstanceRequests"),
        read("cloudwatch:DescribeAlarms"),
        {
            "Action": "cloudwatch:PutMetricAlarm",
            "Resource": KEPT_ALARMS,
            "Condition": {
                "ForAllValues:StringEquals": {"cloudwatch:AlarmActions": [SCHEDULER]},
                "Null": {"cloudwatch:AlarmActions": "false"},
            },
        },
        {"Action": "cloudwatch:DeleteAlarms", "Resource": KEPT_ALARMS},
        {"Action": "sqs:SendMessage", "Resource": [FAILURES, DEAD_LETTERS]},
        use_data_key(READ_AND_WRITE, "sqs"),
        SEND_TRACES,
        logs("AlarmsLogs"),
    ],
    "AlarmsTickRole": [
        {"Action": "lambda:InvokeFunction", "Resource": {"Fn::GetAtt": ["AlarmsFunction", "Arn"]}},
        {"Action": "sqs:SendMessage", "Resource": DEAD_LETTERS},
        use_data_key(READ_AND_WRITE, "sqs"),
    ],
    "HelloRole": [SEND_TRACES, logs("HelloLogs")],
    "HomeRole": [
        read("ec2:DescribeInstances"),
        read("ec2:DescribeSpotInstanceRequests"),
        read("cloudwatch:ListMetrics"),
        read("cloudwatch:GetMetricData"),
        read("ssm:DescribeSessions"),
        on_opted_in("ec2:DescribeInstanceAttribute"),
        READ_LINK_KEY,
        use_data_key("kms:Decrypt", "secretsmanager"),
        SEND_TRACES,
        logs("HomeLogs"),
    ],
    "WakeRole": [
        read("ec2:DescribeInstances"),
        read("ec2:DescribeSpotInstanceRequests"),
        on_opted_in("ec2:StartInstances"),
        UNLOCK_NAMED_VOLUMES,
        tag_opted_in("ec2:CreateTags", WAKE_TAGS),
        READ_LINK_KEY,
        use_data_key("kms:Decrypt", "secretsmanager"),
        SEND_TRACES,
        logs("WakeLogs"),
    ],
    "SchedulerRole": [
        read("ec2:DescribeInstances"),
        read("ec2:DescribeSpotInstanceRequests"),
        read("cloudwatch:ListMetrics"),
        read("cloudwatch:GetMetricData"),
        read("cloudwatch:DescribeAlarms"),
        read("cloudwatch:DescribeAlarmContributors"),
        read("ssm:DescribeSessions"),
        on_opted_in("ec2:DescribeInstanceAttribute"),
        on_opted_in("ec2:StopInstances"),
        on_opted_in("ec2:StartInstances"),
        UNLOCK_NAMED_VOLUMES,
        tag_opted_in("ec2:CreateTags", SCHEDULER_TAGS),
        tag_opted_in("ec2:DeleteTags", SCHEDULER_TAGS),
        {"Action": "sns:Publish", "Resource": TOPIC},
        READ_LINK_KEY,
        only_if("HasAlarmQueue", {"Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], "Resource": {"Ref": "AlarmQueueArn"}}),
        {"Action": "sqs:SendMessage", "Resource": [FAILURES, DEAD_LETTERS]},
        use_data_key(READ_AND_WRITE, "secretsmanager", "sns", "sqs"),
        SEND_TRACES,
        logs("SchedulerLogs"),
    ],
    "SweepRole": [
        {"Action": "lambda:InvokeFunction", "Resource": SCHEDULER},
        {"Action": "sqs:SendMessage", "Resource": DEAD_LETTERS},
        use_data_key(READ_AND_WRITE, "sqs"),
    ],
}


def by_route(function, route):
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*/"
    return function, "apigateway.amazonaws.com", {"Fn::Sub": api + route}


ALARMS = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${AWS::StackName}-idle-*"
# Who may invoke which function, and on whose behalf.
INVOKERS = [
    ("SchedulerFunction", "lambda.alarms.cloudwatch.amazonaws.com", {"Fn::Sub": ALARMS}),
    ("SchedulerFunction", "events.amazonaws.com", {"Fn::GetAtt": ["StateChangeRule", "Arn"]}),
    by_route("HomeFunction", "GET/"),
    by_route("HomeFunction", "$default"),
    by_route("HomeFunction", "GET/instances"),
    by_route("HomeFunction", "GET/instances/*"),
    by_route("WakeFunction", "POST/instances/*/start"),
    by_route("WakeFunction", "POST/instances/*/keep-awake"),
    by_route("HelloFunction", "GET/hello"),
]


def only_by_tls(action, resource):
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, "Condition": condition}


# Who else may reach the queue and the topic.
RESOURCE_POLICIES = {
    "FailureQueuePolicy": [only_by_tls("sqs:*", FAILURES)],
    "DeadLetterQueuePolicy": [
        only_by_tls("sqs:*", DEAD_LETTERS),
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": DEAD_LETTERS,
            "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["StateChangeRule", "Arn"]}}},
        },
    ],
    "NotificationTopicPolicy": [only_by_tls("sns:Publish", TOPIC)],
    "OperatorTopicPolicy": [
        only_by_tls("sns:Publish", OPERATORS),
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": OPERATORS,
            "Condition": {
                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                "ArnLike": {"aws:SourceArn": {"Fn::Sub": ALARMS.replace("-idle-", "-watch-")}},
            },
        },
    ],
}


def of_type(resources, *types):
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] in types}


def statements_of(role):
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def unwrapped(statements):
    """The statements, and those that a condition of the template adds."""
    for statement in statements:
        branches = statement["Fn::If"][1:] if "Fn::If" in statement else [statement]
        yield from (branch for branch in branches if branch != {"Ref": "AWS::NoValue"})


def without(statement, *keys):
    """A statement without some of its keys, also where a condition of the template adds it."""
    if "Fn::If" in statement:
        return {"Fn::If": [branch if isinstance(branch, str) else without(branch, *keys) for branch in statement["Fn::If"]]}
    return {key: value for key, value in statement.items() if key not in keys}


def as_texts(documents):
    return sorted(json.dumps(document, sort_keys=True) for document in documents)


def problems(resources):
    roles = of_type(resources, "AWS::IAM::Role")
    if roles.keys() != ALLOWED.keys():
        yield f"the roles are {sorted(roles)}, expected {sorted(ALLOWED)}"
    for name, role in roles.items():
        if role.get("ManagedPolicyArns"):
            yield f"{name} has managed policies"
        statements = statements_of(role)
        stated = as_texts(without(statement, "Sid", "Effect") for statement in statements)
        expected = as_texts(ALLOWED.get(name, []))
        for statement in (s for s in stated if s not in expected):
            yield f"{name} may do what is not expected: {statement}"
        for statement in (s for s in expected if s not in stated):
            yield f"{name} lacks: {statement}"
        if any(s["Effect"] != "Allow" for s in unwrapped(statements)):
            yield f"{name} has a statement that does not allow"
    for name in ("SweepRole", "AlarmsTickRole"):
        trust = roles[name]["AssumeRolePolicyDocument"]["Statement"][0].get("Condition")
        if trust != {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}:
            yield f"{name} can be assumed for other accounts"
    permissions = of_type(resources, "AWS::Lambda::Permission").values()
    invokers = as_texts((p["FunctionName"]["Ref"], p["Principal"], p["SourceArn"]) for p in permissions)
    if invokers != as_texts(INVOKERS):
        yield f"the functions may be invoked by {invokers}"
    # The ARN of a rule names its account; with both conditions some events do not arrive.
    others = [p for p in permissions if p["Principal"] != "events.amazonaws.com"]
    if not all(p.get("SourceAccount") == {"Ref": "AWS::AccountId"} for p in others):
        yield "a permission to invoke is not narrowed to this account"
    policies = of_type(resources, "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
    if policies.keys() != RESOURCE_POLICIES.keys():
        yield f"the policies of queues and topics are {sorted(policies)}, expected {sorted(RESOURCE_POLICIES)}"
    for name, policy in policies.items():
        stated = as_texts(without(statement, "Sid") for statement in policy["PolicyDocument"]["Statement"])
        if stated != as_texts(RESOURCE_POLICIES.get(name, [])):
            yield f"{name} says {stated}"


def actions_of(resources):
    """Every role's actions, each with its statement."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for statement in unwrapped(statements_of(role)):
            actions = statement["Action"]
            yield from ((name, action, statement) for action in ([actions] if isinstance(actions, str) else actions))


# Its own log and traces, and what unlocks the secret that it may read.
OWN = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords", "kms:Decrypt"}


def reads(action):
    return action.partition(":")[2].startswith(("Describe", "List", "Get"))


def home_only_reads(template):
    """HomeRole reads, and writes its log and traces: it can change nothing."""
    for role, action, _ in actions_of(template["Resources"]):
        if role == "HomeRole" and not reads(action) and action not in OWN:
            yield action


def wake_cannot_stop(template):
    """WakeRole reads, starts, unlocks volumes, sets tags, and writes its log and traces: it can stop, change or delete nothing."""
    changes = {"ec2:StartInstances", "ec2:CreateTags", "kms:CreateGrant"} | OWN
    for role, action, _ in actions_of(template["Resources"]):
        if role == "WakeRole" and not reads(action) and action not in changes:
            yield action


def no_wildcards(template):
    """No role's action holds a wildcard."""
    yield from (f"{role}: {action}" for role, action, _ in actions_of(template["Resources"]) if "*" in action)


def opted_in_only(template):
    """Whatever changes an instance asks for its tag doze=on."""
    for role, action, statement in actions_of(template["Resources"]):
        if action.startswith("ec2:") and not reads(action):
            tag = statement.get("Condition", {}).get("StringEquals", {}).get("aws:ResourceTag/doze")
            if tag != "on":
                yield f"{role}: {action}"


def nodes(node, path=()):
    """A document's parts, each with its path."""
    yield path, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from nodes(child, (*path, key))


def secret_stays_secret(template):
    """Variables and outputs know the ARN of links' key; its value is generated, and nothing resolves to it."""
    shown = {f"output {name}": output["Value"] for name, output in template["Outputs"].items()}
    for name, function in of_type(template["Resources"], "AWS::Lambda::Function").items():
        variables = function.get("Environment", {}).get("Variables", {})
        shown |= {f"{name}/{variable}": value for variable, value in variables.items()}
    yield from (where for where, value in shown.items() if "LinkKey" in json.dumps(value) and value != LINK_KEY)
    for path, node in nodes(template):
        if path[-1:] == ("SecretString",) or (isinstance(node, str) and "{{resolve:" in node):
            yield "/".join(map(str, path))


def alarms_act_on_the_scheduler_alone(template):
    """AlarmsRole can make alarms that invoke the scheduler, and no other: by its own actions an alarm could stop instances."""
    for role, action, statement in actions_of(template["Resources"]):
        condition = statement.get("Condition", {})
        only = condition.get("ForAllValues:StringEquals", {}).get("cloudwatch:AlarmActions")
        if action == "cloudwatch:PutMetricAlarm" and (role, only) != ("AlarmsRole", [SCHEDULER]):
            yield f"{role}: {only}"


def cors_is_closed(template):
    """No page of another origin may read what the HTTP API answers."""
    for name, api in of_type(template["Resources"], "AWS::ApiGatewayV2::Api").items():
        if "CorsConfiguration" in api:
            yield name


def access_logs_hold_no_token(template):
    """The HTTP API is throttled, and its access log is JSON without paths, queries and headers: tokens are in them."""
    for name, stage in of_type(template["Resources"], "AWS::ApiGatewayV2::Stage").items():
        line = json.loads(stage["AccessLogSettings"]["Format"])
        leaks = ("path", "header", "querystring", "rawPath", "authorizer")
        yield from (f"{name}: {value}" for value in line.values() if any(leak in value for leak in leaks))
        if not all(stage["DefaultRouteSettings"].get(f"Throttling{limit}Limit") for limit in ("Rate", "Burst")):
            yield f"{name}: not throttled"


def lost_events_end_in_queues(template):
    """Whatever invokes a function by the clock or an event has its own retries and a dead-letter queue, and so has the function."""
    for name, schedule in of_type(template["Resources"], "AWS::Scheduler::Schedule").items():
        if not schedule["Target"].get("RetryPolicy") or schedule["Target"].get("DeadLetterConfig") != {"Arn": DEAD_LETTERS}:
            yield name
    for name, rule in of_type(template["Resources"], "AWS::Events::Rule").items():
        if not all(target.get("RetryPolicy") and target.get("DeadLetterConfig") == {"Arn": DEAD_LETTERS} for target in rule["Targets"]):
            yield name
    configs = of_type(template["Resources"], "AWS::Lambda::EventInvokeConfig").values()
    for name in ("SchedulerFunction", "AlarmsFunction"):
        function = template["Resources"][name]["Properties"]
        config = next((c for c in configs if c["FunctionName"] == {"Ref": name}), {})
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        bounds = {"MaximumEventAgeInSeconds", "MaximumRetryAttempts"}
        if destination != FAILURES or not bounds <= config.keys() or function.get("DeadLetterConfig") != {"TargetArn": DEAD_LETTERS}:
            yield name


# What each function writes, by its dimensions besides FunctionName.
WRITTEN = {
    ("SchedulerFunction", ()): {"Stops", "Starts", "Asleep", "SavedPerHour", "Sweeps"},
    ("SchedulerFunction", ("Verdict", "Reason")): {"Decisions"},
    ("SchedulerFunction", ("Code",)): {"Failures"},
    ("AlarmsFunction", ()): {"RefusedAlarms"},
    ("WakeFunction", ()): {"Starts", "KeptAwake"},
}


def watched(node):
    """The metrics of Doze's own that alarms and a dashboard look at: the name, the function, and the other dimensions."""
    if isinstance(node, dict):
        if node.get("Namespace") == "Doze":
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in node.get("Dimensions", [])}
            function = dimensions.pop("FunctionName", {}).get("Ref")
            yield node["MetricName"], function, tuple(dimensions)
        if "Doze" in str(node.get("Expression", "")):
            yield from searched(node["Expression"])
        if "DashboardBody" in node:
            for widget in json.loads(node["DashboardBody"]["Fn::Sub"])["widgets"]:
                yield from drawn(widget["properties"].get("metrics", []))
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from watched(child)


def drawn(metrics):
    """Those of a widget. A dot stands for what the metric before has in its place."""
    before = []
    for metric in metrics:
        words = [word for word in metric if isinstance(word, str)]
        if not words:
            if "Doze" in metric[0]["expression"]:
                yield from searched(metric[0]["expression"])
            continue
        before = [old if new == "." else new for new, old in itertools.zip_longest(words, before[: len(words)])]
        if before[0] == "Doze":
            dimensions = dict(zip(before[2::2], before[3::2]))
            yield before[1], dimensions.pop("FunctionName", "").strip("${}"), tuple(dimensions)


def searched(expression):
    """Those that a search finds. One that is written otherwise is a metric without a name, which nobody writes."""
    schema = re.search(r"\{Doze,FunctionName,?([\w,]*)\}", expression)
    function = re.search(r'FunctionName="\$\{(\w+)\}"', expression)
    names = re.findall(r'MetricName="(\w+)"', expression)
    if not (schema and function and len(names) == 1):
        yield expression, None, ()
    else:
        yield names[0], function[1], tuple(filter(None, schema[1].split(",")))


def metrics_are_written(template):
    """Whatever of Doze's own metrics an alarm or the dashboard watches, that function writes: else an alarm rings for ever, or never."""
    names = set(watched(template["Resources"]))
    if not names:
        yield "no metric of Doze's is watched"
    for name, function, dimensions in sorted(names, key=str):
        if name not in WRITTEN.get((function, dimensions), ()):
            yield f"{name} of {function} by {dimensions}"
    for (function, _), written in WRITTEN.items():
        folder = INFRA.parent / "crates" / function.removesuffix("Function").lower() / "src"
        source = "".join(path.read_text().partition("#[cfg(test)]")[0] for path in folder.rglob("*.rs"))
        yield from (f"{function} does not name {name}" for name in sorted(written) if f'"{name}"' not in source)


def routes_of(template):
    return {route["RouteKey"]: route for route in of_type(template["Resources"], "AWS::ApiGatewayV2::Route").values()}


def routes_are_described(template):
    """The template's routes are those of infra/openapi.yaml."""
    paths = yaml_parse((INFRA / "openapi.yaml").read_text())["paths"]
    methods = ("get", "put", "post", "delete", "options", "patch", "trace")
    described = {f"{method.upper()} {path}" for path, item in paths.items() for method in item if method in methods}
    routes = routes_of(template).keys() - {"$default"}
    yield from (f"only in the template: {route}" for route in routes - described)
    yield from (f"only in openapi.yaml: {route}" for route in described - routes)


def identity_provider_guards(template):
    """With an identity provider, every route under /instances asks for its token, too, and so does that for all others."""
    kind = {"Fn::If": ["HasJwt", "JWT", "NONE"]}
    authorizer = {"Fn::If": ["HasJwt", {"Ref": "JwtAuthorizer"}, {"Ref": "AWS::NoValue"}]}
    for key, route in routes_of(template).items():
        if ("/instances" in key or key == "$default") and (route.get("AuthorizationType"), route.get("AuthorizerId")) != (kind, authorizer):
            yield key


CLAIMS = [
    home_only_reads,
    wake_cannot_stop,
    no_wildcards,
    opted_in_only,
    alarms_act_on_the_scheduler_alone,
    cors_is_closed,
    access_logs_hold_no_token,
    lost_events_end_in_queues,
    metrics_are_written,
    secret_stays_secret,
    routes_are_described,
    identity_provider_guards,
]


def without_each_condition(resources):
    """The template with one condition removed, each in turn; a statement that a condition adds is then always there."""

    def conditions(node, path):
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("Condition", "SourceArn", "SourceAccount") and not isinstance(value, str):
                    inner = value if key == "Condition" else {}
                    yield from ([*path, key, operator] for operator in inner)
                    yield [*path, key]
                if key == "Fn::If":
                    yield [*path, key]
                yield from conditions(value, [*path, key])
        elif isinstance(node, list):
            for index, value in enumerate(node):
                yield from conditions(value, [*path, index])

    types = ("AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
    guarded = {name: resource for name, resource in resources.items() if resource["Type"] in types}
    for path in list(conditions(guarded, [])):
        changed = json.loads(json.dumps(resources))
        node = changed
        for key in path[:-1]:
            node = node[key]
        taken = node.pop(path[-1])
        if path[-1] == "Fn::If":
            node.update(taken[1])
        yield path, changed


def main():
    template = transformed()
    resources = template["Resources"]
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
    if not found:
        print(f"ok: {len(ALLOWED)} roles, {len(INVOKERS)} permissions and {len(RESOURCE_POLICIES)} policies as expected")
        print(f"ok: {removed} conditions removed in turn, each noticed")
    for claim in CLAIMS:
        exceptions = [f"{claim.__doc__} Not so: {exception}" for exception in claim(template)]
        if not exceptions:
            print(f"ok: {claim.__doc__}")
        found += exceptions
    for problem in found:
        print(f"check_template: {problem}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
