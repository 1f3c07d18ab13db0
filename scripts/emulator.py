"""Runs the AWS emulator, with the things mended that Doze's main job depends on.

ministack's alarms look at all instances' metrics together, act on SNS topics only and have no children; its instances have
all just been launched, know no stop protection, start at once and always, and tell nobody; its rules invoke a function once
and forget it; its generated secrets hold punctuation that was excluded. Here an alarm looks at the metric with its own
dimensions and waits for as many datapoints as it asks for; a Lambda action invokes the function with the payload that
CloudWatch documents; a composite alarm's children are those that its rule names. Started and stopped instances say why they
are in their state, and EventBridge of each new one; a function that fails an event gets it again, and then its failure queue.

Schedules go off when a script says so, by writing their names into the file `due` of `STATE_DIR`, and never by themselves: what
is asserted about a run must not depend on how long the machine took to get there.

What an instance is to do is said by its tags:

- `emulator:up-for-minutes`, when it is launched: it has been up for so long;
- `emulator:stop-protection`: it refuses to be stopped;
- `emulator:no-capacity`: every call that would start it fails, as a whole, for want of capacity;
- `emulator:slow-start-seconds`: it stays `pending` for so long;
- `emulator:falls-back`, a code such as `Client.InternalError`: it is `stopped` again, for that reason, instead of `running`.

With `DOZE_CALLS` set, every request that a function makes is noted in a file of that folder, for scripts/check_calls.py.
"""

import contextvars
import datetime
import json
import os
import re
import threading
import time
import urllib.parse

import cbor2
from ministack import app
from ministack.core.arn import parse_arn
from ministack.services import cloudwatch, ec2, eventbridge, lambda_svc, scheduler, secretsmanager
from ministack.services.cloudformation import provisioners

UPTIME_TAG = "emulator:up-for-minutes"
PROTECTION_TAG = "emulator:stop-protection"
NO_CAPACITY_TAG = "emulator:no-capacity"
SLOW_START_TAG = "emulator:slow-start-seconds"
FALLS_BACK_TAG = "emulator:falls-back"
# Taken out, so that no function sees it among its own variables.
CALLS = os.environ.pop("DOZE_CALLS", None)
# Where alarms over expressions are kept, as if those were the names of metrics: nothing is ever measured there.
EXPRESSIONS = "emulator:expressions"
# The names of the schedules that are to go off.
DUE = os.path.join(os.environ["STATE_DIR"], "due")
STATE_CODES = {"pending": 0, "running": 16, "stopped": 80}


def evaluate_alarm(alarm):
    """Evaluates one metric alarm: the last periods that have data, of this alarm's own time series."""
    dimensions = {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []}
    points = [
        point
        for (namespace, metric, _), series in cloudwatch._metrics.items()
        if (namespace, metric) == (alarm.get("Namespace"), alarm.get("MetricName"))
        for point in series
        if (point.get("Dimensions") or {}) == dimensions
    ]
    period, periods = alarm["Period"], alarm["EvaluationPeriods"]
    needed = alarm.get("DatapointsToAlarm") or periods
    newest = int(time.time()) // period * period
    buckets = {}
    for point in points:
        buckets.setdefault(int(point["Timestamp"]) // period * period, []).append(point)
    # One more than it asks for: what has just been put may be of the period before.
    recent = [buckets[start] for start in range(newest - (periods + 1) * period, newest, period) if start in buckets]
    recent = recent[-periods:]
    if len(recent) < needed:
        return
    values = [cloudwatch._stat_value(cloudwatch._calc_stats(bucket), alarm["Statistic"], bucket) for bucket in recent]
    breaches = {
        "LessThanThreshold": lambda value: value < alarm["Threshold"],
        "LessThanOrEqualToThreshold": lambda value: value <= alarm["Threshold"],
        "GreaterThanThreshold": lambda value: value > alarm["Threshold"],
        "GreaterThanOrEqualToThreshold": lambda value: value >= alarm["Threshold"],
    }[alarm["ComparisonOperator"]]
    breaching = sum(map(breaches, values))
    old, new = alarm["StateValue"], "ALARM" if breaching >= needed else "OK"
    if old == new:
        return
    reason = f"Threshold Crossed: {breaching} out of the last {len(recent)} datapoints were breaching."
    alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)


def direct_alarm_event(alarm, old_state, new_state, reason):
    """The payload of a Lambda alarm action, as CloudWatch documents it."""
    spec = parse_arn(alarm["AlarmArn"])
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    metric = {
        "namespace": alarm["Namespace"],
        "name": alarm["MetricName"],
        "dimensions": {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []},
    }
    statistic = {"metric": metric, "period": alarm["Period"], "stat": alarm["Statistic"]}
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": spec.account_id,
        "time": now,
        "region": spec.region,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": new_state, "reason": reason, "timestamp": now},
            "previousState": {"value": old_state, "reason": "", "timestamp": now},
            "configuration": {
                "description": alarm.get("AlarmDescription") or "",
                "metrics": [{"id": "m1", "metricStat": statistic, "returnData": True}],
            },
        },
    }


def invoke(function_arn, event):
    """Invokes a function asynchronously: with its retries, and its failure queue at the end of them."""
    function, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if function and config:
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), event)


def with_lambda_actions(dispatch):
    """Adds Lambda actions to those that the emulator knows."""

    def dispatch_alarm_actions(alarm, old_state, new_state, reason):
        dispatch(alarm, old_state, new_state, reason)
        if new_state != "ALARM" or not alarm.get("ActionsEnabled", True):
            return
        for action in alarm.get("AlarmActions") or []:
            if parse_arn(action).service == "lambda":
                invoke(action, direct_alarm_event(alarm, old_state, new_state, reason))

    return dispatch_alarm_actions


def tags_of(instance_id):
    return {tag["Key"]: tag["Value"] for tag in ec2._tags.get(instance_id, [])}


def with_uptime(create):
    """Backdates the launch of instances that ask for it."""

    def create_instances(*args, **kwargs):
        before = set(ec2._instances)
        answer = create(*args, **kwargs)
        for instance_id in set(ec2._instances) - before:
            minutes = tags_of(instance_id).get(UPTIME_TAG)
            if minutes is not None:
                launched = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=int(minutes))
                ec2._instances[instance_id]["LaunchTime"] = launched.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return answer

    return create_instances


def with_children(describe):
    """Answers `ChildrenOfAlarmName`: the alarms that the parent's rule names."""

    def describe_alarms(params, cbor_data, is_cbor, is_json=False):
        parent = (cbor_data or {}).get("ChildrenOfAlarmName")
        if parent is None:
            return describe(params, cbor_data, is_cbor, is_json)
        rule = cloudwatch._composite_alarms.get(parent, {}).get("AlarmRule", "")
        names = re.findall(r'(?:ALARM|OK|INSUFFICIENT_DATA)\("?([^")]+)"?\)', rule)
        asked = {"AlarmNames": names or [""], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        return describe(params, asked, is_cbor, is_json)

    return describe_alarms


def with_stop_protection(describe):
    """Answers for the attribute `disableApiStop`."""

    def describe_instance_attribute(p):
        if ec2._p(p, "Attribute") != "disableApiStop":
            return describe(p)
        instance_id = ec2._p(p, "InstanceId")
        value = str(PROTECTION_TAG in tags_of(instance_id)).lower()
        body = f"<instanceId>{instance_id}</instanceId><disableApiStop><value>{value}</value></disableApiStop>"
        return ec2._xml(200, "DescribeInstanceAttributeResponse", body)

    return describe_instance_attribute


def later(seconds, action, *arguments):
    """Does something on a thread of its own, in the account and Region of this request."""
    timer = threading.Timer(seconds, contextvars.copy_context().run, (action, *arguments))
    timer.daemon = True
    timer.start()


def enter(instance, state, code="", message="", transition=""):
    """Brings an instance into a state, for a reason, and tells EventBridge a moment later."""
    instance["State"] = {"Code": STATE_CODES[state], "Name": state}
    instance["StateReason"] = {"Code": code, "Message": message, "Transition": transition}
    instance_id = instance["InstanceId"]
    arn = f"arn:aws:ec2:{ec2.get_region()}:{ec2.get_account_id()}:instance/{instance_id}"
    event = {
        "Source": "aws.ec2",
        "DetailType": "EC2 Instance State-change Notification",
        "Resources": [arn],
        "Detail": json.dumps({"instance-id": instance_id, "state": state}),
    }
    later(0, eventbridge._put_events, {"Entries": [event]}, True)


def finish_start(instance):
    """What becomes of an instance that was started, unless it has been terminated meanwhile."""
    if instance["State"]["Name"] != "pending":
        return
    code = tags_of(instance["InstanceId"]).get(FALLS_BACK_TAG)
    if code is None:
        enter(instance, "running")
    else:
        enter(instance, "stopped", code, f"{code}: Client error on launch")


def refusal(p, possible, verb):
    """The error for a call that names an unknown instance, or one in a state from which it cannot be done; or none."""
    for instance_id in ec2._parse_member_list(p, "InstanceId"):
        if instance_id not in ec2._instances:
            return ec2._error("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist", 400)
        if ec2._instances[instance_id]["State"]["Name"] not in possible:
            message = f"The instance '{instance_id}' is not in a state from which it can be {verb}."
            return ec2._error("IncorrectInstanceState", message, 400)
    return None


def start_instances(p):
    """Starts as EC2 does: `pending` first, with a new launch time; or, for want of capacity, none of the call's instances."""
    refused = refusal(p, ("pending", "running", "stopped"), "started")
    if refused:
        return refused
    before = states_of(p)
    starting = [ec2._instances[instance_id] for instance_id, state in before.items() if state["Name"] == "stopped"]
    if any(NO_CAPACITY_TAG in tags_of(instance["InstanceId"]) for instance in starting):
        return ec2._error("InsufficientInstanceCapacity", "Insufficient capacity.", 500)
    for instance in starting:
        instance["LaunchTime"] = ec2._now_ts()
        enter(instance, "pending", "pending", "pending")
    answer = changes("StartInstancesResponse", before, states_of(p))
    for instance in starting:
        later(float(tags_of(instance["InstanceId"]).get(SLOW_START_TAG, 0)), finish_start, instance)
    return answer


def stop_instances(p):
    """Stops at once, and notes that somebody asked for it; or, for one under stop protection, none of the call's instances."""
    refused = refusal(p, ("running", "stopped"), "stopped")
    if refused:
        return refused
    before = states_of(p)
    protected = [instance_id for instance_id in before if PROTECTION_TAG in tags_of(instance_id)]
    if protected:
        message = f"The instance '{protected[0]}' may not be stopped. Modify its 'disableApiStop' instance attribute."
        return ec2._error("OperationNotPermitted", message, 400)
    code, when = "Client.UserInitiatedShutdown", time.strftime("%Y-%m-%d %H:%M:%S GMT", time.gmtime())
    for instance_id, state in before.items():
        if state["Name"] == "running":
            message = f"{code}: User initiated shutdown"
            enter(ec2._instances[instance_id], "stopped", code, message, f"User initiated ({when})")
    return changes("StopInstancesResponse", before, states_of(p))


def states_of(p):
    return {i: ec2._instances[i]["State"] for i in ec2._parse_member_list(p, "InstanceId")}


def changes(response, before, after):
    """The answer to a start or a stop: each instance's state before, and now."""

    def show(name, state):
        return f"<{name}><code>{state['Code']}</code><name>{state['Name']}</name></{name}>"

    states = {i: show("previousState", before[i]) + show("currentState", after[i]) for i in before}
    items = "".join(f"<item><instanceId>{i}</instanceId>{shown}</item>" for i, shown in states.items())
    return ec2._xml(200, response, f"<instancesSet>{items}</instancesSet>")


def with_state_reason(instance_xml):
    """Adds to a described instance why it is in its state."""

    def described(instance):
        why = instance.get("StateReason", {"Code": "", "Message": "", "Transition": ""})
        reason = f"<reason>{why['Transition']}</reason>"
        if why["Code"]:
            reason += f"<stateReason><code>{why['Code']}</code><message>{why['Message']}</message></stateReason>"
        return instance_xml(instance).removesuffix("</item>") + reason + "</item>"

    return described


def when_told(tick):
    """Lets those schedules go off that a script names."""

    def tick_schedules():
        names = []
        if os.path.exists(DUE):
            with open(DUE, encoding="utf-8") as file:
                names = file.read().split()
            os.remove(DUE)
        for key in scheduler._schedules._data:
            is_due = key[2].rpartition("/")[2] in names
            scheduler._schedule_last_fired[key] = 0 if is_due else time.time()
        tick()

    return tick_schedules


def with_excluded_characters(secret_string):
    """Generates secrets as `GetRandomPassword` does, which knows all that a template can ask for."""

    def generated(properties):
        wanted = properties.get("GenerateSecretString")
        if not wanted or "SecretStringTemplate" in wanted:
            return secret_string(properties)
        return json.loads(secretsmanager._get_random_password(wanted)[2])["RandomPassword"]

    return generated


def with_expressions(record):
    """Keeps a template's alarms over expressions, too. Nobody evaluates them: they stay as they are set."""

    def metric_alarm_record(name, properties):
        if not properties.get("Metrics"):
            return record(name, properties)
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        expression = next(query["Expression"] for query in properties["Metrics"] if "Expression" in query)
        return record(name, plain | {"Namespace": EXPRESSIONS, "MetricName": expression})

    return metric_alarm_record


def with_name_of_function(credentials):
    """Gives a function a session token that says which of the stack's it is: CloudFormation's names hold the logical id."""

    def execution_credentials(config):
        return credentials(config) | {"AWS_SESSION_TOKEN": config["FunctionName"].split("-")[-2]}

    return execution_credentials


def call_of(path, headers, body):
    """A request as a call: service, as IAM names it, action and parameters, in whichever of the protocols it came."""
    service = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers["authorization"])[1]
    kind = headers.get("content-type", "")
    if "cbor" in kind:
        action, parameters = path.rpartition("/")[2], cbor2.loads(body) if body else {}
    elif "json" in kind:
        action, parameters = headers["x-amz-target"].rpartition(".")[2], json.loads(body)
    else:
        parameters = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        action, _ = parameters.pop("Action"), parameters.pop("Version")
    return {"service": {"monitoring": "cloudwatch"}.get(service, service), "action": action, "parameters": parameters}


def with_record(dispatch):
    """Notes the calls of functions, with the tags that the instances have at that time."""

    async def dispatch_service_request(method, path, headers, body, query_params, request_id):
        function = headers.get("x-amz-security-token", "")
        if not function.endswith("Function"):
            return await dispatch(method, path, headers, body, query_params, request_id)
        call = {"by": function} | call_of(path, headers, body)
        if call["service"] == "ec2":
            named = [value for key, value in call["parameters"].items() if key.startswith(("InstanceId", "ResourceId"))]
            call["tags"] = {instance_id: tags_of(instance_id) for instance_id in named}
        answer = await dispatch(method, path, headers, body, query_params, request_id)
        line = json.dumps(call | {"status": answer[0]}, default=str)
        with open(os.path.join(CALLS, f"emulator-{os.getpid()}.jsonl"), "a", encoding="utf-8") as file:
            file.write(line + "\n")
        return answer

    return dispatch_service_request


# Questions for Logs Insights, which nobody here answers: they come and go with their stack.
KEPT_QUERIES = {
    "create": lambda logical_id, properties, stack_name: (f"{stack_name}-{logical_id}", {}),
    "update": lambda physical_id, old_properties, new_properties, stack_name: (physical_id, {}),
    "delete": lambda physical_id, properties: None,
}

if CALLS:
    os.makedirs(CALLS, exist_ok=True)
    lambda_svc.execution_credentials = with_name_of_function(lambda_svc.execution_credentials)
    app._dispatch_service_request = with_record(app._dispatch_service_request)
cloudwatch._evaluate_alarm = evaluate_alarm
cloudwatch._describe_alarms = with_children(cloudwatch._describe_alarms)
cloudwatch._dispatch_alarm_actions = with_lambda_actions(cloudwatch._dispatch_alarm_actions)
ec2._ACTION_MAP["RunInstances"] = with_uptime(ec2._ACTION_MAP["RunInstances"])
ec2._ACTION_MAP["DescribeInstanceAttribute"] = with_stop_protection(ec2._ACTION_MAP["DescribeInstanceAttribute"])
ec2._ACTION_MAP |= {"StartInstances": start_instances, "StopInstances": stop_instances}
ec2._instance_xml = with_state_reason(ec2._instance_xml)
scheduler._SCHEDULE_TICK_INTERVAL, scheduler._tick_schedules = 0.2, when_told(scheduler._tick_schedules)
eventbridge._dispatch_to_lambda = lambda arn, payload: invoke(arn, json.loads(payload))
provisioners._sm_secret_string = with_excluded_characters(provisioners._sm_secret_string)
provisioners._cw_metric_alarm_record = with_expressions(provisioners._cw_metric_alarm_record)
provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = KEPT_QUERIES
if __name__ == "__main__":
    app.main()
