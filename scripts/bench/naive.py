"""The scheduler's job as most scripts do it: one call for each metric of each instance."""

import boto3

from rule import MOST_STOPS, PERIOD, RULE, is_idle, last_hour, running

METRICS = sorted({metric for metric, _, _ in RULE})

ec2 = boto3.client("ec2")
cloudwatch = boto3.client("cloudwatch")


def handle(event, context):
    ids = running(ec2)
    idle = [instance for instance in ids if does_nothing(instance)][:MOST_STOPS]
    if idle:
        ec2.stop_instances(InstanceIds=idle)
    return {"considered": len(ids), "stopped": len(idle)}


def does_nothing(instance):
    points = {metric: measure(instance, metric) for metric in METRICS}
    return all(is_idle([point[statistic] for point in points[metric]], most) for metric, statistic, most in RULE)


def measure(instance, metric):
    start, end = last_hour()
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/EC2",
        MetricName=metric,
        Dimensions=[{"Name": "InstanceId", "Value": instance}],
        StartTime=start,
        EndTime=end,
        Period=PERIOD,
        Statistics=["Average", "Maximum", "Sum"],
    )
    return answer["Datapoints"]
