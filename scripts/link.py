"""Prints a link to an instance's page, or to the list of all instances: whoever has it may use it until it expires."""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys

import boto3
import botocore.exceptions

ROOT = pathlib.Path(__file__).resolve().parent.parent
MINT = ["cargo", "run", "--quiet", "--package", "capability", "--no-default-features", "--example", "mint", "--locked"]
WEEK = 168


def outputs(stack):
    """The stack's outputs, by key."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def sign(secret_arn, order):
    """The token. The key goes through a pipe: arguments and variables show in lists of processes."""
    version = boto3.client("secretsmanager").get_secret_value(SecretId=secret_arn, VersionStage="AWSCURRENT")
    if "SecretString" not in version:
        sys.exit("link: the key is not text")
    order = {"key_id": version["VersionId"], "secret": version["SecretString"], **order}
    minted = subprocess.run(MINT, cwd=ROOT, input=json.dumps(order), stdout=subprocess.PIPE, text=True)
    if minted.returncode != 0:
        # It has said why.
        sys.exit(minted.returncode)
    return minted.stdout.strip()


def link(arguments):
    stack = outputs(arguments.stack)
    missing = [name for name in ("HomeUrl", "LinkKeyArn") if name not in stack]
    if missing:
        sys.exit(f"link: the stack {arguments.stack} has no output {' or '.join(missing)}")
    expires_at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=arguments.hours)
    order = {"subject": "fleet" if arguments.fleet else arguments.instance}
    order["expires_at"] = expires_at.isoformat(timespec="seconds")
    if arguments.read_only:
        order["permits"] = ["read"]
    page = "instances" if arguments.fleet else f"instances/{arguments.instance}"
    return f"{stack['HomeUrl']}{page}?token={sign(stack['LinkKeyArn'], order)}"


def instance_id(text):
    # An empty variable must not become a link to everything. What else an id is, the signer knows.
    if not text.startswith("i-"):
        raise argparse.ArgumentTypeError(f"{text!r} is no instance id")
    return text


def hours(text):
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= WEEK:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {WEEK}")
    return int(text)


def main():
    parser = argparse.ArgumentParser(prog="link.sh", description=__doc__)
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("instance", nargs="?", type=instance_id, help="the instance's id: i-…")
    subject.add_argument("--fleet", action="store_true", help="a link to the list of all instances, which only shows")
    parser.add_argument("--read-only", action="store_true", help="a link that only shows, without its buttons")
    parser.add_argument("--hours", type=hours, default=12, help=f"for how long (default: 12, at most {WEEK}: a week)")
    parser.add_argument("--stack", default="doze", help="the name of Doze's stack (default: doze)")
    try:
        print(link(parser.parse_args()))
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.exit(f"link: {error}")


main()
