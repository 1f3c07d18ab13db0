"""Puts the events of the failure queue and the dead-letter queue back to the functions that they were for, each once. An event is
a hint, and evidence is read anew: what was idle then and is busy now, is kept."""

import argparse
import collections
import json
import sys

import boto3
import botocore.exceptions

QUEUES = ("FailureQueueUrl", "DeadLetterQueueUrl")
# Long enough for all messages of a run; what is left of it comes back after that.
HIDDEN_SECONDS = 600
MOST_MESSAGES = 10_000

# A message: how it is deleted, what it holds and why it is here; or why it cannot be understood.
Lost = collections.namedtuple("Lost", "queue receipt request function event error problem")


def outputs(stack):
    """The stack's outputs, by key."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def attribute(message, name):
    return message.get("MessageAttributes", {}).get(name, {}).get("StringValue")


def understood(queue, message, stack):
    """What a message of one of the queues is about. Three services put messages there, each in a shape of its own."""
    lost = Lost(queue, message["ReceiptHandle"], None, None, None, None, None)
    try:
        body = json.loads(message["Body"])
    except ValueError:
        return lost._replace(problem="it is not JSON")
    if not isinstance(body, dict):
        return lost._replace(problem="it is no JSON object")
    if "requestContext" in body and "requestPayload" in body:
        # Lambda's failure destination.
        context, answer = body["requestContext"], body.get("responsePayload") or {}
        if not isinstance(context, dict):
            return lost._replace(problem="its requestContext is no JSON object")
        error = answer.get("errorMessage") if isinstance(answer, dict) else None
        lost = lost._replace(request=context.get("requestId"), function=context.get("functionArn"), event=body["requestPayload"])
        lost = lost._replace(error=error or context.get("condition"))
    else:
        # The dead-letter queue, by Lambda (`RequestID`), by a rule or by a schedule (`TARGET_ARN`).
        error = attribute(message, "ErrorMessage") or attribute(message, "ERROR_MESSAGE") or attribute(message, "ERROR_CODE")
        lost = lost._replace(request=attribute(message, "RequestID"), function=attribute(message, "TARGET_ARN"), event=body, error=error)
    return addressed(lost, stack)


def addressed(lost, stack):
    """The same with its function, which must be one of the stack's whatever the message says."""
    if not isinstance(lost.event, dict):
        return lost._replace(problem="its event is no JSON object")
    if "RequestType" in lost.event:
        return lost._replace(problem="CloudFormation has given up waiting for this answer")
    own = {stack[key] for key in ("SchedulerFunctionArn", "AlarmsFunctionArn") if key in stack}
    if lost.function is None:
        key = "AlarmsFunctionArn" if lost.event.get("action") in ("keep-alarms", "remove-alarms") else "SchedulerFunctionArn"
        lost = lost._replace(function=stack.get(key))
    # Lambda names the version, too.
    function = (lost.function or "").removesuffix(":$LATEST")
    if function not in own:
        return lost._replace(problem=f"it is for {function or 'a function'}, which is none of the stack's")
    return lost._replace(function=function)


def received(sqs, queue, stack):
    """All messages of a queue, each once. While this runs, nobody else sees them."""
    seen = 0
    while seen < MOST_MESSAGES:
        answer = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        seen += len(messages)
        yield from (understood(queue, message, stack) for message in messages)


def release(sqs, lost):
    """Lets others see the message at once."""
    sqs.change_message_visibility(QueueUrl=lost.queue, ReceiptHandle=lost.receipt, VisibilityTimeout=0)


def described(event):
    """An event in a few words."""
    name = (event.get("alarmData") or {}).get("alarmName") if isinstance(event.get("alarmData"), dict) else None
    kind = event.get("detail-type") or event.get("action") or ("alarm" if "alarmData" in event else "event")
    return " ".join(str(word)[:100] for word in (kind, name, event.get("time")) if word)


def replay(arguments):
    stack = outputs(arguments.stack)
    missing = [name for name in (*QUEUES, "SchedulerFunctionArn") if name not in stack]
    if missing:
        sys.exit(f"replay: the stack {arguments.stack} has no output {' or '.join(missing)}")
    sqs, functions = boto3.client("sqs"), boto3.client("lambda")
    counts, done = collections.Counter(), set()
    found = [lost for key in QUEUES for lost in received(sqs, stack[key], stack)]
    for lost in found:
        if lost.problem:
            outcome, line = "left", f"left where it is: {lost.problem}"
        elif lost.request and lost.request in done:
            # Lambda puts what a function failed at into both queues.
            outcome, line = "the same again", "the same as one above"
        else:
            outcome, line = "put back", f"{'would be ' if arguments.dry_run else ''}put back"
            if not arguments.dry_run:
                functions.invoke(FunctionName=lost.function, InvocationType="Event", Payload=json.dumps(lost.event).encode())
            done.add(lost.request)
        if arguments.dry_run or lost.problem:
            release(sqs, lost)
        else:
            sqs.delete_message(QueueUrl=lost.queue, ReceiptHandle=lost.receipt)
        counts[outcome] += 1
        what = described(lost.event) if isinstance(lost.event, dict) else "message"
        print(f"{what}: {line}" + (f" (it had failed: {lost.error[:200]})" if lost.error else ""))
    print(f"{len(found)} messages: " + (", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "nothing to do"))


def main():
    parser = argparse.ArgumentParser(prog="replay.sh", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="only lists what would be put back")
    parser.add_argument("--stack", default="doze", help="the name of Doze's stack (default: doze)")
    try:
        replay(parser.parse_args())
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.exit(f"replay: {error}")


main()
