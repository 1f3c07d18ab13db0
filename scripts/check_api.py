"""Odd requests through the emulated HTTP API. Whatever is sent, what comes back is what infra/openapi.yaml says; a token is
good for what it names, and nothing else; and no token, nor the key behind it, shows where it does not belong."""

import collections
import concurrent.futures
import contextlib
import json
import os
import socket
import subprocess
import time

# Where Hypothesis would keep notes, if it were let.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = os.devnull

import hypothesis
import schemathesis
from hypothesis import strategies
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as of_openapi

from stack import ROOT, account, check, say, signed, wait_for

EXAMPLES = 40
CHECKS = [
    not_a_server_error,
    of_openapi.status_code_conformance,
    of_openapi.content_type_conformance,
    of_openapi.response_headers_conformance,
    of_openapi.response_schema_conformance,
]
ACCEPTED = ["text/html", "application/json", "*/*", "application/json;q=0.9, text/html", "?", ""]
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json", "accept": "application/json"}
HOSTILE = "<script>alert(1)</script>\"'&"


def answers_hold(aws, ids):
    """Generated requests, good ones and nonsense, against the document. Returns the tokens that were sent."""
    schema = schemathesis.openapi.from_path(str(ROOT / "infra/openapi.yaml"))
    base_url = f"{aws.url}/_aws/execute-api/{aws.outputs['HttpApiId']}/$default"
    fleet, of_each = aws.token("fleet", ["read"]), {instance: aws.token(instance) for instance in ids}
    # Half of the visitors hold what they need.
    visitors = [(instance, of_each[instance]) for instance in ids] + [(instance, fleet) for instance in ids]
    visitors += [(ids[0], of_each[ids[1]]), (ids[0], None), (None, of_each[ids[0]]), (None, fleet), (None, "x.y.z")]
    requests = [request for result in schema.get_all_operations() for request in invented(result.ok(), visitors)]
    # The emulator takes its time for each request; but it takes many at once.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda request: answered(base_url, *request), requests))
    seen = collections.defaultdict(collections.Counter)
    for (case, _, _), status in zip(requests, statuses):
        seen[f"{case.operation.method.upper()} {case.operation.path}"][status] += 1
    for operation, counts in seen.items():
        shown = ", ".join(f"{count} times {status}" for status, count in sorted(counts.items()))
        check(min(counts) < 400, f"{operation} answers as the document says: {shown}")
    return [fleet, *of_each.values()]


def invented(operation, visitors):
    """Requests to one operation, good ones and bad ones: each with its visitor, and what that one accepts."""
    requests = []
    for mode in schemathesis.GenerationMode:
        cases = operation.as_strategy(generation_mode=mode)

        @hypothesis.settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(cases, strategies.sampled_from(visitors), strategies.sampled_from(ACCEPTED))
        def collect(case, visitor, accept):
            requests.append((case, visitor, accept))

        # Without parameters there is nothing to send wrong.
        with contextlib.suppress(hypothesis.errors.Unsatisfiable):
            collect()
    return requests


def answered(base_url, case, visitor, accept):
    """The status of the answer, which is as the document says; and so is all else of it."""
    (instance, token), headers = visitor, {"accept": accept}
    if instance and "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = instance
    if token:
        headers["authorization"] = f"Bearer {token}"
    answer = case.call(base_url=base_url, headers=headers, timeout=30, allow_redirects=False)
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as failures:
        check(False, str(failures))
    return answer.status_code


def odd_requests(aws, instance):
    """What no generator thinks of, each with the statuses that are right."""
    token = aws.token(instance)
    bearer, start = {"authorization": f"Bearer {token}"}, f"/instances/{instance}/start"
    keep = start.replace("start", "keep-awake")
    odd = [
        ("GET", f"/hello?name={HOSTILE.replace(' ', '')}", None, {}, (200, 400)),
        ("GET", "/hello?name=%3Cscript%3Ealert(1)%3C/script%3E", None, {}, (200,)),
        ("GET", "/hello?name=a%0d%0aset-cookie:%20a=b", None, {}, (400,)),
        ("GET", "/hello?name=%00", None, {}, (400,)),
        ("GET", "/hello?name=%ff%fe", None, {}, (200, 400)),
        ("GET", "/hello?%", None, {}, (200, 400)),
        ("GET", f"/hello?name={'a' * 8192}", None, {}, (414,)),
        ("GET", f"/?{'a' * 8192}", None, {}, (414,)),
        ("GET", f"/instances?token={'a' * 8192}", None, {}, (414,)),
        ("GET", f"/{'a' * 3000}", None, {}, (414,)),
        ("GET", "/%3Cscript%3Ealert(1)%3C/script%3E", None, {}, (404,)),
        ("GET", f"/instances/{HOSTILE.replace(' ', '')}", None, {}, (400, 404)),
        ("GET", f"/instances/{instance}%0d%0aset-cookie:a=b?token={token}", None, {}, (400,)),
        ("GET", f"/instances/{instance.upper()}?token={token}", None, {}, (400,)),
        ("GET", f"/instances/%2e%2e/{instance}?token={token}", None, {}, (400, 404, 405)),
        ("GET", f"//instances/{instance}?token={token}", None, {}, (404,)),
        ("GET", f"/instances//{instance}?token={token}", None, {}, (404,)),
        ("GET", "//", None, {}, (404,)),
        ("GET", "//evil.example/", None, {}, (404,)),
        ("GET", "/instances/", None, {}, (400, 401, 404)),
        ("GET", "/instances?page=0", None, {}, (400,)),
        ("GET", f"/instances?page={'9' * 40}", None, {}, (400,)),
        ("GET", "/", None, {"accept": "\xff;" * 50}, (200,)),
        ("GET", "/", None, {"authorization": "Bearer " + "a" * 6000}, (401,)),
        ("GET", "/", None, {"x-forwarded-proto": "javascript", "host": "a b"}, (200, 400, 404)),
        ("POST", "/", None, {}, (405,)),
        ("DELETE", "/instances", None, bearer, (405,)),
        ("PUT", f"/instances/{instance}", None, bearer, (405,)),
        ("GET", start, None, bearer, (405,)),
        ("HEAD", start, None, bearer, (405,)),
        ("POST", "/hello", None, {}, (405,)),
        ("BREW", "/", None, {}, (400, 404, 405)),
        ("POST", f"{start}/", None, bearer, (404, 405)),
        ("POST", f"/instances/{instance}/stop", None, bearer, (404, 405)),
        ("POST", start, "a" * 70_000, bearer | FORM, (413,)),
        ("POST", keep, "hours=" + "9" * 60_000, bearer | FORM, (400,)),
        ("POST", keep, "{" * 60_000, bearer | JSON, (400,)),
        ("POST", keep, '{"hours":' + "[" * 30_000, bearer | JSON, (400,)),
        ("POST", keep, b"\xff\xfe\x00", bearer | JSON, (400,)),
        ("POST", keep, b"hours=\xff%ff", bearer | FORM, (400,)),
        ("POST", keep, "hours=1", bearer | {"content-type": "text/plain"}, (415,)),
        ("POST", keep, "<hours>1</hours>", bearer | {"content-type": "application/xml"}, (415,)),
    ]
    in_forms, in_json = ("0", "-1", "25", "1e1", "1.5", "+", "4%00"), (0, -1, 25, 1.5, "4", None, [4])
    odd += [("POST", keep, f"hours={hours}", bearer | FORM, (400,)) for hours in in_forms]
    odd += [("POST", keep, json.dumps({"hours": hours}), bearer | JSON, (400,)) for hours in in_json]
    for method, path, body, headers, right in odd:
        status, answered, text = aws.request(method, path, body, headers)
        shown = f"{method} {path[:60]} {str(body)[:40]}: {status} {text[:200]}"
        if status not in right or "set-cookie" in answered or (status == 405 and "allow" not in answered):
            check(False, f"{shown}, not {right}")
        if "html" in answered["content-type"] and "<script" in text:
            check(False, f"{shown} is escaped")
    check(True, f"{len(odd)} odd requests are refused as they should be")
    check("doze:keep-until" not in aws.tags(instance), "and none of them changed the instance")
    targets = (b" /hello?name=a b", b" /hello?a\x01b", b" /hello?name=\xc3\xa4<>", b" ")
    statuses = [raw_status(aws, b"GET" + target + b" HTTP/1.1") for target in targets]
    check(all(200 <= status < 500 for status in statuses), f"nor do lines that are not HTTP end in a 5xx: {statuses}")


def raw_status(aws, line):
    """The status of a request that no client library would send."""
    prefix = f"/_aws/execute-api/{aws.outputs['HttpApiId']}/$default".encode()
    host, port = aws.url.removeprefix("http://").split(":")
    with contextlib.closing(socket.create_connection((host, int(port)), timeout=30)) as connection:
        line = line.replace(b" /", b" " + prefix + b"/", 1)
        connection.sendall(line + b"\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        return int(connection.recv(4096).split(b" ", 2)[1])


def forgeries(aws, instance):
    """Tokens that look good, and are not."""
    key_id, secret = aws.key()
    good_header = {"alg": "HS256", "kid": key_id}
    claims = {"sub": instance, "act": ["keep-awake", "read", "start"], "exp": int(time.time()) + 3600}
    header, payload, signature = signed(good_header, claims, secret).split(".")
    other_payload = signed(good_header, claims | {"sub": "fleet"}, secret).split(".")[1]
    none_header = signed({"alg": "none", "kid": key_id}, claims, secret).split(".")[0]
    sign = lambda header, claims=claims, secret=secret: signed(header, claims, secret)
    return {
        "another payload": f"{header}.{other_payload}.{signature}",
        "a changed signature": f"{header}.{payload}.{'AB'[signature[0] == 'A']}{signature[1:]}",
        "a shorter signature": f"{header}.{payload}.{signature[:-1]}",
        "no signature": f"{header}.{payload}.",
        "alg none": f"{none_header}.{payload}.",
        "alg none, and a signature": f"{none_header}.{payload}.{signature}",
        "alg none, and a good signature": sign({"alg": "none", "kid": key_id}),
        "alg HS512": sign({"alg": "HS512", "kid": key_id}),
        "alg hs256": sign({"alg": "hs256", "kid": key_id}),
        "no alg": sign({"kid": key_id}),
        "another key": sign(good_header, secret="x" * 64),
        "an empty key": sign(good_header, secret=""),
        "an unknown key's id": sign(good_header | {"kid": "00000000"}),
        "no key's id": sign({"alg": "HS256"}),
        "a key of its own": sign(good_header | {"jwk": {"kty": "oct", "k": "eA"}}),
        "an address of keys": sign(good_header | {"jku": "http://127.0.0.1/"}),
        "an unknown permit": sign(good_header, claims | {"act": ["read", "stop"]}),
        "an unknown claim": sign(good_header, claims | {"admin": True}),
        "no expiry": sign(good_header, {"sub": instance, "act": claims["act"]}),
        "an expiry in text": sign(good_header, claims | {"exp": "2999-01-01T00:00:00Z"}),
        "an expiry in ten years": sign(good_header, claims | {"exp": claims["exp"] + 315_360_000}),
        "words": "let-me-in",
        "dots": "..",
        "too much": f"{header}.{payload}.{signature}" + "A" * 1500,
    }


def ways(instance):
    """How a token may be sent: to see an instance, and to press its buttons."""
    page = f"/instances/{instance}"
    return {
        "in the query": lambda token: ("GET", f"{page}?token={token}", None, {"accept": "application/json"}),
        "in the header": lambda token: ("GET", page, None, {"accept": "application/json", "authorization": f"Bearer {token}"}),
        "to a form": lambda token: ("POST", f"{page}/start", f"token={token}", FORM | {"accept": "application/json"}),
        "to a program": lambda token: ("POST", f"{page}/keep-awake", "{}", JSON | {"authorization": f"Bearer {token}"}),
    }


def tokens(aws, instance, other):
    """What tokens are good for. Returns all that were sent."""
    permits = {"in the query": "read", "in the header": "read", "to a form": "start", "to a program": "keep-awake"}
    bad = forgeries(aws, instance)
    expired = {"expired": aws.token(instance, seconds=-1), "expired and forged": aws.token(instance, seconds=-1)[:-4] + "AAAA"}
    foreign = {"of another instance": aws.token(other), "to see the fleet, on a button": aws.token("fleet", ["read"])}
    for way, request in ways(instance).items():
        refused = {name: aws.request(*request(token)) for name, token in bad.items()}
        for name, (status, headers, body) in refused.items():
            if status != 401 or "www-authenticate" not in headers:
                check(False, f"a token with {name}, sent {way}, is refused, not answered with {status} {body[:200]}")
        bodies = {body for _, _, body in refused.values()}
        check(len(bodies) == 1, f"{len(bad)} forged tokens sent {way} are refused, all by the same words: {bodies.pop()}")
        late = [aws.request(*request(token)) for token in expired.values()]
        check({answer[0] for answer in late} == {401} and late[0][2] == late[1][2], f"so is an expired one: {late[0][2]}")
        others = permits[way] != "read"
        strangers = {name: token for name, token in foreign.items() if others or "fleet" not in name}
        strangers["for another action"] = aws.token(instance, {"read", "start", "keep-awake"} - {permits[way]})
        answers = {name: aws.request(*request(token)) for name, token in strangers.items()}
        check({answer[0] for answer in answers.values()} == {403}, f"{', '.join(answers)}: 403")
        check(len({answer[2] for answer in answers.values()}) == 1, "by the same words, too")
        foreign |= strangers
    status, _, body = aws.request("GET", f"/instances?token={aws.token(instance)}")
    check(status == 403 and instance not in body, "a token for one instance does not show the fleet")
    check("doze:keep-until" not in aws.tags(instance) and "doze:keep-until" not in aws.tags(other), "nothing was changed")
    return list(bad.values()) + list(expired.values()) + list(foreign.values())


def good_tokens(aws, instance):
    """What a good token does, as a program sees it. Returns those that were sent."""
    token = aws.token(instance)
    bearer = {"authorization": f"Bearer {token}", "accept": "application/json"}
    status, headers, body = aws.request("GET", f"/instances/{instance}", headers=bearer)
    check((status, json.loads(body)["state"]) == (200, "stopped"), "a good token shows the instance")
    kept = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
    check(kept.items() <= headers.items(), "its page is not kept, not guessed at, and tells no other site of itself")
    status, _, body = aws.request("POST", f"/instances/{instance}/start", headers=bearer)
    check((status, json.loads(body)["result"]) == (202, "done"), f"and starts it: {body}")
    status, _, body = aws.request("POST", f"/instances/{instance}/start", headers=bearer)
    check((status, json.loads(body)["result"]) in ((200, "already"), (202, "already")), f"once: {body}")
    status, _, body = aws.request("POST", f"/instances/{instance}/keep-awake", '{"hours": 3}', bearer | JSON)
    check((status, json.loads(body)["result"]) == (200, "done"), f"and keeps it awake: {body}")
    return [token]


def script(name, *arguments):
    """What one of the operator's scripts prints."""
    done = subprocess.run([str(ROOT / f"scripts/{name}.sh"), *arguments], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"scripts/{name}.sh {' '.join(arguments)}".rstrip() + f" {done.stderr.strip()}".rstrip())
    return done.stdout.strip()


def made_links(aws, instance):
    """What an operator's links are good for, also when the key changes: until it has changed twice. Returns their tokens."""
    seen = lambda link: aws.request("GET", link, headers={"accept": "application/json"})[0]
    first, reader = script("link", instance), script("link", instance, "--read-only", "--hours", "1")
    token = reader.partition("token=")[2]
    pressed = aws.request("POST", f"/instances/{instance}/keep-awake", f"token={token}", FORM)[0]
    check((seen(first), seen(reader), pressed) == (200, 200, 403), "a link shows its instance; a read-only one has no buttons")
    script("rotate-link-key")
    second = script("link", instance)
    # A process that has just asked for the keys, for a token that none of them has signed, does not do so again for half a minute.
    wait_for("a link of the new key to be good", lambda: seen(second) == 200, seconds=35)
    check(seen(first) == 200, "once the key has changed, links of both keys are good")
    script("rotate-link-key")
    # A process knows the keys for five minutes; a new one reads them.
    home = aws.function("home")
    variables = aws.lambda_.get_function_configuration(FunctionName=home)["Environment"]["Variables"]
    aws.lambda_.update_function_configuration(FunctionName=home, Environment={"Variables": variables | {"CHANGED": "twice"}})
    third = script("link", instance)
    check((seen(first), seen(second), seen(third)) == (401, 200, 200), "twice, and those of the first key are void")
    return [link.partition("token=")[2] for link in (first, reader, second, third)]


def without_keys(aws, instance):
    """What a visitor hears when the key cannot be read. Returns the token that was sent."""
    name, token = aws.function("home"), aws.token(instance)
    variables = aws.lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    lost = variables | {"DOZE_LINK_KEY": variables["DOZE_LINK_KEY"] + "-lost"}
    aws.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": lost})
    status, headers, body = aws.request("GET", f"/instances/{instance}?token={token}", headers={"accept": "application/json"})
    check((status, headers.get("retry-after")) == (503, "60") and "arn:" not in body, f"without its key: {status} {body}")
    errors = lambda: [line for line in aws.log_lines("/aws/lambda/doze-home") if line.get("level") == "ERROR"]
    check(True, f"the log says why: {wait_for('its line in the log', errors)[:1]}")
    aws.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    return [token]


def nothing_leaks(aws, sent):
    """The key is in its secret alone, and tokens are where they were sent."""
    _, secret = aws.key()
    signatures = {part for token in sent for part in token.split(".")[2:] if len(part) >= 20}
    groups = [group["logGroupName"] for group in aws.logs.describe_log_groups()["logGroups"]]
    text = {group: "\n".join(aws.log_messages(group)) for group in groups}
    lines = sum(logged.count("\n") for logged in text.values())
    check(lines > 0, f"the account has {len(groups)} log groups with {lines} lines: {', '.join(groups)}")
    leaks = [group for group, logged in text.items() if secret in logged or any(part in logged for part in signatures)]
    check(not leaks, f"none holds the key, nor any of the {len(sent)} tokens that were sent {leaks or ''}".rstrip())
    check(secret not in json.dumps(aws.outputs), "the stack's outputs do not hold the key")
    for function in ("alarms", "scheduler", "home", "wake", "hello"):
        configuration = aws.lambda_.get_function_configuration(FunctionName=aws.function(function))
        variables = configuration.get("Environment", {}).get("Variables", {})
        if secret in json.dumps(configuration, default=str) or not variables.get("DOZE_LINK_KEY", "arn:").startswith("arn:"):
            check(False, f"{function} is told the key's ARN alone, not {variables}")
    check(True, "the functions are told the key's ARN alone")


def main():
    started = time.monotonic()
    with account() as aws:
        ids = {name: aws.launch(name, up_for_minutes=600) for name in ("own", "other")}
        ids["untagged"] = aws.launch("untagged", opted_in=False, up_for_minutes=600)
        aws.stop(ids["own"])
        aws.feed(ids["other"], cpu=63.0)
        aws.deploy(Mode="enforce", LogLevel="DEBUG", IdleAlarms="instances")
        odd_requests(aws, ids["other"])
        sent = tokens(aws, ids["own"], ids["other"])
        sent += good_tokens(aws, ids["own"])
        sent += answers_hold(aws, list(ids.values()))
        untouched = set(aws.tags(ids["untagged"])) == {"Name", "emulator:up-for-minutes"}
        check(untouched and aws.state(ids["untagged"]) == "running", "the instance without the tag was not touched")
        sent += made_links(aws, ids["own"])
        sent += without_keys(aws, ids["own"])
        nothing_leaks(aws, sent)
    say(f"   {time.monotonic() - started:.0f} seconds")


main()
