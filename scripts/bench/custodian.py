"""The scheduler's selection by Cloud Custodian, in the way in which it runs as a function itself; it stops nothing here."""

import os
import pathlib

from c7n.config import Config
from c7n.policy import PolicyCollection
from c7n.resources import load_resources
from c7n.resources.aws import AWS

from rule import PERIOD, RULE


def filter_of(metric, statistic, most):
    hour = {"days": 1 / 24, "period": PERIOD}
    return {"type": "metrics", "name": metric, "statistics": statistic, "op": "le", "value": most, **hour}


POLICY = {
    "name": "idle",
    "resource": "aws.ec2",
    "query": [{"tag:doze": "on"}, {"instance-state-name": "running"}],
    "filters": [filter_of(*rule) for rule in RULE],
}

load_resources(("aws.ec2",))
options = Config.empty(
    region=os.environ["AWS_REGION"],
    regions=[os.environ["AWS_REGION"]],
    account_id="123456789012",
    output_dir=str(pathlib.Path(os.environ["HOME"]) / "custodian"),
    dryrun=True,
    cache="memory",
    cache_period=0,
)
policies = PolicyCollection.from_data({"policies": [POLICY]}, AWS().initialize(options))


def handle(event, context):
    (policy,) = policies
    policy.validate()
    return {"idle": len(policy())}
