"""Writes where fuzzing begins, into the folder that is given: a folder a target, a file an input, all of them made of what the
repository has anyway. An event is an input as it is; of Rust's tests their texts are taken."""

import itertools
import json
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A text of Rust, raw or not. What of its escapes is resolved is enough for seeds.
TEXT = re.compile(r'r#"(.*?)"#|"((?:[^"\\]|\\.)*)"', re.DOTALL)
CONTINUED = re.compile(r"\\\n\s*")
TOKENS = ["fleet", "read", "instance", "other", "expired", "foreign"]
# 2026-11-21T20:03:17Z, as the tests have it.
NOW = 1_795_291_397


def events(*folders):
    for folder in folders:
        for file in sorted((ROOT / "events" / folder).glob("*.json")):
            yield json.loads(file.read_bytes())


def texts(*patterns):
    """The texts in the files, each once."""
    files = sorted({file for pattern in patterns for file in ROOT.glob(pattern)})
    found = itertools.chain.from_iterable(TEXT.findall(file.read_text()) for file in files)
    resolved = (raw or CONTINUED.sub("", escaped).replace('\\"', '"') for raw, escaped in found)
    return dict.fromkeys(text for text in resolved if text)


def answer():
    """The first byte says how many bytes arrive at a time; of instances, each of their elements once more by itself."""
    instance = (ROOT / "crates/bench/src/endpoint/instance.xml").read_text().strip()
    around = '<?xml version="1.0"?><DescribeInstancesResponse><reservationSet>%s</reservationSet><nextToken>a</nextToken></DescribeInstancesResponse>'
    reservation = "<item><instancesSet><item><instanceId>i-0abc1234</instanceId>%s</item></instancesSet></item>"
    fields = texts("crates/fleet/tests/aws/desc*.rs")
    for list_of in [instance, instance * 2, *(reservation % field for field in fields)]:
        for size in [6, 255]:
            yield bytes([size]) + (around % list_of).encode()


def event():
    return map(json.dumps, events("scheduler", "alarms"))


def http():
    """The events, none of which brings a good token, and each of them with tokens; of buttons that were pressed."""
    for document in events("hello", "home", "wake"):
        yield json.dumps(document)
        for token in TOKENS:
            query = f"token={{{{{token}}}}}"
            scene = {"is_enforced": token != "other", "state": "stopped", "tags": {"Name": f"<{token}>", "doze:after": "database"}}
            yield json.dumps(document | {"rawQueryString": query, "doze": scene, "body": None})
            yield json.dumps(document | {"headers": document["headers"] | {"authorization": f"Bearer {{{{{token}}}}}"}})


def schedule():
    """A time in seconds, and tags: the first line is that of `doze:schedule`."""
    for text in texts("crates/idleness/tests/schedule*.rs", "crates/idleness/tests/hostile_tags.rs"):
        yield struct.pack("<I", NOW) + text.encode()
    for text in texts("crates/idleness/tests/*start*.rs", "crates/idleness/tests/gates.rs"):
        yield struct.pack("<I", NOW) + f"mon-fri 09:00-18:00 @ Europe/Berlin\ndoze:stopped-at={text}\n{text}".encode()


def settings():
    """An object of variables; or a line each, where the text is to stay as it is."""
    for text in texts("crates/*/src/settings.rs", "crates/*/tests/*settings.rs"):
        for variable in ["DOZE_MODE", "DOZE_MAX_STOPS", "DOZE_GRACE_MINUTES", "DOZE_PRICES", "DOZE_URL"]:
            yield f"{variable}={text}"
    for text in texts("crates/idleness/tests/*polic*.rs"):
        for written in [text, '{"p": %s}' % text]:
            yield f"DOZE_POLICIES={written}"
            try:
                yield json.dumps({"DOZE_POLICY": "p", "DOZE_POLICIES": json.loads(written)})
            except ValueError:
                pass


def token():
    """The first byte says what the rest is: a token, the parts of one that is to be signed, or what to sign and to change."""
    for text in texts("crates/capability/tests/*.rs"):
        yield b"\0" + text.encode()
        yield b"\1" + text.encode()
    parts = '{"alg":"HS256","kid":"8d1f0c2e"}\n{"sub":"%s","act":["read"],"exp":%d}'
    for subject in ["fleet", "i-0123456789abcdef0"]:
        for seconds in [-1, 0, 1, 3600, 366 * 86400, 366 * 86400 + 1]:
            yield b"\1" + (parts % (subject, NOW + seconds)).encode()
    yield from (bytes([2, number]) for number in range(256))


def measurements():
    """No data are an instance at rest, which is where to begin; each further byte changes something."""
    yield from (bytes([0] * place + [value]) for place in range(40) for value in (0, 1, 5))


TARGETS = {function.__name__: function for function in [answer, event, http, measurements, schedule, settings, token]}


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in TARGETS:
        sys.exit(f"usage: fuzz_corpus.py {'|'.join(TARGETS)} FOLDER")
    target, folder = arguments[0], pathlib.Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(TARGETS[target]()):
        (folder / f"seed-{number:04}").write_bytes(data if isinstance(data, bytes) else data.encode())


main(sys.argv[1:])
