"""Asks the deployed scheduler why it would stop or keep an instance right now, and prints every gate with its numbers."""

import argparse
import json
import sys

import boto3
import botocore.exceptions


def ask(stack, instance):
    """The scheduler's report about the instance."""
    outputs = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    function = next((o["OutputValue"] for o in outputs if o["OutputKey"] == "SchedulerFunctionName"), None)
    if function is None:
        sys.exit(f"explain: the stack {stack} has no output SchedulerFunctionName")
    event = json.dumps({"action": "explain", "instance": instance})
    answer = boto3.client("lambda").invoke(FunctionName=function, Payload=event.encode())
    document = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        sys.exit(f"explain: {document.get('errorMessage', document)}")
    return document


def main():
    parser = argparse.ArgumentParser(prog="explain.sh", description=__doc__)
    parser.add_argument("instance", help="the instance's id: i-…")
    parser.add_argument("--stack", default="doze", help="the name of Doze's stack (default: doze)")
    arguments = parser.parse_args()
    try:
        report = ask(arguments.stack, arguments.instance)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.exit(f"explain: {error}")
    if "explanation" not in report:
        decision = report["decisions"][0]
        sys.exit(f"explain: {decision['instance']}: {decision['reason']}")
    print(report["explanation"]["text"], end="")


main()
