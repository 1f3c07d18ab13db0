"""The release binaries under Lambda's own Runtime Interface Emulator, and the functions under `cargo lambda watch`."""

import json
import os
import platform
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import samcli

ROOT = pathlib.Path(__file__).resolve().parent.parent
EVENTS = ROOT / "events"
CREDENTIALS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(f"   ok   {what}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A process of its own group that does not outlive the block; its output is shown if something fails."""

    def __init__(self, command, env, cwd=ROOT):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        if kind is not None:
            self.log.seek(0)
            sys.stderr.write(self.log.read().decode(errors="replace")[-4000:])


def ask(url, body=None, headers=None, seconds=30):
    """One HTTP request, tried again until somebody listens: status and body."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            request = urllib.request.Request(url, data=body, headers=headers or {})
            with urllib.request.urlopen(request, timeout=max(1, deadline - time.monotonic())) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def invoke_in_emulator(function, event):
    """Starts the function's release binary under the Runtime Interface Emulator and sends it one event."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    emulator = pathlib.Path(samcli.__file__).parent / f"local/rapid/aws-lambda-rie-{machine}"
    port = free_port()
    command = [str(emulator), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{free_port()}", str(ROOT / f"target/lambda/{function}/bootstrap")]
    env = CREDENTIALS | {"PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_NAME": function}
    env |= {"AWS_LAMBDA_FUNCTION_TIMEOUT": "20", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with Running(command, env):
        _, body = ask(f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", body=event)
        return json.loads(body)


def in_runtime_interface_emulator():
    answer = invoke_in_emulator("hello", (EVENTS / "hello/get.json").read_bytes())
    check(answer["body"] == "Hello from Lambda!", "Lambda's emulator runs hello")
    answer = invoke_in_emulator("home", (EVENTS / "home/get-json.json").read_bytes())
    check(json.loads(answer["body"])["mode"] == "dry-run", "Lambda's emulator runs home")
    answer = invoke_in_emulator("scheduler", (EVENTS / "scheduler/ignored-alarm-ok.json").read_bytes())
    check(answer["trigger"]["kind"] == "ignored", "Lambda's emulator runs the scheduler")
    answer = invoke_in_emulator("scheduler", (EVENTS / "scheduler/refused-instance-id-malformed.json").read_bytes())
    check(answer["errorType"] == "bad-instance-id", f"and a refusal has its type: {answer['errorMessage']}")


def in_cargo_lambda_watch():
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="doze-") as home:
        env = os.environ | CREDENTIALS
        command = ["cargo", "lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", str(port), "--ignore-changes"]
        with Running(command, env):
            status, body = ask(f"http://127.0.0.1:{port}/hello?name=Ada", seconds=600)
            check((status, body) == (200, "Hello from Lambda, Ada!"), f"cargo lambda watch serves /hello: {body}")
            status, body = ask(f"http://127.0.0.1:{port}/", headers={"accept": "application/json"}, seconds=600)
            check(status == 200 and json.loads(body)["name"] == "Doze", "cargo lambda watch serves /")
            invoke = ["cargo", "lambda", "invoke", "scheduler", "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
            invoke += ["--data-file", str(EVENTS / "scheduler/ignored-alarm-ok.json")]
            done = subprocess.run(invoke, cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            answered = done.returncode == 0 and json.loads(done.stdout)["trigger"]["kind"] == "ignored"
            check(answered, f"cargo lambda invoke answers with the report {done.stdout if not answered else ''}{done.stderr}")


in_runtime_interface_emulator()
in_cargo_lambda_watch()
