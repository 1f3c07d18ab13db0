"""The release binaries under Lambda's own Runtime Interface Emulator, and the functions under `cargo lambda watch`."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import samcli

from stack import ARCHITECTURE, ROOT, check, free_port, process

EVENTS = ROOT / "events"
CREDENTIALS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


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
    emulator = pathlib.Path(samcli.__file__).parent / f"local/rapid/aws-lambda-rie-{ARCHITECTURE}"
    port = free_port()
    command = [str(emulator), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{free_port()}", str(ROOT / f"target/lambda/{function}/bootstrap")]
    env = CREDENTIALS | {"PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_NAME": function}
    env |= {"AWS_LAMBDA_FUNCTION_TIMEOUT": "20", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with process(command, os.devnull, env):
        _, body = ask(f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", body=event)
        return json.loads(body)


def in_runtime_interface_emulator():
    answer = invoke_in_emulator("hello", (EVENTS / "hello/get.json").read_bytes())
    check(answer["body"] == "Hello from Lambda!", "Lambda's emulator runs hello")
    answer = invoke_in_emulator("home", (EVENTS / "home/get-json.json").read_bytes())
    check(json.loads(answer["body"])["mode"] == "dry-run", "Lambda's emulator runs home")
    answer = invoke_in_emulator("wake", (EVENTS / "wake/refused-start-without-token.json").read_bytes())
    check(answer["statusCode"] in (401, 503), f"Lambda's emulator runs wake: {answer['statusCode']}")
    answer = invoke_in_emulator("scheduler", (EVENTS / "scheduler/ignored-alarm-ok.json").read_bytes())
    check(answer["trigger"]["kind"] == "ignored", "Lambda's emulator runs the scheduler")
    answer = invoke_in_emulator("scheduler", (EVENTS / "scheduler/refused-instance-id-malformed.json").read_bytes())
    check(answer["errorType"] == "bad-instance-id", f"and a refusal has its type: {answer['errorMessage']}")


def with_bad_settings():
    """A function with a setting that makes no sense ends at once, with one log line that names the variable."""
    bad = [("home", "DOZE_MODE", "on"), ("scheduler", "DOZE_MODE", "on"), ("scheduler", "DOZE_POLICY", "lazy")]
    bad += [("scheduler", "DOZE_MAX_STOPS", "many"), ("scheduler", "DOZE_MAX_STOPS_PERCENT", "101")]
    bad += [("scheduler", "DOZE_GRACE_MINUTES", "-5"), ("scheduler", "DOZE_POLICIES", "[]")]
    bad += [("scheduler", "DOZE_LINK_HOURS", "0"), ("scheduler", "DOZE_URL", "https://doze.example")]
    bad += [("home", "DOZE_POLICY", "lazy"), ("home", "DOZE_MAX_KEEP_HOURS", "0")]
    bad += [("wake", "DOZE_MODE", "on"), ("wake", "DOZE_HOLD_MINUTES", "1441"), ("wake", "DOZE_MAX_KEEP_HOURS", "169")]
    for function, variable, value in bad:
        binary = ROOT / f"target/lambda/{function}/bootstrap"
        env = CREDENTIALS | {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9", variable: value}
        done = subprocess.run([str(binary)], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        named = done.returncode != 0 and len(lines) == 1 and f'{variable} is "{value}"' in lines[0]["message"]
        check(named, f"{function} does not start: {lines[0]['message'] if lines else done.stderr}")


def in_cargo_lambda_watch():
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="doze-") as home:
        env = dict(os.environ) | CREDENTIALS
        command = ["cargo", "lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", str(port), "--ignore-changes"]
        with process(command, os.path.join(home, "log"), env):
            status, body = ask(f"http://127.0.0.1:{port}/hello?name=Ada", seconds=1200)
            check((status, body) == (200, "Hello from Lambda, Ada!"), f"cargo lambda watch serves /hello: {body}")
            status, body = ask(f"http://127.0.0.1:{port}/", headers={"accept": "application/json"}, seconds=1200)
            check(status == 200 and json.loads(body)["name"] == "Doze", "cargo lambda watch serves /")
            invoke = ["cargo", "lambda", "invoke", "scheduler", "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
            invoke += ["--data-file", str(EVENTS / "scheduler/ignored-alarm-ok.json")]
            done = subprocess.run(invoke, cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900)
            answered = done.returncode == 0 and json.loads(done.stdout)["trigger"]["kind"] == "ignored"
            check(answered, f"cargo lambda invoke answers with the report {done.stdout if not answered else ''}{done.stderr}")


in_runtime_interface_emulator()
with_bad_settings()
in_cargo_lambda_watch()
