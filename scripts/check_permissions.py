"""Proves what Doze may do: deploys the template on paper, and lets an evaluator of IAM policies decide about requests. Each
role may do what it is meant to, and of all actions of the services that it has to do with, nothing else; other accounts and
services come in where they are meant to. Without any one condition, any one statement or any one entry of a list, and with any
resource widened to all, a decision turns out differently."""

import collections
import fnmatch
import functools
import json
import os
import re
import subprocess
import sys

from check_template import INVOKERS, SCHEDULER_TAGS, WAKE_TAGS, statements_of, transformed, unwrapped
from policies import ACCOUNT, ATTACHED, GRANTS, HERE, PERMISSION, REGION, ROLE, Deployment, statements, unknown

OTHER_ACCOUNT, OTHER_REGION = "444455556666", "us-east-1"
INSTANCE = f"arn:aws:ec2:{HERE}:instance/i-0123456789abcdef0"
VOLUME = f"arn:aws:ec2:{HERE}:volume/vol-0123456789abcdef0"
ALARMS = f"arn:aws:cloudwatch:{HERE}:alarm:"
VOLUME_KEY, DATA_KEY, OTHER_KEY = (f"arn:aws:kms:{HERE}:key/{letter * 8}-0000-0000-0000-000000000000" for letter in "abc")
ALARM_QUEUE = f"arn:aws:sqs:{HERE}:alarms"
OPTIONS = {
    "VolumeKeyArns": VOLUME_KEY, "DataKeyArn": DATA_KEY, "AlarmQueueArn": ALARM_QUEUE, "Tracing": "Active", "IdleAlarms": "instances",
}
# Each option alone as well: what comes with one must not depend on another.
ALONE = {f"{name} alone": {name: value} for name, value in OPTIONS.items()}
DEPLOYMENTS = {"no option": {}} | ALONE | {"every option": OPTIONS}
# What a request says about itself unless a row says otherwise.
USUAL = {"aws:RequestedRegion": REGION, "aws:SecureTransport": "true"}
# Whoever may do anything at all by the policies of the own account.
ADMINISTRATOR = {"Effect": "Allow", "Action": "*", "Resource": "*"}
# Where a key's policy leaves it to IAM, as most do.
LEFT_TO_IAM = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
# Beyond those that a role's own statements name.
SWEPT = {"autoscaling", "cloudwatch", "ec2", "ec2-instance-connect", "events", "iam", "lambda", "scheduler", "sns", "sqs"}
SWEPT |= {"ssm", "sts"}
# AWS's list of actions, from which the evaluator knows resources and keys, lacks these.
UNLISTED = {"cloudwatch:DescribeAlarmContributors"}

# What nobody can be denied.
ALWAYS = {"sts:GetCallerIdentity"}

# One request, and whether it goes through; `with_option` names the option without which it does not.
Row = collections.namedtuple("Row", "who action resource context allowed why with_option", defaults=(None,))


def yes(action, resource, context, with_option=None):
    return Row(None, action, resource, context, True, "as it is meant to", with_option)


def no(action, resource, context, why):
    return Row(None, action, resource, context, False, why)


# What roles are meant to do, each with what comes close to it and is denied.


def reads(*actions, with_option=None):
    for action in actions:
        resource = f"{ALARMS}*" if action == "cloudwatch:DescribeAlarms" else "*"
        yield yes(action, resource, {}, with_option)
        yield no(action, resource, {"aws:RequestedRegion": OTHER_REGION}, "in another Region")


def tagged(value):
    return {"aws:ResourceTag/doze": value}


def on_opted_in(action, context=None):
    context = context or {}
    yield yes(action, INSTANCE, context | tagged("on"))
    yield no(action, INSTANCE, context, "an instance without the tag")
    yield no(action, INSTANCE, context | {"aws:ResourceTag/dozed": "on"}, "an instance with a tag that begins like it")
    for value in ("off", "On", "on ", ""):
        yield no(action, INSTANCE, context | tagged(value), f"an instance with doze={value!r}")
    for place in (f"{OTHER_REGION}:{ACCOUNT}", f"{REGION}:{OTHER_ACCOUNT}"):
        yield no(action, INSTANCE.replace(HERE, place), context | tagged("on"), f"an instance of {place}")


def tags_opted_in(action, keys):
    for some in [[key] for key in keys] + [keys]:
        yield yes(action, INSTANCE, {"aws:TagKeys": some} | tagged("on"))
    yield from on_opted_in(action, {"aws:TagKeys": keys})
    for strange in ("doze", "doze:policy", "doze:schedule", "doze:stop-at2", "Name"):
        yield no(action, INSTANCE, {"aws:TagKeys": [strange]} | tagged("on"), f"the tag {strange}")
        yield no(action, INSTANCE, {"aws:TagKeys": [*keys, strange]} | tagged("on"), f"the tag {strange} among its own")
    for other in sorted(set(SCHEDULER_TAGS + WAKE_TAGS) - set(keys)):
        yield no(action, INSTANCE, {"aws:TagKeys": [other]} | tagged("on"), f"the tag {other} of another function")
    yield no(action, INSTANCE, tagged("on"), "no tag named, which means all where tags are deleted")
    yield no(action, VOLUME, {"aws:TagKeys": keys} | tagged("on"), "a volume")


def unlocks_volumes():
    action, proper = "kms:CreateGrant", {"kms:GrantIsForAWSResource": "true", "kms:ViaService": f"ec2.{REGION}.amazonaws.com"}
    yield yes(action, VOLUME_KEY, proper, "VolumeKeyArns")
    yield no(action, OTHER_KEY, proper, "a key that the parameter does not name")
    yield no(action, VOLUME_KEY, proper | {"kms:GrantIsForAWSResource": "false"}, "a grant for somebody else")
    yield no(action, VOLUME_KEY, proper | {"kms:ViaService": f"rds.{REGION}.amazonaws.com"}, "by way of another service")
    yield from (no(action, VOLUME_KEY, {key: proper[key]}, f"with {key} alone") for key in proper)


def uses_data_key(services, *actions):
    for action in actions:
        for service in services:
            yield yes(action, DATA_KEY, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}, "DataKeyArn")
        for service in {"secretsmanager", "sns", "sqs", "ec2", "lambda"} - set(services):
            yield no(action, DATA_KEY, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}, f"by way of {service}")
        yield no(action, DATA_KEY, {"kms:ViaService": f"{services[0]}.{OTHER_REGION}.amazonaws.com"}, "in another Region")
        yield no(action, DATA_KEY, {}, "by itself")
        yield no(action, OTHER_KEY, {"kms:ViaService": f"{services[0]}.{REGION}.amazonaws.com"}, "another key")


def reads_secret(secret):
    action, stage = "secretsmanager:GetSecretValue", "secretsmanager:VersionStage"
    yield from (yes(action, secret, {stage: known}) for known in ("AWSCURRENT", "AWSPREVIOUS"))
    yield no(action, secret, {stage: "AWSPENDING"}, "another version")
    yield no(action, secret, {}, "no version stage")
    yield no(action, f"arn:aws:secretsmanager:{HERE}:secret:somebody-else-a1b2c3", {stage: "AWSCURRENT"}, "another secret")


def uses(action, resources, kind):
    """An action on some resources of the stack, and on none of those of others."""
    for resource in resources:
        yield yes(action, resource, {})
    yield no(action, f"arn:aws:{kind}somebody-else", {}, "another resource")


def sends(*queues):
    yield from uses("sqs:SendMessage", queues, f"sqs:{HERE}:")
    yield from (no("sqs:SendMessage", queue, {"aws:SecureTransport": "false"}, "without TLS") for queue in queues)


def takes_alarms(*other_queues):
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
        yield yes(action, ALARM_QUEUE, {}, "AlarmQueueArn")
        for other in (f"{ALARM_QUEUE}-of-others", *other_queues):
            yield no(action, other, {}, "another queue")


def publishes(topic):
    yield from uses("sns:Publish", [topic], f"sns:{HERE}:")
    yield no("sns:Publish", topic, {"aws:SecureTransport": "false"}, "without TLS")


def writes_logs(group):
    stream = f"{group.removesuffix(':*')}:log-stream:2026"
    others = f"logs:{HERE}:log-group:/aws/lambda/doze-another:log-stream:"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield from uses(action, [stream], others)


def sends_traces():
    for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
        yield from reads(action, with_option="Tracing")


def keeps_alarms(scheduler):
    alarm, acts = f"{ALARMS}doze-idle-auto-i-0123456789abcdef0", lambda *actions: {"cloudwatch:AlarmActions": list(actions)}
    stops = f"arn:aws:automate:{REGION}:ec2:stop"
    yield yes("cloudwatch:PutMetricAlarm", alarm, acts(scheduler))
    yield yes("cloudwatch:DeleteAlarms", alarm, {})
    for other in ("doze-idle-mine", "doze-watch-heartbeat", "somebody-else"):
        yield no("cloudwatch:PutMetricAlarm", f"{ALARMS}{other}", acts(scheduler), f"the alarm {other}")
        yield no("cloudwatch:DeleteAlarms", f"{ALARMS}{other}", {}, f"the alarm {other}")
    yield no("cloudwatch:PutMetricAlarm", alarm, acts(stops), "an alarm that stops its instance by itself")
    yield no("cloudwatch:PutMetricAlarm", alarm, acts(scheduler, stops), "an alarm that also stops its instance by itself")
    yield no("cloudwatch:PutMetricAlarm", alarm, {}, "an alarm without an action")


EVERY_SWEEP_READS = ("ec2:DescribeInstances", "ec2:DescribeSpotInstanceRequests")
MEASURES = ("cloudwatch:ListMetrics", "cloudwatch:GetMetricData", "ssm:DescribeSessions")


def meant(stack):
    """What each role is meant to do. A role or a permission that is new in the template belongs here, too."""
    failures, letters, link_key = stack.arn("FailureQueue"), stack.arn("DeadLetterQueue"), stack.arn("LinkKey")
    scheduler, topic = stack.arn("SchedulerFunction"), stack.arn("NotificationTopic")
    function = lambda name: [*sends_traces(), *writes_logs(stack.arn(f"{name}Logs"))]
    tick = lambda to: [
        *uses("lambda:InvokeFunction", [stack.arn(to)], f"lambda:{HERE}:function:"),
        *sends(letters),
        *uses_data_key(["sqs"], "kms:Decrypt", "kms:GenerateDataKey"),
    ]
    return {
        "HelloRole": function("Hello"),
        "HomeRole": [
            *reads(*EVERY_SWEEP_READS, *MEASURES),
            *on_opted_in("ec2:DescribeInstanceAttribute"),
            *reads_secret(link_key),
            *uses_data_key(["secretsmanager"], "kms:Decrypt"),
            *function("Home"),
        ],
        "WakeRole": [
            *reads(*EVERY_SWEEP_READS),
            *on_opted_in("ec2:StartInstances"),
            *unlocks_volumes(),
            *tags_opted_in("ec2:CreateTags", WAKE_TAGS),
            *reads_secret(link_key),
            *uses_data_key(["secretsmanager"], "kms:Decrypt"),
            *function("Wake"),
        ],
        "SchedulerRole": [
            *reads(*EVERY_SWEEP_READS, *MEASURES, "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmContributors"),
            *on_opted_in("ec2:DescribeInstanceAttribute"),
            *on_opted_in("ec2:StopInstances"),
            *on_opted_in("ec2:StartInstances"),
            *unlocks_volumes(),
            *tags_opted_in("ec2:CreateTags", SCHEDULER_TAGS),
            *tags_opted_in("ec2:DeleteTags", SCHEDULER_TAGS),
            *publishes(topic),
            *reads_secret(link_key),
            *takes_alarms(failures, letters),
            *sends(failures, letters),
            *uses_data_key(["secretsmanager", "sns", "sqs"], "kms:Decrypt", "kms:GenerateDataKey"),
            *function("Scheduler"),
        ],
        "AlarmsRole": [
            *reads(*EVERY_SWEEP_READS, "cloudwatch:DescribeAlarms"),
            *keeps_alarms(scheduler),
            *sends(failures, letters),
            *uses_data_key(["sqs"], "kms:Decrypt", "kms:GenerateDataKey"),
            *function("Alarms"),
        ],
        "SweepRole": tick("SchedulerFunction"),
        "AlarmsTickRole": tick("AlarmsFunction"),
    }


# Who comes in from outside, by the policies of what they come to.


def source(arn, account=ACCOUNT):
    return {"aws:SourceArn": arn, "aws:SourceAccount": account}


def trusted(stack):
    """Who may act in a role: the service that it is for, on this account's behalf, and no person."""
    for role in stack.names(ROLE):
        name, ticks = stack.arn(role), role in ("SweepRole", "AlarmsTickRole")
        service, other = ("scheduler", "lambda") if ticks else ("lambda", "scheduler")
        row = lambda who, context, allowed, why: Row(who, "sts:AssumeRole", name, context, allowed, why)
        yield row(f"{service}.amazonaws.com", {"aws:SourceAccount": ACCOUNT}, True, "as it is meant to")
        for stranger in (other, "ec2", "cloudformation"):
            yield row(f"{stranger}.amazonaws.com", {"aws:SourceAccount": ACCOUNT}, False, "another service")
        if ticks:
            yield row("scheduler.amazonaws.com", {"aws:SourceAccount": OTHER_ACCOUNT}, False, "on another account's behalf")
        for account in (ACCOUNT, OTHER_ACCOUNT):
            yield row(f"arn:aws:iam::{account}:user/administrator", {}, False, f"an administrator of {account}")


def invokers(stack):
    """Who invokes which function: each known source invokes the functions that it is for, and nobody else does."""
    known = [(function, service, an_example(stack.value(arn))) for function, service, arn in INVOKERS]
    for function in stack.names("AWS::Lambda::Function"):
        name = stack.arn(function)
        row = lambda who, context, allowed, why: Row(who, "lambda:InvokeFunction", name, context, allowed, why)
        for to, service, arn in known:
            yield row(service, source(arn), to == function, f"on behalf of {arn}")
            for account in (ACCOUNT, OTHER_ACCOUNT):
                foreign = source(arn.replace(ACCOUNT, OTHER_ACCOUNT), account)
                yield row(service, foreign, False, "on behalf of another account's source")
            # Events come without the account at times; the ARN of their rule names it.
            if service != "events.amazonaws.com":
                yield row(service, source(arn, OTHER_ACCOUNT), False, "where account and source do not go together")
            yield row(service, source(stranger_than(arn)), False, "on behalf of somebody else's source")
            yield row(service, {"aws:SourceAccount": ACCOUNT}, False, "on nobody's behalf")
            yield row("s3.amazonaws.com", source(arn), False, "another service")
        yield row(f"arn:aws:iam::{OTHER_ACCOUNT}:user/administrator", {}, False, "an administrator of another account")


def an_example(arn):
    """An ARN that a pattern stands for: API Gateway's names stage and instance, an alarm's the rest of its name."""
    if "execute-api" in arn:
        return arn.replace("*", "$default", 1).replace("*", "i-0123456789abcdef0")
    return arn.replace("*", "mine")


def stranger_than(arn):
    """The ARN of something like it: another API, another alarm or another rule."""
    head, _, name = arn.partition("/" if "execute-api" in arn or ":rule/" in arn else ":alarm:")
    return f"{head}2/{name}" if "execute-api" in arn else arn.replace(name, f"another-{name}")


def attached(stack):
    """Who reaches queues and topics: by TLS, and from outside only the services that are meant to."""
    rule, letters, operators = stack.arn("StateChangeRule"), stack.arn("DeadLetterQueue"), stack.arn("OperatorTopic")
    watch = f"{ALARMS}doze-watch-heartbeat"
    comers = [
        ("sqs:SendMessage", letters, "events.amazonaws.com", rule),
        ("sns:Publish", operators, "cloudwatch.amazonaws.com", watch),
    ]
    ways = [("sqs:SendMessage", name) for name in stack.names("AWS::SQS::Queue")]
    ways += [("sns:Publish", name) for name in stack.names("AWS::SNS::Topic")]
    for action, resource in ((action, stack.arn(name)) for action, name in ways):
        row = lambda who, context, allowed, why: Row(who, action, resource, context, allowed, why)
        for for_action, to, service, arn in comers:
            comes = (action, resource) == (for_action, to)
            yield row(service, source(arn), comes, f"on behalf of {arn}")
            yield row(service, source(arn) | {"aws:SecureTransport": "false"}, False, "without TLS")
            for account in (ACCOUNT, OTHER_ACCOUNT):
                foreign = source(arn.replace(ACCOUNT, OTHER_ACCOUNT), account)
                yield row(service, foreign, False, "on behalf of another account's source")
            if service == "cloudwatch.amazonaws.com":
                yield row(service, source(arn, OTHER_ACCOUNT), False, "where account and source do not go together")
            yield row(service, source(stranger_than(arn)), False, "on behalf of somebody else's source")
            yield row(service, {"aws:SourceAccount": ACCOUNT}, False, "on nobody's behalf")
            yield row("s3.amazonaws.com", source(arn), False, "another service")
        own = f"arn:aws:iam::{ACCOUNT}:user/administrator"
        yield row(own, {}, True, "the account's own administrator")
        yield row(own, {"aws:SecureTransport": "false"}, False, "the account's own administrator, without TLS")
        yield row(f"arn:aws:iam::{OTHER_ACCOUNT}:user/administrator", {}, False, "an administrator of another account")
    for queue in map(stack.arn, stack.names("AWS::SQS::Queue")):
        own = f"arn:aws:iam::{ACCOUNT}:user/administrator"
        yield Row(own, "sqs:ReceiveMessage", queue, {"aws:SecureTransport": "false"}, False, "reading without TLS")


def rows_of(stack):
    own = [row._replace(who=role) for role, rows in meant(stack).items() for row in rows]
    return list(dict.fromkeys(map(hashable, [*own, *trusted(stack), *invokers(stack), *attached(stack)])))


def hashable(row):
    return row._replace(context=tuple((key, tuple(v) if isinstance(v, list) else v) for key, v in row.context.items()))


# How requests are decided.


class World:
    """What everybody may do in one deployment: statements by role, and those attached to resources, by ARN."""

    def __init__(self, stack, granted):
        self.stack, self.granted, self.own, self.at = stack, granted, {}, collections.defaultdict(list)
        for name, (own, at) in granted.items():
            if stack.resources[name]["Type"] == ROLE:
                self.own[name] = own
            for arn, more in at.items():
                self.at[arn] += more

    @classmethod
    def of(cls, stack):
        return cls(stack, {name: statements(stack, name, stack.resources[name]) for name in stack.names(*GRANTS)})

    def with_change(self, name, resource):
        """The same with one of the template's resources changed; or nothing, where that makes no difference."""
        if name not in self.granted:
            return None
        changed = statements(self.stack, name, resource)
        return None if changed == self.granted[name] else World(self.stack, self.granted | {name: changed})

    def principal(self, who):
        return self.stack.arn(who) if who in self.own else who

    def policies(self, row):
        """The policies that a request is decided by: the principal's, and the resource's."""
        if row.who in self.own:
            own = self.own[row.who]
        else:
            own = [ADMINISTRATOR] if row.who.startswith("arn:") else []
        attached_to = self.at.get(row.resource, [LEFT_TO_IAM] if ":kms:" in row.resource else [])
        # A role's trust names no resource.
        if row.action == "sts:AssumeRole":
            attached_to = [{key: value for key, value in one.items() if key != "Resource"} for one in attached_to]
        return own, attached_to


class Court:
    """Requests to be decided in one go. The same request under the same policies is decided once."""

    def __init__(self):
        self.policies, self.requests, self.decisions = {}, {}, []

    def policy(self, stated):
        document = json.dumps({"Version": "2012-10-17", "Statement": stated})
        return self.policies.setdefault(document, len(self.policies)) if stated else None

    def file(self, world, row, checked=False):
        """Hands a request in, and returns its number."""
        own, at = map(self.policy, world.policies(row))
        request = {"principal": world.principal(row.who), "action": row.action, "resource": row.resource}
        request |= {"context": USUAL | dict(row.context), "identity": own, "attached": at, "checked": checked}
        return self.requests.setdefault(json.dumps(request), len(self.requests))

    def decide(self):
        case = '{"policies": [%s], "requests": [%s]}' % (",".join(self.policies), ",".join(self.requests))
        self.decisions = json.loads(simulator(input=case))

    def allows(self, number):
        return self.decisions[number]["result"] == "Allowed"

    def fails(self, number):
        """Whether there is no decision: a policy, or what the request asks for, is not what AWS knows."""
        return self.decisions[number]["result"] == "Error"


def simulator(*arguments, **options):
    node, script = os.path.join(os.environ["judges"], "bin/node"), os.path.join(os.path.dirname(__file__), "simulate.mjs")
    return subprocess.run([node, script, *arguments], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


# What is proved.


def expected(row, deployment):
    return row.allowed and (row.with_option is None or row.with_option in DEPLOYMENTS[deployment])


def applies(row, world):
    """Whether a row's role is there at all in a deployment."""
    return row.who in world.own or "." in row.who or row.who.startswith("arn:")


class Scenarios:
    """Every row, in every deployment."""

    def __init__(self, template):
        self.court, self.cases, seen = Court(), [], set()
        self.worlds = {name: World.of(Deployment(template, options)) for name, options in DEPLOYMENTS.items()}
        self.rows = {name: [row for row in rows_of(world.stack) if applies(row, world)] for name, world in self.worlds.items()}
        for name, world in self.worlds.items():
            for row in self.rows[name]:
                # Requests for the same with the same keys differ in values only.
                kind = row.action, row.resource, tuple(key for key, _ in row.context)
                checked = kind not in seen and row.action not in UNLISTED
                seen.add(kind)
                self.cases.append((name, row, expected(row, name), self.court.file(world, row, checked)))

    @functools.cache
    def about(self, deployment, action):
        """The rows whose action a policy's can mean."""
        return [row for row in self.rows[deployment] if fnmatch.fnmatchcase(row.action, action)]

    def problems(self):
        for name, row, allowed, number in self.cases:
            if self.court.fails(number) or self.court.allows(number) != allowed:
                decision = " ".join(map(str, self.court.decisions[number].values()))
                yield f"{name}: {row.who} {row.action} {row.resource} {dict(row.context)}: {decision} ({row.why})"


class Sweep:
    """Every action of every service that roles have to do with, on every kind of resource, where all else speaks for it."""

    def __init__(self, template, rows):
        self.court, self.cases = Court(), []
        stack = Deployment(template, OPTIONS)
        world = World.of(stack)
        self.granted = collections.defaultdict(set)
        for row in rows:
            if row.allowed and row.who in world.own:
                self.granted[row.who, row.action].add(row.resource)
        known = sorted({row.resource for row in rows if row.resource != "*"})
        actions = [action for own in world.own.values() for statement in own for action in listed(statement["Action"])]
        self.services = sorted(SWEPT | {action.partition(":")[0] for action in actions})
        self.actions = json.loads(simulator(*self.services))
        kinds = [(one["action"], resource) for one in self.actions for resource in concrete(one["resources"], known)]
        kinds = [(action, resource) for action, resource in kinds if action not in ALWAYS]
        for role in world.own:
            context = self.favourable(stack, role)
            for action, resource in kinds:
                if not any(fnmatch.fnmatchcase(resource, name) for name in self.granted[role, action]):
                    row = Row(role, action, resource, context, False, "")
                    self.cases.append((row, self.court.file(world, row)))

    def favourable(self, stack, role):
        """What speaks for a request wherever a condition asks."""
        keys = [key for row in meant(stack)[role] for key in row.context.get("aws:TagKeys", ()) if row.allowed]
        return {
            "aws:ResourceTag/doze": "on",
            "aws:TagKeys": sorted(set(keys)) or ["doze:keep-until"],
            "cloudwatch:AlarmActions": [stack.arn("SchedulerFunction")],
            "kms:GrantIsForAWSResource": "true",
            "kms:ViaService": f"sqs.{REGION}.amazonaws.com",
            "secretsmanager:VersionStage": "AWSCURRENT",
        }

    def problems(self):
        for row, number in self.cases:
            if self.court.allows(number):
                yield f"{row.who} may {row.action} on {row.resource}, which meant() in scripts/check_permissions.py lacks"


def listed(one_or_more):
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def concrete(patterns, known):
    """Resources of the kinds that an action takes: those that rows name, or else one that is made up."""
    if not patterns:
        return ["*"]
    found = []
    for pattern in patterns:
        filled = pattern.replace("${Partition}", "aws").replace("${Region}", REGION).replace("${Account}", ACCOUNT)
        shape = re.compile(re.sub(r"\\\$\\\{\w+\\\}", "[^:/]+", re.escape(filled)))
        own = [resource for resource in known if shape.fullmatch(resource) and "*" not in resource]
        found += own or [re.sub(r"\$\{\w+\}", "a1b2c3d4", filled)]
    return found


class Weakenings:
    """The template with one thing taken away from a policy, each in turn. At least one row must turn out differently."""

    def __init__(self, template, scenarios):
        self.court, self.changes = Court(), []
        for name, resource in template["Resources"].items():
            if resource["Type"] not in GRANTS:
                continue
            for what, actions, changed in weakened(resource):
                self.changes.append((f"{name}: {what}", self.cases(scenarios, name, actions, changed)))

    def cases(self, scenarios, name, actions, resource):
        """Those rows that the change can concern, where it makes a difference."""
        found = []
        for deployment, world in scenarios.worlds.items():
            changed = world.with_change(name, resource)
            if changed:
                touched = world.granted[name][1].keys() | {name}
                for row in (row for action in actions for row in scenarios.about(deployment, action)):
                    if row.who in touched or row.resource in touched:
                        found.append((row, expected(row, deployment), self.court.file(changed, row)))
        return found

    def noticed(self):
        """Each change, with the first row that turns out differently. Without a parameter's value a policy can be none at all:
        it cannot be deployed, and that is noticed as well."""
        for what, cases in self.changes:
            differs = lambda case: self.court.fails(case[2]) or self.court.allows(case[2]) != case[1]
            yield what, next((row for row, *_ in filter(differs, cases)), None)

    def problems(self):
        yield from (f"nobody notices: {what}" for what, row in self.noticed() if row is None)


def weakened(resource):
    """A resource of the template with one thing less: what it is, which actions it is about, and the resource."""
    properties = resource["Properties"]
    if resource["Type"] == PERMISSION:
        for key in {"SourceArn", "SourceAccount"} & properties.keys():
            yield f"without {key}", [properties["Action"]], edited(resource, ["Properties", key])
        return
    for path, statement in statements_in(properties, ["Properties"]):
        label, actions = statement.get("Sid", "trust"), listed(statement["Action"])
        trusts = "AssumeRolePolicyDocument" in path
        # A role without anybody who may act in it, a queue without statements: that cannot be deployed.
        if not trusts:
            yield f"without {label}", actions, edited(resource, path)
            if path[-2] == "Fn::If":
                yield f"{label} also without {path_to(resource, path[:-1])[0]}", actions, edited(resource, path[:-2], statement)
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys:
                at = [*path, "Condition", operator] + ([key] if len(keys) > 1 else [])
                yield f"{label} without {operator} {key}", actions, edited(resource, at)
        if resource["Type"] == ROLE and not trusts and statement["Resource"] != "*":
            yield f"{label} for every resource", actions, edited(resource, [*path, "Resource"], "*")
        for at, entry in entries(statement):
            yield f"{label} without {entry}", actions, edited(resource, [*path, *at])


def statements_in(node, path):
    """The statements of all policies of a resource, each with its path."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        if isinstance(child, dict) and "Effect" in child:
            yield [*path, key], child
        else:
            yield from statements_in(child, [*path, key])


def entries(node, path=()):
    """The entries of a statement's lists, if there is more than one, each with its path."""
    if isinstance(node, list) and len(node) > 1:
        yield from (([*path, index], entry) for index, entry in enumerate(node))
    elif isinstance(node, dict):
        for key, child in node.items():
            if not key.startswith("Fn::"):
                yield from entries(child, (*path, key))


def path_to(node, path):
    for key in path:
        node = node[key]
    return node


def edited(resource, path, value=None):
    """A copy of a resource, with one part replaced or, by default, removed."""
    copy = json.loads(json.dumps(resource))
    node = path_to(copy, path[:-1])
    if value is not None:
        node[path[-1]] = value
    elif len(path) > 1 and path[-2] == "Fn::If":
        node[path[-1]] = {"Ref": "AWS::NoValue"}
    else:
        del node[path[-1]]
    return copy


def unforeseen(template):
    """Roles that the tables here do not know, and the other way round."""
    stack = Deployment(template, OPTIONS)
    roles = {name for name, resource in template["Resources"].items() if resource["Type"] == ROLE}
    for name in sorted(roles ^ meant(stack).keys()):
        yield f"{name} is in the template or in meant() of scripts/check_permissions.py, but not in both"
    yield from unknown(template["Resources"])


def main():
    template = transformed()
    found = list(unforeseen(template))
    if not found:
        scenarios = Scenarios(template)
        sweep = Sweep(template, scenarios.rows["every option"])
        weakenings = Weakenings(template, scenarios)
        for part in (scenarios, sweep, weakenings):
            part.court.decide()
            found += dict.fromkeys(part.problems())
    if not found:
        going, requests = sum(allowed for _, _, allowed, _ in scenarios.cases), len(scenarios.cases)
        print(f"ok: in {len(DEPLOYMENTS)} deployments {going} of {requests} requests go through and the others are denied")
        actions, services = len(sweep.actions), len(sweep.services)
        print(f"ok: each role may do nothing else, of {actions} actions of {services} services ({len(sweep.cases)} requests)")
        print(f"ok: {len(weakenings.changes)} weakenings of a policy in turn, each noticed")
        if "--list" in sys.argv:
            for what, row in weakenings.noticed():
                print(f"    {what}: by {row.who} {row.action}, {row.why}")
    for problem in found:
        print(f"check_permissions: {problem}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
