"""Bad input and the safe default, in an emulated account: nothing is stopped in a dry run, by a refused event, or by a
function whose settings make no sense; and each says why."""

import json

from stack import ROOT, account, check, wait_for

LOG = "/aws/lambda/doze-scheduler"


def main():
    with account() as aws:
        idle = aws.launch("idle", up_for_minutes=600)
        aws.feed(idle)
        aws.deploy()

        error, report = aws.invoke({"action": "sweep"})
        check(error is None and report["mode"] == "dry-run", "without a mode the stack deploys as a dry run")
        check([d["verdict"] for d in report["decisions"]] == ["stop"] and report["outcomes"] == [], "it says what it would stop")
        check(aws.state(idle) == "running", "and stops nothing")

        files = sorted((ROOT / "events/scheduler").glob("refused-*.json"))
        for file in files:
            event = json.loads(file.read_text().replace("i-0123456789abcdef0", idle))
            error, document = aws.invoke(event)
            if not error or not document.get("errorMessage"):
                check(False, f"{file.name} is refused, not answered with {document}")
        check(len(files) >= 20 and aws.state(idle) == "running", f"{len(files)} bad events are refused, each with a reason")

        lines = wait_for("the log", lambda: aws.log_lines(LOG))
        check(all("level" in line for line in lines), f"its log lines are JSON documents with a level ({len(lines)} seen)")

        aws.lambda_.update_function_configuration(
            FunctionName=aws.outputs["SchedulerFunctionName"], Environment={"Variables": {"DOZE_MODE": "sometimes"}}
        )
        error, document = aws.invoke({"action": "sweep"})
        check(error is not None and aws.state(idle) == "running", f"a function with a bad setting does not start ({error})")


main()
