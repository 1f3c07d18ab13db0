"""The scheduler's job with boto3, as well as it is usually done: pages of 1,000 instances, 500 metrics a call."""

import boto3

from rule import MOST_STOPS, PERIOD, RULE, is_idle, last_hour, running

QUERIES_PER_CALL = 500

ec2 = boto3.client("ec2")
cloudwatch = boto3.client("cloudwatch")


def handle(event, context):
    ids = running(ec2)
    wanted = [(instance, *rule) for instance in ids for rule in RULE]
    busy = set()
    for first in range(0, len(wanted), QUERIES_PER_CALL):
        busy |= busy_among(wanted[first : first + QUERIES_PER_CALL])
    idle = [instance for instance in ids if instance not in busy][:MOST_STOPS]
    if idle:
        ec2.stop_instances(InstanceIds=idle)
    return {"considered": len(ids), "stopped": len(idle)}


def busy_among(wanted):
    start, end = last_hour()
    queries = [query(number, *one) for number, one in enumerate(wanted)]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(MetricDataQueries=queries, StartTime=start, EndTime=end)
    idle = set()
    for page in pages:
        for result in page["MetricDataResults"]:
            number = int(result["Id"][1:])
            if is_idle(result["Values"], wanted[number][3]):
                idle.add(number)
    return {instance for number, (instance, *_) in enumerate(wanted) if number not in idle}


def query(number, instance, metric, statistic, most):
    dimensions = [{"Name": "InstanceId", "Value": instance}]
    metric = {"Namespace": "AWS/EC2", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": PERIOD, "Stat": statistic}}
