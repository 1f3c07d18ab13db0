"""Checks of the house about workflows and deployment settings: what no other judge asks for, or asks for with exceptions."""

import pathlib
import re
import sys

import tomlkit
import yaml
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.command import cli as sam_deploy
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.y*ml"))

# Every job that may do more than read, and what.
WRITES = {
    ("deploy.yml", "deploy"): {"id-token"},
    ("release.yml", "attest"): {"id-token", "attestations"},
    ("release.yml", "attest-sbom"): {"id-token", "attestations"},
    ("release.yml", "publish"): {"contents"},
}

faults = []


def fault(path, what):
    faults.append(f"{path.relative_to(ROOT)}: {what}")


def check_uses(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        uses = re.match(r"[\s-]*[\"']?uses[\"']?\s*:\s*(.*)", line)
        if uses and not re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses[1]):
            fault(path, f"line {number}: not owner/action@40-hex-digits # v1.2.3: {uses[1]}")


def check_permissions(path, workflow):
    if workflow.get("permissions") != {}:
        fault(path, "no `permissions: {}` at the top")
    for name, job in workflow["jobs"].items():
        permissions = job.get("permissions")
        if not isinstance(permissions, dict):
            fault(path, f"the job {name} does not list its permissions")
            continue
        writes = {scope for scope, access in permissions.items() if access == "write"}
        if writes != WRITES.get((path.name, name), set()):
            fault(path, f"the job {name} may write {sorted(writes)}; WRITES in {pathlib.Path(__file__).name} says otherwise")


def check_shape(path, workflow):
    # YAML takes `on` for a boolean.
    triggers = workflow.get("on", workflow.get(True))
    for trigger in ("pull_request_target", "workflow_run"):
        if trigger in triggers:
            fault(path, f"{trigger} runs with this repository's rights on what a stranger wrote")
    if "concurrency" not in workflow:
        fault(path, "no concurrency group")
    for name, job in workflow["jobs"].items():
        if "timeout-minutes" not in job:
            fault(path, f"the job {name} has no timeout-minutes")
    if path.name == "release.yml" and "actions/cache@" in path.read_text():
        fault(path, "a release is built without caches")


def check_value(path, environment, name, value, parameter):
    fits = value in [str(allowed) for allowed in parameter.get("AllowedValues", [value])]
    fits = fits and re.fullmatch(parameter.get("AllowedPattern", r"[\s\S]*"), value)
    if parameter["Type"] == "Number":
        fits = fits and value.isdecimal() and parameter.get("MinValue", 0) <= int(value) <= parameter.get("MaxValue", 10**9)
    if not fits:
        fault(path, f"{environment}: the template does not take {name}={value}")


def check_deployments():
    path = ROOT / "infra/samconfig.toml"
    environments = tomlkit.parse(path.read_text()).unwrap()
    if environments.pop("version", None) != 0.1:
        fault(path, "version is not 0.1")
    options = {option.name for option in sam_deploy.params}
    parameters = yaml_parse((ROOT / "infra/template.yaml").read_text())["Parameters"]
    for environment, commands in environments.items():
        if list(commands) != ["deploy"] or list(commands["deploy"]) != ["parameters"]:
            fault(path, f"{environment}: something else than [{environment}.deploy.parameters]")
            continue
        settings = commands["deploy"]["parameters"]
        for option in settings.keys() - options:
            fault(path, f"{environment}: `sam deploy` has no option {option}")
        overrides = CfnParameterOverridesType().convert(settings.get("parameter_overrides", []), None, None)
        for name, value in overrides.items():
            if name not in parameters:
                fault(path, f"{environment}: the template has no parameter {name}")
            else:
                check_value(path, environment, name, value, parameters[name])
        if "Mode" not in overrides:
            fault(path, f"{environment}: does not say its Mode")
    deploy = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())
    choices = deploy.get("on", deploy.get(True))["workflow_dispatch"]["inputs"]["environment"]["options"]
    if sorted(choices) != sorted(environments):
        fault(path, f"it has {sorted(environments)}, and deploy.yml offers {sorted(choices)}")


if not WORKFLOWS:
    sys.exit("check_supply_chain: there are no workflows")
for path in WORKFLOWS:
    workflow = yaml.safe_load(path.read_text())
    check_uses(path)
    check_permissions(path, workflow)
    check_shape(path, workflow)
check_deployments()
if faults:
    sys.exit("\n".join(f"check_supply_chain: {fault}" for fault in faults))
print(f"ok   {len(WORKFLOWS)} workflows: pinned, and no more permissions than listed; infra/samconfig.toml fits the template")
