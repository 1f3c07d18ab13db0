"""An emulated AWS account with Doze deployed in it: started, used and taken down within one `with` block."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import boto3

ROOT = pathlib.Path(__file__).resolve().parent.parent
REGION = "eu-west-1"
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
# The emulator has a Python of its own: not every script gets along with what it pins.
EMULATOR = os.path.join(os.environ.get("emulator", sys.prefix), "bin/python")
PERIOD = 300
PERIODS = 12


def say(text=""):
    print(text, flush=True)


def wait_for(what, probe, seconds=60):
    """The first true answer of `probe`; an error that says what did not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = probe()
        if answer:
            return answer
        time.sleep(0.2)
    raise SystemExit(f"FAILED: {what} did not happen within {seconds} seconds")


def check(holds, what):
    """States what holds, or ends the run."""
    if not holds:
        raise SystemExit(f"FAILED: {what}")
    say(f"   ok   {what}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def signed(header, claims, secret):
    """A JSON Web Token, whatever stands in it."""
    encode = lambda part: base64.urlsafe_b64encode(part).rstrip(b"=")
    message = b".".join(encode(json.dumps(part).encode()) for part in (header, claims))
    return (message + b"." + encode(hmac.digest(secret.encode(), message, hashlib.sha256))).decode()


@contextlib.contextmanager
def process(command, log, env):
    """A process of its own group that does not outlive the block, nor do its children. What it says goes to a file."""
    # The end of this process by a signal must run the blocks' endings, too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(f"stopped by {signal.Signals(number).name}"))
    with open(log, "ab") as out:
        started = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env, start_new_session=True)
        try:
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGTERM)
            try:
                started.wait(timeout=15)
            except subprocess.TimeoutExpired:
                pass
            # Functions run as children of the emulator; whatever is left of the group goes now.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()


class Account:
    """Clients of the emulated account, and Doze's stack in it."""

    def __init__(self, url, log, env):
        self.url, self.log, self.env = url, log, env
        self.due = pathlib.Path(env["STATE_DIR"], "due")
        client = lambda service: boto3.client(service, endpoint_url=url, region_name=REGION)
        self.ec2, self.cloudwatch, self.lambda_ = client("ec2"), client("cloudwatch"), client("lambda")
        self.logs, self.cloudformation = client("logs"), client("cloudformation")
        self.sns, self.sqs = client("sns"), client("sqs")
        self.secretsmanager, self.events = client("secretsmanager"), client("events")
        self.iam, self.scheduler, self.apigateway = client("iam"), client("scheduler"), client("apigatewayv2")
        self.outputs, self.inbox = {}, None

    def launch(self, name, opted_in=True, up_for_minutes=None, instance_type="t3.micro", tags=None):
        """Launches one instance and returns its id."""
        tags = {"Name": name} | (tags or {})
        if opted_in:
            tags["doze"] = "on"
        if up_for_minutes is not None:
            tags["emulator:up-for-minutes"] = str(up_for_minutes)
        specification = {"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
        answer = self.ec2.run_instances(
            ImageId="ami-12345678", InstanceType=instance_type, MinCount=1, MaxCount=1, TagSpecifications=[specification]
        )
        return answer["Instances"][0]["InstanceId"]

    def deploy(self, **parameters):
        """Deploys the template as a user would, for this machine's architecture."""
        command = ["sam", "deploy", "--template-file", str(ROOT / "infra/template.yaml"), "--stack-name", "doze"]
        command += ["--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar"]
        command += ["--no-fail-on-empty-changeset", "--region", REGION, "--parameter-overrides"]
        command += [f"{name}={value}" for name, value in ({"Architecture": ARCHITECTURE} | parameters).items()]
        with open(self.log, "ab") as out:
            done = subprocess.run(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.env, check=False)
        if done.returncode:
            raise SystemExit(f"FAILED: sam deploy ended with {done.returncode}; its last lines:\n{self.last_lines()}")
        stack = self.cloudformation.describe_stacks(StackName="doze")["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return stack["StackStatus"]

    def feed(self, instance, cpu=0.4, network=60.0, ebs=0.1, periods=PERIODS):
        """An hour of metrics up to the last complete period: CPU in percent, network in bytes and EBS in operations a
        second. CPU comes last, since the alarm looks at it."""
        newest = int(time.time()) // PERIOD * PERIOD
        times = [datetime.datetime.fromtimestamp(newest - PERIOD * i, datetime.timezone.utc) for i in range(periods, 0, -1)]
        sums = {"NetworkIn": network / 2, "NetworkOut": network / 2, "EBSReadOps": ebs / 2, "EBSWriteOps": ebs / 2}
        values = {metric: (rate * PERIOD, "None") for metric, rate in sums.items()} | {"CPUUtilization": (cpu, "Percent")}
        for metric, (value, unit) in values.items():
            datum = {"MetricName": metric, "Dimensions": [{"Name": "InstanceId", "Value": instance}], "Unit": unit}
            data = [datum | {"Timestamp": at, "Value": value} for at in times]
            self.cloudwatch.put_metric_data(Namespace="AWS/EC2", MetricData=data)

    def feed_agent(self, instance, gpus, periods=PERIODS):
        """An hour of what the CloudWatch agent says of each GPU, percent, with the dimensions that it adds."""
        newest = int(time.time()) // PERIOD * PERIOD
        times = [datetime.datetime.fromtimestamp(newest - PERIOD * i, datetime.timezone.utc) for i in range(periods, 0, -1)]
        for index, percent in enumerate(gpus):
            names = {"InstanceId": instance, "InstanceType": "g5.12xlarge", "name": "NVIDIA A10G", "index": str(index)}
            dimensions = [{"Name": name, "Value": value} for name, value in names.items()]
            datum = {"MetricName": "nvidia_smi_utilization_gpu", "Dimensions": dimensions, "Unit": "None", "Value": percent}
            self.cloudwatch.put_metric_data(Namespace="CWAgent", MetricData=[datum | {"Timestamp": at} for at in times])

    def tag(self, instance, key, value):
        self.ec2.create_tags(Resources=[instance], Tags=[{"Key": key, "Value": value}])

    def start(self, instance):
        """Starts an instance as a person does, past Doze."""
        self.ec2.start_instances(InstanceIds=[instance])

    def stop(self, instance):
        """Stops an instance as a person does, past Doze."""
        self.ec2.stop_instances(InstanceIds=[instance])

    def state(self, instance):
        answer = self.ec2.describe_instances(InstanceIds=[instance])
        return answer["Reservations"][0]["Instances"][0]["State"]["Name"]

    def tags(self, instance):
        answer = self.ec2.describe_instances(InstanceIds=[instance])
        return {tag["Key"]: tag["Value"] for tag in answer["Reservations"][0]["Instances"][0].get("Tags", [])}

    def alarm_state(self, name):
        alarms = self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarms[0]["StateValue"] if alarms else None

    def invoke(self, event):
        """Invokes the scheduler and waits for its answer: the error's type, if it failed, and the document."""
        answer = self.lambda_.invoke(FunctionName=self.outputs["SchedulerFunctionName"], Payload=json.dumps(event).encode())
        document = json.loads(answer["Payload"].read())
        return (document.get("errorType") if answer.get("FunctionError") else None), document

    def log_messages(self, group):
        """All lines of a log group, as they are."""
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def log_lines(self, group):
        """All lines of a log group that are JSON documents."""
        lines = []
        for message in self.log_messages(group):
            with contextlib.suppress(ValueError):
                lines.append(json.loads(message))
        return lines

    def function(self, logical_id):
        """The name of one of the stack's functions, such as `home`."""
        found = self.cloudformation.describe_stack_resource(StackName="doze", LogicalResourceId=f"{logical_id.title()}Function")
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def go_off(self, logical_id):
        """Lets one of the stack's schedules go off, now and once: no other time comes here by itself."""
        found = self.cloudformation.describe_stack_resource(StackName="doze", LogicalResourceId=logical_id)
        written = self.due.with_suffix(".written")
        written.write_text(found["StackResourceDetail"]["PhysicalResourceId"], encoding="utf-8")
        written.rename(self.due)
        wait_for(f"{logical_id}'s time", lambda: not self.due.exists())

    def site(self):
        """Where a browser finds the emulated HTTP API: under a name of its own, so that paths are those of AWS."""
        return f"http://{self.outputs['HttpApiId']}.execute-api.localhost:{self.url.rsplit(':', 1)[1]}"

    def key(self):
        """The key that links are signed with: its id, as tokens name it, and its secret."""
        version = self.secretsmanager.get_secret_value(SecretId=self.outputs["LinkKeyArn"], VersionStage="AWSCURRENT")
        return version["VersionId"][:8], version["SecretString"]

    def token(self, subject, permits=("read", "start", "keep-awake"), seconds=3600):
        """The token of a link to an instance, or to the `fleet`."""
        key_id, secret = self.key()
        claims = {"sub": subject, "act": list(permits), "exp": int(time.time()) + seconds}
        return signed({"alg": "HS256", "kid": key_id}, claims, secret)

    def get(self, path, accept="*/*"):
        """GET through the emulated HTTP API: status, content type and body."""
        base = f"{self.url}/_aws/execute-api/{self.outputs['HttpApiId']}/$default"
        request = urllib.request.Request(base + path, headers={"accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers["content-type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["content-type"], error.read().decode()

    def request(self, method, path, body=None, headers=None):
        """Any request through the emulated HTTP API: status, headers with lower-case names, and body. `path` may be a link of
        a notification. No redirect is followed."""
        path = path.removeprefix(self.outputs["HomeUrl"].removesuffix("/"))
        body = body.encode() if isinstance(body, str) else body
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        with contextlib.closing(connection):
            connection.request(method, f"/_aws/execute-api/{self.outputs['HttpApiId']}/$default{path}", body, headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()

    def subscribe(self):
        """From now on `messages` shows what Doze tells."""
        self.inbox = self.sqs.create_queue(QueueName="doze-inbox")["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.inbox, AttributeNames=["QueueArn"])["Attributes"]
        self.sns.subscribe(TopicArn=self.outputs["NotificationTopicArn"], Protocol="sqs", Endpoint=attributes["QueueArn"])

    def messages(self):
        """What Doze told since the last call, oldest first: SNS's envelopes, with `Subject` and `Message`."""
        found = []
        while batch := self.sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                self.sqs.delete_message(QueueUrl=self.inbox, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def last_lines(self, count=25):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-count:])


@contextlib.contextmanager
def account():
    """An emulated account on a free port of loopback, gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="doze-") as scratch:
        url = f"http://127.0.0.1:{free_port()}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "DOZE_CALLS") if name in os.environ}
        env = kept | {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": url.rsplit(":", 1)[1],
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "NO_PROXY": "127.0.0.1",
            "SAM_CLI_TELEMETRY": "0",
            "SFTP_ENABLED": "0",
            "STATE_DIR": scratch,
            "TMPDIR": scratch,
        }
        os.environ.update({name: value for name, value in env.items() if name.startswith("AWS_") or name == "NO_PROXY"})
        log = os.path.join(scratch, "log")
        with process([EMULATOR, str(ROOT / "scripts/emulator.py")], log, env) as emulator:
            account = Account(url, log, env)

            def healthy():
                if emulator.poll() is not None:
                    raise SystemExit(f"FAILED: the emulator ended with {emulator.returncode}:\n{account.last_lines()}")
                with contextlib.suppress(OSError):
                    with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2) as answer:
                        return answer.status == 200
                return False

            wait_for("the emulator's start", healthy)
            yield account
