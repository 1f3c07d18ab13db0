"""Holds the normal answers of crates/scripted, on which the fault tests build, against those of the AWS emulator: the same calls, in the
protocols that the SDK for Rust speaks, must have answers that are alike in all that Doze reads. Where the emulator is known not to be
like AWS, AWS's documentation counts, and the difference is listed here."""

import contextlib
import datetime
import subprocess
import urllib.request

import boto3
import botocore.exceptions
import cbor2

from stack import REGION, ROOT, account, check, say

# The emulator is at the end of its ways at once.
REACHED = {"stopping": "stopped", "pending": "running"}
NOBODY = "i-0fedcba9876543210"
TAG = {"Key": "doze:stopped-at", "Value": "2026-11-21T20:00:00Z"}
RUNNING = {"state": "running", "launched at": True, "type": True, "root device": "ebs", "tags": [("doze", "on")]}
# What the emulator answers otherwise than AWS: why, and what AWS's documentation says.
DIFFERENT = {
    "by id": ("the emulator does not know the filter", [{"id": "instance 0"} | RUNNING]),
    "whom nobody knows": ("the emulator does not know the filter", []),
    "tags of nobody": (
        "the emulator tags whatever it is told",
        {"error": "InvalidInstanceID.NotFound", "status": 4, "names": ["nobody"]},
    ),
}
OPTED_IN = [{"Name": "tag:doze", "Values": ["on"]}]


@contextlib.contextmanager
def scripted(count):
    """The address of an account as the tests have it."""
    command = ["cargo", "run", "--quiet", "--locked", "-p", "scripted", "--", str(count)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def client(address):
    return boto3.client("ec2", endpoint_url=address, region_name=REGION, config=boto3.session.Config(retries={"max_attempts": 0}))


class Teller:
    """Makes calls, and tells of their answers in a way that does not depend on whose they are."""

    def __init__(self, address, ids):
        self.address, self.ec2 = address, client(address)
        self.names = {instance: f"instance {number}" for number, instance in enumerate(ids)} | {NOBODY: "nobody"}
        self.ids = ids

    def call(self, operation, **parameters):
        try:
            return self.tell(getattr(self.ec2, operation)(**parameters))
        except botocore.exceptions.ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            named = sorted(name for instance, name in self.names.items() if instance in error.response["Error"]["Message"])
            return {"error": error.response["Error"]["Code"], "status": status // 100, "names": named}

    def tell(self, answer):
        if "Reservations" in answer:
            instances = [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]
            return sorted((self.described(instance) for instance in instances), key=lambda it: it["id"])
        for changes in ("StoppingInstances", "StartingInstances"):
            if changes in answer:
                return sorted(
                    (self.names[it["InstanceId"]], REACHED.get(it["PreviousState"]["Name"], it["PreviousState"]["Name"]),
                     REACHED.get(it["CurrentState"]["Name"], it["CurrentState"]["Name"]))
                    for it in answer[changes]
                )
        if "DisableApiStop" in answer:
            return (self.names[answer["InstanceId"]], answer["DisableApiStop"]["Value"])
        return "done"

    def described(self, instance):
        state = instance["State"]["Name"]
        return {
            "id": self.names[instance["InstanceId"]],
            "state": REACHED.get(state, state),
            "launched at": isinstance(instance["LaunchTime"], datetime.datetime),
            "type": "." in instance["InstanceType"],
            "root device": instance["RootDeviceType"],
            "tags": sorted((tag["Key"], tag["Value"]) for tag in instance["Tags"] if tag["Key"] not in ("Name", "emulator:up-for-minutes")),
        }

    def measured(self, instance, metric):
        """GetMetricData in CloudWatch's CBOR protocol: the query's id and status, how many datapoints, and whether they are steady."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        newest = now - datetime.timedelta(minutes=now.minute % 5)
        at = lambda moment: cbor2.CBORTag(1, moment.timestamp())
        dimensions = [{"Name": "InstanceId", "Value": instance}]
        stat = {"Metric": {"Namespace": "AWS/EC2", "MetricName": metric, "Dimensions": dimensions}, "Period": 300, "Stat": "Maximum"}
        body = {"MetricDataQueries": [{"Id": "q0", "MetricStat": stat}], "ScanBy": "TimestampAscending"}
        body |= {"StartTime": at(newest - datetime.timedelta(hours=1)), "EndTime": at(newest)}
        request = urllib.request.Request(
            f"{self.address}/service/GraniteServiceVersion20100801/operation/GetMetricData",
            cbor2.dumps(body),
            {
                "content-type": "application/cbor",
                "accept": "application/cbor",
                "smithy-protocol": "rpc-v2-cbor",
                "authorization": f"AWS4-HMAC-SHA256 Credential=test/20261121/{REGION}/monitoring/aws4_request, SignedHeaders=host, Signature=0",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            document, kind = cbor2.loads(answer.read()), answer.headers["content-type"]
        [result] = document["MetricDataResults"]
        times = [time if isinstance(time, datetime.datetime) else time.value for time in result["Timestamps"]]
        steady = len(set(result["Values"])) <= 1 and times == sorted(times) and len(times) == len(result["Values"])
        return {"kind": kind, "id": result["Id"], "status": result["StatusCode"], "points": len(times), "steady": steady}


def story(teller):
    """The calls, and what they are answered with."""
    first, second, third = teller.ids
    yield "all that opted in", teller.call("describe_instances", Filters=OPTED_IN)
    yield "by id", teller.call("describe_instances", Filters=[{"Name": "instance-id", "Values": [first, NOBODY]}])
    yield "whom nobody knows", teller.call("describe_instances", Filters=[{"Name": "instance-id", "Values": [NOBODY]}])
    yield "stop protection", teller.call("describe_instance_attribute", InstanceId=first, Attribute="disableApiStop")
    yield "tags", teller.call("create_tags", Resources=[first, second], Tags=[TAG])
    yield "tags of nobody", teller.call("create_tags", Resources=[first, NOBODY], Tags=[TAG])
    yield "a stop", teller.call("stop_instances", InstanceIds=[first, second])
    yield "a stop of one that is stopped", teller.call("stop_instances", InstanceIds=[first])
    yield "a stop of nobody", teller.call("stop_instances", InstanceIds=[third, NOBODY])
    yield "what came of it", teller.call("describe_instances", Filters=OPTED_IN)
    yield "a start of one that runs", teller.call("start_instances", InstanceIds=[third])
    yield "a start of nobody", teller.call("start_instances", InstanceIds=[third, NOBODY])
    yield "no tags", teller.call("delete_tags", Resources=[first, second], Tags=[{"Key": TAG["Key"]}])
    yield "tags that are not there", teller.call("delete_tags", Resources=[third], Tags=[{"Key": TAG["Key"]}])
    yield "in the end", teller.call("describe_instances", Filters=OPTED_IN)
    yield "measurements", teller.measured(third, "CPUUtilization")
    yield "measurements of nobody", teller.measured(NOBODY, "CPUUtilization")


def main():
    with account() as aws, scripted(3) as address:
        ids = [aws.launch(f"box-{number}", up_for_minutes=600) for number in range(3)]
        aws.feed(ids[2])
        emulated = dict(story(Teller(aws.url, ids)))
        ours = dict(story(Teller(address, [f"i-{number:017x}" for number in range(1, 4)])))
        for what, answer in emulated.items():
            if what not in DIFFERENT:
                check(ours[what] == answer, f"{what}: {answer}" if ours[what] == answer else f"{what}: {ours[what]} here, {answer} there")
                continue
            why, documented = DIFFERENT[what]
            check(answer != documented, f"{what}: {why}")
            check(documented == ours[what], f"{what}: as AWS documents it: {ours[what]}")
    say(f"Done: {len(emulated) - len(DIFFERENT)} answers are alike, and {len(DIFFERENT)} are as AWS documents them.")


main()
