"""The function `hello` in Python."""


def handle(event, context):
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": "Hello from Lambda!"}
