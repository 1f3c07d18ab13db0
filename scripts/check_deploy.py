"""Deploys the template into an emulated account, changes every parameter once, and takes the stack down: each value must arrive, and
nothing of Doze's may be left behind."""

import json
import re

from stack import ROOT, account, check, say, wait_for

KEY = "arn:aws:kms:eu-west-1:000000000000:key/11111111-2222-3333-4444-555555555555"
PRICES = '{"t3.micro":0.01}'
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:alarms"
POLICIES = '{"night":{"lookback_minutes":120}}'


class Stack:
    """What the stack is made of, as the account shows it."""

    def __init__(self, aws):
        self.aws = aws

    def physical(self, logical_id):
        try:
            detail = self.aws.cloudformation.describe_stack_resource(StackName="doze", LogicalResourceId=logical_id)
        except self.aws.cloudformation.exceptions.ClientError:
            return None
        return detail["StackResourceDetail"]["PhysicalResourceId"]

    def function(self, name):
        return self.aws.lambda_.get_function_configuration(FunctionName=self.aws.function(name))

    def variable(self, name, function="scheduler"):
        return self.function(function)["Environment"]["Variables"].get(name)

    def schedule(self, logical_id):
        return self.aws.scheduler.get_schedule(Name=self.physical(logical_id))["ScheduleExpression"]

    def alarm(self, name):
        found = self.aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return found[0] if found else None

    def subscribers(self, output):
        answer = self.aws.sns.list_subscriptions_by_topic(TopicArn=self.aws.outputs[output])
        return [subscription["Endpoint"] for subscription in answer["Subscriptions"]]

    def statements(self, logical_id):
        role = self.physical(logical_id)
        names = self.aws.iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [self.aws.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return json.dumps(documents)

    def routes(self):
        return self.aws.apigateway.get_routes(ApiId=self.aws.outputs["HttpApiId"])["Items"]


def in_variable(name, value, function="scheduler"):
    return value, lambda stack: stack.variable(name, function) == value


# Each parameter: a value that is not its default, and how to see that it has arrived.
CHANGES = {
    "Mode": in_variable("DOZE_MODE", "enforce"),
    "MaxStops": in_variable("DOZE_MAX_STOPS", "7"),
    "MaxStopsPercent": in_variable("DOZE_MAX_STOPS_PERCENT", "90"),
    "GraceMinutes": in_variable("DOZE_GRACE_MINUTES", "15"),
    "VolumeKeyArns": (KEY, lambda stack: KEY in stack.statements("WakeRole")),
    "Policy": in_variable("DOZE_POLICY", "night"),
    "CustomPolicies": in_variable("DOZE_POLICIES", POLICIES),
    "SweepRate": ("rate(2 hours)", lambda stack: stack.schedule("SweepSchedule") == "rate(2 hours)"),
    "StateChanges": ("ignored", lambda stack: stack.aws.events.describe_rule(Name=stack.physical("StateChangeRule"))["State"] == "DISABLED"),
    "StartRate": ("rate(10 minutes)", lambda stack: stack.schedule("StartSchedule") == "rate(10 minutes)"),
    "IdleAlarms": ("fleet", lambda stack: stack.alarm("doze-idle-fleet")),
    # `sam deploy` takes away quotes within quotes.
    "FleetAlarmFilter": ("tag.doze = on", lambda stack: " WHERE tag.doze = on GROUP BY " in stack.alarm("doze-idle-fleet")["MetricName"]),
    "AlarmQueueArn": (QUEUE, lambda stack: QUEUE in stack.statements("SchedulerRole") and stack.physical("AlarmQueueSource")),
    "HoldMinutes": in_variable("DOZE_HOLD_MINUTES", "30", "wake"),
    "MaxKeepHours": in_variable("DOZE_MAX_KEEP_HOURS", "48", "wake"),
    "NotificationEmail": ("a@example.com", lambda stack: "a@example.com" in stack.subscribers("NotificationTopicArn")),
    "LinkHours": in_variable("DOZE_LINK_HOURS", "24"),
    "JwtIssuer": ("https://id.example.com", lambda stack: stack.physical("JwtAuthorizer")),
    "JwtAudience": ("doze", lambda stack: any(route.get("AuthorizationType") == "JWT" for route in stack.routes())),
    # Every deployment here sets it: the functions were built for this machine.
    "Architecture": None,
    # The emulator reserves nothing.
    "ReservedConcurrency": None,
    "LogLevel": ("DEBUG", lambda stack: stack.function("home")["LoggingConfig"]["ApplicationLogLevel"] == "DEBUG"),
    "LogRetentionDays": (
        "7",
        lambda stack: {group["retentionInDays"] for group in groups(stack.aws)} == {7},
    ),
    "Tracing": ("Active", lambda stack: stack.function("hello")["TracingConfig"]["Mode"] == "Active" and "xray:" in stack.statements("HelloRole")),
    "DataKeyArn": (KEY, lambda stack: KEY in stack.statements("SchedulerRole")),
    "OperatorEmail": ("o@example.com", lambda stack: "o@example.com" in stack.subscribers("OperatorTopicArn")),
    "HeartbeatHours": ("6", lambda stack: stack.alarm("doze-watch-heartbeat")["EvaluationPeriods"] == 6),
    "HourlyPrices": in_variable("DOZE_PRICES", PRICES),
}
# Values that CloudFormation must refuse by the template's own constraints.
REFUSED = {
    "Mode": ["on", "Enforce", ""],
    "MaxStops": ["-1", "1001"],
    "MaxStopsPercent": ["101"],
    "GraceMinutes": ["10081"],
    "VolumeKeyArns": ["alias/mine", "arn:aws:kms:eu-west-1:1:key/x"],
    "CustomPolicies": ["[]", "x"],
    "SweepRate": ["1 hour", "rate()"],
    "IdleAlarms": ["all"],
    "FleetAlarmFilter": ["a; b"],
    "AlarmQueueArn": ["alarms", "arn:aws:sns:eu-west-1:000000000000:alarms"],
    "NotificationEmail": ["nobody"],
    "JwtIssuer": ["http://id.example.com"],
    "LogLevel": ["ERROR", "info"],
    "DataKeyArn": ["mine"],
    "HeartbeatHours": ["0", "25"],
    "HourlyPrices": ["0.1"],
}


def groups(aws):
    return [group for page in aws.logs.get_paginator("describe_log_groups").paginate() for group in page["logGroups"] if "doze" in group["logGroupName"]]


def everything(aws):
    """Whatever an account holds of the kinds that the template makes."""
    return {
        "functions": {f["FunctionName"] for f in aws.lambda_.list_functions()["Functions"]},
        "roles": {role["RoleName"] for role in aws.iam.list_roles()["Roles"]},
        "queues": set(aws.sqs.list_queues().get("QueueUrls", [])),
        "topics": {topic["TopicArn"] for topic in aws.sns.list_topics()["Topics"]},
        "subscriptions": {s["Endpoint"] for s in aws.sns.list_subscriptions()["Subscriptions"]},
        "alarms": {alarm["AlarmName"] for alarm in aws.cloudwatch.describe_alarms()["MetricAlarms"]},
        "dashboards": {entry["DashboardName"] for entry in aws.cloudwatch.list_dashboards()["DashboardEntries"]},
        "log groups": {group["logGroupName"] for group in groups(aws)},
        "secrets": {secret["Name"] for secret in aws.secretsmanager.list_secrets()["SecretList"]},
        "schedules": {schedule["Name"] for schedule in aws.scheduler.list_schedules()["Schedules"]},
        "rules": {rule["Name"] for rule in aws.events.list_rules()["Rules"]},
        "APIs": {api["ApiId"] for api in aws.apigateway.get_apis()["Items"]},
    }


def declared():
    """The template's parameters, each with its lines."""
    text = (ROOT / "infra/template.yaml").read_text()
    block = text[text.index("\nParameters:\n") : text.index("\nRules:\n")]
    return {name: lines for name, lines in re.findall(r"^  (\w+):\n((?:    .*\n)+)", block, re.M)}


def constraint(lines, name):
    found = re.search(rf"^    {name}: (.*)$", lines, re.M)
    return found and found.group(1)


def is_refused(lines, value):
    """Whether the constraints of a parameter rule a value out, as CloudFormation reads them."""
    allowed, pattern = constraint(lines, "AllowedValues"), constraint(lines, "AllowedPattern")
    least, most = constraint(lines, "MinValue"), constraint(lines, "MaxValue")
    if allowed and value not in re.split(r",\s*", allowed.strip("[]")):
        return True
    if pattern and not re.fullmatch(pattern, value):
        return True
    return bool(least and float(value) < float(least) or most and float(value) > float(most))


def take_down(aws):
    """Deletes the stack. Nothing of it may be left, and nothing of others may go."""
    aws.cloudformation.delete_stack(StackName="doze")
    stacks = lambda: aws.cloudformation.list_stacks()["StackSummaries"]
    gone = lambda: all(s["StackStatus"] == "DELETE_COMPLETE" for s in stacks() if s["StackName"] == "doze")
    wait_for("the deletion", gone, seconds=120)
    left = everything(aws)
    check(left.pop("alarms") == {"doze-idle-mine"}, "the stack goes, and every alarm but the user's own")
    for kind, names in left.items():
        check(not names, f"{kind} that are left: {', '.join(sorted(names)) or 'none'}")


def main():
    with account() as aws:
        stack = Stack(aws)
        say("Bad values")
        known = declared()
        check(known.keys() == CHANGES.keys(), f"each of the {len(known)} parameters has a change here")
        for name, values in REFUSED.items():
            check(all(is_refused(known[name], value) for value in values), f"{name} is not {' or '.join(map(repr, values))}")
        for name, change in CHANGES.items():
            check(change is None or not is_refused(known[name], change[0]), f"{name} may be {'anything allowed' if change is None else change[0]}")

        say("Deployments")
        aws.cloudwatch.put_metric_alarm(
            AlarmName="doze-idle-mine", Namespace="AWS/EC2", MetricName="CPUUtilization", ComparisonOperator="LessThanThreshold",
            Threshold=1, Period=300, EvaluationPeriods=1, Statistic="Maximum",
        )
        # A first deployment leaves the CLI's own bucket stack behind.
        check(aws.deploy() == "CREATE_COMPLETE", "it deploys with nothing but defaults")
        check(aws.deploy() == "CREATE_COMPLETE", "again: nothing changes")
        check(stack.variable("DOZE_MODE") == "dry-run", "by default it is a dry run")
        values = {name: change[0] for name, change in CHANGES.items() if change}
        aws.deploy(**{name: f"'{value}'" for name, value in values.items()})
        for name, change in CHANGES.items():
            if change:
                check(change[1](stack), f"{name}={change[0]} arrives in place")
        take_down(aws)

        say("Alarms that Doze keeps")
        ids = [aws.launch(f"watched-{number}") for number in range(3)]
        are_there = lambda: [bool(stack.alarm(f"doze-idle-auto-{instance}")) for instance in ids]
        aws.deploy(IdleAlarms="instances")
        check(all(are_there()), "the instances' alarms come with their parameter")
        # The emulator sees no change where only conditions change; so another parameter changes, too. And what an update took
        # out goes after it is complete.
        aws.deploy(IdleAlarms="none", MaxStops="9")
        wait_for("the alarms' end", lambda: not any(are_there()))
        check(not any(are_there()), "and go with it")
        aws.deploy(IdleAlarms="instances", MaxStops="10")
        check(all(are_there()), "they come again")
        take_down(aws)
    say("Done: every parameter arrives, and nothing stays behind.")


main()
