"""The policy `dev-box`, as the functions in Python ask for it: metric, statistic, and the most that is idle of an instance with
two virtual CPUs in five minutes."""

import datetime

PERIOD = 300
POINTS = 11
MOST_STOPS = 25
RULE = [
    ("CPUUtilization", "Maximum", 5),
    ("CPUUtilization", "Average", 1.5),
    ("NetworkIn", "Sum", 36_000),
    ("NetworkOut", "Sum", 36_000),
    ("EBSReadOps", "Sum", 600),
    ("EBSWriteOps", "Sum", 600),
]


def last_hour():
    """Start and end of the last full hour, in periods."""
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    end = datetime.datetime.fromtimestamp(now - now % PERIOD, datetime.timezone.utc)
    return end - datetime.timedelta(hours=1), end


def running(ec2):
    """The ids of all opted-in instances that run."""
    filters = [{"Name": "tag:doze", "Values": ["on"]}, {"Name": "instance-state-name", "Values": ["running"]}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters, PaginationConfig={"PageSize": 1000})
    return [i["InstanceId"] for page in pages for r in page["Reservations"] for i in r["Instances"]]


def is_idle(values, most):
    return len(values) >= POINTS and max(values) <= most
