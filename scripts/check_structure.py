"""Checks that imports point one way: adapters to ports to core, and nothing back."""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Each crate, and the crates of this workspace that it may build upon. Tests may use more.
MAY_USE = {
    "idleness": set(),
    "settings": {"idleness"},
    "journal": set(),
    "link": set(),
    "web": {"journal"},
    "capability": {"idleness"},
    "bench": set(),
    "contract": set(),
    "fleet": {"idleness", "settings"},
    "faults": {"journal", "scripted"},
    "scripted": set(),
    "simulator": {"fleet", "idleness", "scheduler", "settings"},
    "traces": {"idleness"},
    "hello": {"journal", "settings", "web"},
    "pages": {"capability", "web"},
    "home": {"capability", "fleet", "idleness", "journal", "pages", "settings", "web"},
    "wake": {"capability", "fleet", "idleness", "journal", "pages", "settings", "web"},
    "alarms": {"fleet", "idleness", "journal", "settings"},
    "scheduler": {"capability", "fleet", "idleness", "journal", "settings"},
}
# What the deciding crate must never reach, directly or through others.
IMPURE = re.compile(r"^(aws[-_]|tokio|hyper|lambda|reqwest|chrono$|time$|rand)")
TESTS_OR_MODULES = re.compile(r"#\[[^\]]*\btest\b|^\s*(pub )?mod ", re.MULTILINE)
# The AWS SDK may be named here alone.
AWS_ADAPTERS = ["crates/alarms/src/put.rs", "crates/bench/defaults/", "crates/capability/src/aws.rs", "crates/fleet/src/aws/", "crates/fleet/tests/", "crates/scheduler/src/topic.rs"]
# What the benchmark on defaults has to have the versions of the product of: else it compares something else.
COMPARED = re.compile(r"^(aws-|lambda_runtime|tokio$)")


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def problems():
    packages = json.loads(cargo("metadata", "--format-version", "1", "--no-deps", "--locked"))["packages"]
    for package in packages:
        own = {d["name"] for d in package["dependencies"] if d.get("path") and d["kind"] is None}
        for name in sorted(own - MAY_USE.get(package["name"], set())):
            yield f"crate {package['name']} depends on {name}"
        for name in sorted({d["name"] for d in package["dependencies"] if d.get("path") and d["kind"] == "build"} - {"link"}):
            yield f"the build script of {package['name']} depends on {name}"
        if package["name"] not in MAY_USE:
            yield f"crate {package['name']} is not in this list"
        for target in package["targets"]:
            # Tests in such a file, or in its modules, would never be run.
            if not target["test"] and "bin" in target["kind"] and TESTS_OR_MODULES.search(pathlib.Path(target["src_path"]).read_text()):
                yield f"{target['src_path']} has tests or modules, and its manifest says test = false"
    # With `abort` a panic kills the sandbox where the runtime could report it, and serve the next event.
    profile = (ROOT / "Cargo.toml").read_text().partition("[profile.release]")[2].partition("\n[")[0]
    if '\npanic = "unwind"\n' not in profile:
        yield "the release profile does not say panic = \"unwind\", and cargo-lambda would choose abort"
    reached = {line.split()[0] for line in cargo("tree", "-p", "idleness", "-e", "normal", "--prefix", "none", "--locked").splitlines() if line}
    for name in sorted(filter(IMPURE.match, reached)):
        yield f"crate idleness reaches {name}"
    for file in sorted((ROOT / "crates").rglob("*.rs")):
        path = file.relative_to(ROOT).as_posix()
        if not path.startswith(tuple(AWS_ADAPTERS)) and re.search(r"\baws_(sdk|config|smithy|types)", file.read_text()):
            yield f"{path} names the AWS SDK"
    yield from drifts()
    yield from compiled_twice()


def drifts():
    own = versions(ROOT / "Cargo.lock")
    for name, version in versions(ROOT / "crates/bench/defaults/Cargo.lock").items():
        if COMPARED.match(name) and own.get(name, version) != version:
            yield f"crates/bench/defaults has {name} {version}, and the product {own[name]}"


def compiled_twice():
    """A crate below the EC2 SDK that is to have other features for the tests: the SDK would be compiled once more for them, and checked
    once more for the documentation. That takes ten minutes."""
    of_the_functions, of_all = (features(*selection) for selection in (["-e", "normal,build"], ["--workspace", "-e", "normal,build,dev"]))
    for crate in features("-p", "aws-sdk-ec2", "-e", "normal,build"):
        if of_the_functions[crate] != of_all[crate]:
            yield f"{crate} has the features {of_the_functions[crate]}, and with the tests {of_all[crate]}"


def features(*selection):
    """Each crate of the selection, with its features."""
    found = {}
    for line in cargo("tree", *selection, "--prefix", "none", "--format", "{p}|{f}|", "--locked").splitlines():
        if line:
            crate, enabled, _ = line.split("|")
            found.setdefault(crate, set()).add(enabled)
    return {crate: " and ".join(sorted(ways)) for crate, ways in found.items()}


def versions(lock):
    return dict(re.findall(r'name = "(.+)"\nversion = "(.+)"\n', lock.read_text()))


found = list(problems())
for problem in found:
    print(f"check_structure: {problem}", file=sys.stderr)
sys.exit(1 if found else print("ok"))
