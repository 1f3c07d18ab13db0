"""Runs the AWS emulator, with the things mended that Doze's main job depends on.

ministack's alarms look at all instances' metrics together, act on SNS topics only and have no children; its instances have
all just been launched, and know no stop protection. Here an alarm looks at the metric with its own dimensions and waits for as
many datapoints as it asks for; a Lambda action invokes the function with the payload that CloudWatch documents; a composite
alarm's children are those that its rule names; an instance that is launched with the tag `emulator:up-for-minutes` has been
up for so long; and one with the tag `emulator:stop-protection` refuses to be stopped.
"""

import datetime
import re
import time

from ministack.app import main
from ministack.core.arn import parse_arn
from ministack.services import cloudwatch, ec2, lambda_svc

UPTIME_TAG = "emulator:up-for-minutes"
PROTECTION_TAG = "emulator:stop-protection"


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
    recent = [buckets[start] for start in range(newest - periods * period, newest, period) if start in buckets]
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


def with_lambda_actions(dispatch):
    """Adds Lambda actions to those that the emulator knows."""

    def dispatch_alarm_actions(alarm, old_state, new_state, reason):
        dispatch(alarm, old_state, new_state, reason)
        if new_state != "ALARM" or not alarm.get("ActionsEnabled", True):
            return
        for action in alarm.get("AlarmActions") or []:
            if parse_arn(action).service != "lambda":
                continue
            function, config, _ = lambda_svc._get_func_record_for_ref(action)
            record = lambda_svc._execution_record_for_config(function, config)
            lambda_svc.invoke_async_with_retry(record, direct_alarm_event(alarm, old_state, new_state, reason))

    return dispatch_alarm_actions


def with_uptime(create):
    """Backdates the launch of instances that ask for it."""

    def create_instances(*args, **kwargs):
        before = set(ec2._instances)
        answer = create(*args, **kwargs)
        for instance_id in set(ec2._instances) - before:
            tags = {tag["Key"]: tag["Value"] for tag in ec2._tags.get(instance_id, [])}
            if UPTIME_TAG in tags:
                launched = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=int(tags[UPTIME_TAG]))
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


def is_protected(instance_id):
    return any(tag["Key"] == PROTECTION_TAG for tag in ec2._tags.get(instance_id, []))


def with_stop_protection(describe):
    """Answers for the attribute `disableApiStop`."""

    def describe_instance_attribute(p):
        if ec2._p(p, "Attribute") != "disableApiStop":
            return describe(p)
        instance_id = ec2._p(p, "InstanceId")
        value = str(is_protected(instance_id)).lower()
        body = f"<instanceId>{instance_id}</instanceId><disableApiStop><value>{value}</value></disableApiStop>"
        return ec2._xml(200, "DescribeInstanceAttributeResponse", body)

    return describe_instance_attribute


def unless_protected(stop):
    """Refuses the whole call for one instance under stop protection."""

    def stop_instances(p):
        protected = [instance_id for instance_id in ec2._parse_member_list(p, "InstanceId") if is_protected(instance_id)]
        if protected:
            message = f"The instance '{protected[0]}' may not be stopped. Modify its 'disableApiStop' instance attribute."
            return ec2._error("OperationNotPermitted", message, 400)
        return stop(p)

    return stop_instances


cloudwatch._evaluate_alarm = evaluate_alarm
cloudwatch._describe_alarms = with_children(cloudwatch._describe_alarms)
cloudwatch._dispatch_alarm_actions = with_lambda_actions(cloudwatch._dispatch_alarm_actions)
ec2._ACTION_MAP["RunInstances"] = with_uptime(ec2._ACTION_MAP["RunInstances"])
ec2._ACTION_MAP["DescribeInstanceAttribute"] = with_stop_protection(ec2._ACTION_MAP["DescribeInstanceAttribute"])
ec2._ACTION_MAP["StopInstances"] = unless_protected(ec2._ACTION_MAP["StopInstances"])
if __name__ == "__main__":
    main()
