"""How events get to the functions, in an emulated account: the alarms that Doze keeps, one of the user's own, the events of an alarm
over the fleet; and what becomes of events that fail or never arrive."""

import json
import subprocess
import sys

from stack import ROOT, account, check, say, wait_for

EVENTS = ROOT / "events/scheduler"


def idle(aws, name):
    instance = aws.launch(name, up_for_minutes=600)
    aws.feed(instance)
    return instance


def stopped(aws, instance):
    return wait_for(f"the stop of {instance}", lambda: aws.state(instance) == "stopped")


def kept(aws):
    pages = aws.cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix="doze-idle-auto-")
    return {alarm["AlarmName"].removeprefix("doze-idle-auto-") for page in pages for alarm in page["MetricAlarms"]}


def tick(aws):
    """What the clock does every five minutes."""
    answer = aws.lambda_.invoke(FunctionName=aws.outputs["AlarmsFunctionArn"], Payload=b'{"action":"keep-alarms"}')
    return json.loads(answer["Payload"].read())


def kept_alarms(aws):
    say("Alarms that Doze keeps")
    # The cap is a share of those that run.
    crowd = {aws.launch(f"crowd-{number}") for number in range(8)}
    first = aws.launch("first", up_for_minutes=600)
    aws.deploy(Mode="enforce", IdleAlarms="instances", MaxStopsPercent="100")
    check(kept(aws) == crowd | {first}, "the deployment makes the alarms of those that run")
    second, third = aws.launch("second", up_for_minutes=600), aws.launch("third", up_for_minutes=600)
    check(len(tick(aws)["put"]) == 2 and kept(aws) == crowd | {first, second, third}, "a tick makes those of new instances")
    check(tick(aws) == {"unchanged": 11, "put": [], "removed": [], "failed": [], "left": 0}, "the next has nothing to do")
    aws.feed(first)
    stopped(aws, first)
    aws.ec2.delete_tags(Resources=[second], Tags=[{"Key": "doze"}])
    aws.ec2.terminate_instances(InstanceIds=[third])
    check(len(tick(aws)["removed"]) == 3 and kept(aws) == crowd, "its alarm stops an idle one; stopped, opted out and terminated ones lose theirs")


def schedules(aws):
    say("The clock")
    late = aws.launch("late")
    aws.go_off("AlarmsSchedule")
    check(wait_for("the alarm", lambda: late in kept(aws)), "every five minutes, new instances get their alarms")
    for schedule, why in (("SweepSchedule", "all opted-in instances are looked at"), ("StartSchedule", "those that are stopped are")):
        before = len(reports(aws))
        aws.go_off(schedule)
        report = wait_for("the report", lambda: reports(aws)[before:])[-1]
        seen = {decision["reason"] for decision in report["decisions"]}
        is_meant = ("recently-started" in seen) == (schedule == "SweepSchedule") and "already-stopped" in seen
        check(report["trigger"]["kind"] == "sweep" and is_meant, f"{schedule}: {why}: {sorted(seen)}")


def reports(aws):
    lines = aws.log_lines("/aws/lambda/doze-scheduler")
    return [line for line in lines if line.get("message") == "report" and line["trigger"]["kind"] == "sweep"]


def own_alarm(aws):
    say("An alarm of one's own")
    instance = aws.launch("own", up_for_minutes=600)
    parameters = {"SchedulerFunctionArn": aws.outputs["SchedulerFunctionArn"], "AlarmNamePrefix": aws.outputs["AlarmNamePrefix"]}
    aws.cloudformation.create_stack(
        StackName="own-alarm",
        TemplateBody=(ROOT / "infra/examples/own-alarm.yaml").read_text(),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters | {"InstanceId": instance}).items()],
    )
    status = lambda: aws.cloudformation.describe_stacks(StackName="own-alarm")["Stacks"][0]["StackStatus"]
    wait_for("the example's stack", lambda: status() == "CREATE_COMPLETE")
    aws.feed(instance)
    check(stopped(aws, instance), "the example deploys, and its alarm has an idle instance stopped")


def fleet_alarm(aws):
    say("An alarm over the fleet (the emulator cannot evaluate it: its events come from files)")
    # The emulator sees no change where only conditions change; so another parameter changes, too.
    aws.deploy(Mode="enforce", IdleAlarms="fleet", MaxStopsPercent="99")
    check(aws.alarm_state("doze-idle-fleet") is not None, "the alarm is there")
    for name in ("alarm-direct-contributor", "alarm-eventbridge-contributor"):
        instance = idle(aws, name)
        text = (EVENTS / f"{name}.json").read_text().replace("i-0123456789abcdef0", instance)
        check(instance in text, f"{name}: it names the instance")
        error, report = aws.invoke(json.loads(text))
        check((error, report["summary"]["stopped"]) == (None, 1), f"{name}: its instance is stopped")


def queued_alarms(aws):
    say("A queue of alarms")
    address = aws.sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.deploy(Mode="enforce", IdleAlarms="none", MaxStopsPercent="100", AlarmQueueArn=arn)
    instances = [idle(aws, f"queued-{number}") for number in range(2)]
    text = (EVENTS / "alarm-eventbridge.json").read_text()
    bodies = [text.replace("i-0123456789abcdef0", instance) for instance in instances]
    for body in (bodies[0], "no JSON", bodies[1]):
        aws.sqs.send_message(QueueUrl=address, MessageBody=body)
    check(all(stopped(aws, instance) for instance in instances), "each alarm has its instance stopped, whatever comes between")
    waiting = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    kept = lambda: sum(map(int, aws.sqs.get_queue_attributes(QueueUrl=address, AttributeNames=waiting)["Attributes"].values()))
    check(wait_for("the end of the batch", lambda: kept() == 1), "what is no alarm stays in the queue, alone")


def depth(aws, key):
    attributes = aws.sqs.get_queue_attributes(QueueUrl=aws.outputs[key], AttributeNames=["ApproximateNumberOfMessages"])
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def replay(*arguments):
    done = subprocess.run([sys.executable, str(ROOT / "scripts/replay.py"), *arguments], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"replay ends well: {done.stderr.strip() or done.stdout.strip().splitlines()[-1]}")
    return done.stdout


def lost_events(aws):
    say("Events that fail, and events that never arrive")
    scheduler, alive = aws.outputs["SchedulerFunctionArn"], idle(aws, "lost")
    aws.lambda_.invoke(FunctionName=scheduler, InvocationType="Event", Payload=b'{"action":"dance"}')
    refused = wait_for("the failed event in its queue", lambda: depth(aws, "FailureQueueUrl"), seconds=240)
    check(refused == 1, "an event that the function refuses ends in the failure queue")

    def send(body, queue="DeadLetterQueueUrl", **attributes):
        attributes = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        aws.sqs.send_message(QueueUrl=aws.outputs[queue], MessageBody=body, MessageAttributes=attributes)

    # The emulator names no request, and puts nothing into the other queue; these are the shapes that AWS documents.
    context = {"requestId": "r-1", "functionArn": f"{scheduler}:$LATEST", "condition": "RetriesExhausted"}
    record = {"version": "1.0", "requestContext": context, "requestPayload": {"action": "sweep"}, "responsePayload": {"errorMessage": "no"}}
    send(json.dumps(record), queue="FailureQueueUrl")
    send('{"action":"sweep"}', RequestID="r-1", ErrorCode="200", ErrorMessage="no")
    alarm = (EVENTS / "alarm-direct.json").read_text().replace("i-0123456789abcdef0", alive)
    send(alarm, TARGET_ARN=scheduler, RULE_ARN="arn:aws:events:eu-west-1:000000000000:rule/r", ERROR_CODE="NO_PERMISSIONS")
    send('{"action":"start"}', TARGET_ARN=scheduler, ERROR_CODE="AWS.Scheduler.InternalServerError")
    send("no JSON")
    send('{"requestContext":[],"requestPayload":{"action":"sweep"}}')
    send('{"action":"sweep"}', TARGET_ARN=scheduler.replace(":function:", ":function:not-"))
    send('{"RequestType":"Delete","ResponseURL":"https://example.com"}')

    listed = replay("--dry-run")
    check("4 put back, 1 the same again" in listed and "4 left" in listed, "a dry run lists what it would do")
    check((depth(aws, "FailureQueueUrl"), depth(aws, "DeadLetterQueueUrl")) == (2, 7), "and changes nothing")
    check(aws.state(alive) == "running", "nothing is put back")
    put_back = replay()
    check("9 messages: 4 left, 4 put back, 1 the same again" in put_back, "each event is put back once")
    check("none of the stack's" in put_back and "not JSON" in put_back, "what it leaves, it gives the reason for")
    check(depth(aws, "DeadLetterQueueUrl") == 4, "what cannot be put back stays")
    check(stopped(aws, alive), "the alarm that was lost has its idle instance stopped after all")
    again = wait_for("the refused event's return", lambda: depth(aws, "FailureQueueUrl"), seconds=240)
    check(again == 1, "an event that fails again is in its queue again")


def main():
    with account() as aws:
        kept_alarms(aws)
        schedules(aws)
        own_alarm(aws)
        fleet_alarm(aws)
        queued_alarms(aws)
        lost_events(aws)
    say("Done: each way leads to the scheduler, and nothing is lost on it.")


main()
