"""The gates beyond the demo's, in an emulated account: protected kinds, schedules, policies, the GPU's own metrics, grace and
its withdrawal, a window that opens, a composite alarm, and the explanation that a person reads."""

import datetime
import json
import subprocess
import sys
import tempfile

from stack import ROOT, account, check, wait_for

DAY_AND_NIGHT = "mon-sun 00:00-24:00 @ Asia/Seoul"
RENDER = json.dumps({"render": {"coverage_percent": 50, "signals": {"network": None, "ebs": None, "cpu": {"limit": 90}}}})


def now(**shift):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**shift)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def launch(aws, name, **options):
    instance = aws.launch(name, up_for_minutes=600, **options)
    aws.feed(instance)
    return instance


def reasons(report):
    return {decision["instance"]: decision["reason"] for decision in report["decisions"]}


def explain(*arguments):
    command = [sys.executable, str(ROOT / "scripts/explain.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def gates(aws):
    """One instance a gate; a dry run says what it would do with each."""
    fleet = {
        "inside-schedule": launch(aws, "scheduled", tags={"doze:schedule": DAY_AND_NIGHT}),
        "kept-awake": launch(aws, "kept", tags={"doze:keep-until": now(hours=1)}),
        "bad-tag": launch(aws, "typo", tags={"doze:schedule": "mon-fri 9 to 5 @ Asia/Seoul"}),
        "stop-protected": launch(aws, "protected", tags={"emulator:stop-protection": "on"}),
        "insufficient-data": launch(aws, "gpu-without-agent", instance_type="g5.xlarge"),
        "busy": launch(aws, "gpu-at-work", instance_type="g5.12xlarge"),
        "idle": launch(aws, "gpu-at-rest", instance_type="g5.12xlarge"),
    }
    aws.feed_agent(fleet["busy"], [0.0, 0.0, 0.0, 71.0])
    aws.feed_agent(fleet["idle"], [0.0, 0.0, 0.0, 0.0])
    render = aws.launch("render", up_for_minutes=600, tags={"doze:policy": "render"})
    aws.feed(render, cpu=80.0, network=1e6, ebs=500.0)
    aws.deploy(Mode="dry-run", MaxStopsPercent="100", CustomPolicies=f"'{RENDER}'")

    error, report = aws.invoke({"action": "sweep"})
    check(error is None, "a sweep over one instance of each kind goes through")
    for reason, instance in fleet.items():
        found = reasons(report)[instance]
        check(found == reason, f"{aws.tags(instance)['Name']}: {found}")
    check(reasons(report)[render] == "idle", "render: idle by a policy of its own, at 80 % CPU")
    bad = next(decision for decision in report["decisions"] if decision["reason"] == "bad-tag")
    check("character 9" in bad["detail"], f"the bad tag is pointed at: {bad['detail']}")
    return fleet


def explanations(fleet):
    told = explain(fleet["busy"])
    check(told.returncode == 0 and "KEEP  activity" in told.stdout and "gpu: 71 above 0 %" in told.stdout, "explain: a busy GPU")
    told = explain(fleet["stop-protected"])
    check("KEEP  stop protection" in told.stdout, "explain: stop protection")
    told = explain("i-0fedcba9876543210")
    check(told.returncode == 1 and "not-found" in told.stderr, f"explain: {told.stderr.strip()}")
    told = explain("i-1")
    check(told.returncode == 1 and "malformed" in told.stderr, f"explain: {told.stderr.strip()}")


def composite_alarm(aws, fleet):
    """The alarm's own event names no instance; its children do."""
    aws.cloudwatch.put_metric_alarm(
        AlarmName="doze-idle-child", Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Maximum", Period=300,
        Dimensions=[{"Name": "InstanceId", "Value": fleet["idle"]}], EvaluationPeriods=12, Threshold=5.0,
        ComparisonOperator="LessThanOrEqualToThreshold",
    )
    aws.cloudwatch.put_composite_alarm(AlarmName="doze-idle-composite", AlarmRule='ALARM("doze-idle-child")')
    error, report = aws.invoke(json.loads((ROOT / "events/scheduler/alarm-direct-composite.json").read_text()))
    check(error is None and reasons(report) == {fleet["idle"]: "idle"}, "a composite alarm leads to its child's instance")


def grace(aws, fleet):
    """Announced first, stopped later; and withdrawn where there was activity in between."""
    idle, other = fleet["idle"], launch(aws, "other")
    aws.deploy(Mode="enforce", MaxStopsPercent="100", GraceMinutes="30", CustomPolicies=f"'{RENDER}'")
    # A deployment takes its time, and two periods without a datapoint are no proof.
    for instance in (idle, other):
        aws.feed(instance)
    aws.feed_agent(idle, [0.0, 0.0, 0.0, 0.0])
    error, report = aws.invoke({"action": "sweep"})
    check(error is None and reasons(report)[idle] == reasons(report)[other] == "announced", "with grace, idle ones are announced")
    check("doze:stop-at" in aws.tags(idle) and aws.state(idle) == "running", f"by a tag: {aws.tags(idle).get('doze:stop-at')}")

    aws.feed(other, cpu=70.0)
    for instance in (idle, other):
        aws.tag(instance, "doze:stop-at", now(minutes=-1))
    error, report = aws.invoke({"action": "sweep"})
    check(error is None and reasons(report)[idle] == "idle" and aws.state(idle) == "stopped", "when its time has come, it stops")
    check(reasons(report)[other] == "busy" and aws.state(other) == "running", "unless it was used in between")
    check("doze:stop-at" not in aws.tags(other), "and then the announcement is withdrawn")


def page(aws, fleet):
    """Whoever has a link sees what the scheduler saw."""
    busy = fleet["busy"]
    status, _, body = aws.get(f"/instances/{busy}?token={aws.token(busy)}", accept="application/json")
    check(status == 200 and "gpu: 71 above 0 %" in body, "the page of an instance shows its GPU's own metrics")


def window(aws, fleet):
    """What Doze stopped, it starts when a window of the schedule opens."""
    idle = fleet["idle"]
    aws.tag(idle, "doze:schedule", DAY_AND_NIGHT)
    aws.go_off("StartSchedule")
    wait_for("the start", lambda: aws.state(idle) == "running")
    starts = wait_for("its line in the log", lambda: log_lines(aws, {"start"}))
    # EC2's notice of the stop may have come late, and have started it by the same reason.
    said = {(line["instance"], line["reason"]) for line in starts}
    check(said == {(idle, "schedule-open")}, f"an open window starts what Doze stopped: {said}")


def log_lines(aws, kinds):
    return [line for line in aws.log_lines("/aws/lambda/doze-scheduler") if line.get("message") in kinds]


def past_decisions(aws):
    """From each line about a decision, the same decision can be made again and explained."""
    kinds = {"stop", "announcement", "withdrawal"}
    lines = log_lines(aws, kinds)
    check({line["message"] for line in lines} == kinds, f"stops, announcements and withdrawals have lines of their own ({len(lines)})")
    for kind in sorted(kinds):
        line = next(line for line in lines if line["message"] == kind)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(line, file)
            file.flush()
            command = [str(ROOT / "scripts/explain.sh"), "--line", file.name]
            told = subprocess.run(command, capture_output=True, text=True, check=False)
        first = told.stdout.partition("\n")[0]
        check(first.startswith(line["instance"]) and first.endswith(line["reason"]), f"explained from its log line: {first}{told.stderr}")


def main():
    with account() as aws:
        fleet = gates(aws)
        explanations(fleet)
        composite_alarm(aws, fleet)
        page(aws, fleet)
        grace(aws, fleet)
        window(aws, fleet)
        past_decisions(aws)


main()
