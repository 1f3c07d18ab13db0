"""Changes the key that signs links. Links signed by the key before stay good until they expire, or until the next change."""

import argparse
import sys

import boto3
import botocore.exceptions

LENGTH = 64


def rotate(stack):
    """The first characters of the new key's id. Secrets Manager itself moves the labels AWSCURRENT and AWSPREVIOUS."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    secret_arn = next((o["OutputValue"] for o in described if o["OutputKey"] == "LinkKeyArn"), None)
    if secret_arn is None:
        sys.exit(f"rotate-link-key: the stack {stack} has no output LinkKeyArn")
    secrets = boto3.client("secretsmanager")
    # Letters and digits say enough at this length, and survive wherever an operator may paste them.
    key = secrets.get_random_password(PasswordLength=LENGTH, ExcludePunctuation=True)["RandomPassword"]
    return secrets.put_secret_value(SecretId=secret_arn, SecretString=key)["VersionId"][:8]


def main():
    parser = argparse.ArgumentParser(prog="rotate-link-key.sh", description=__doc__)
    parser.add_argument("--stack", default="doze", help="the name of Doze's stack (default: doze)")
    try:
        key_id = rotate(parser.parse_args().stack)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.exit(f"rotate-link-key: {error}")
    print(f"Links are signed by a new key, {key_id}, within 5 minutes.")
    print("Links signed by the key before stay good until they expire, or until the next change.")
    print("Links signed by a key older than that are invalid within five minutes.")


main()
