"""Prints the versions of what Doze is measured against."""

import importlib.metadata
import json
import platform

versions = {name: importlib.metadata.version(name) for name in ("awslambdaric", "boto3", "botocore", "c7n")}
print(json.dumps({"python": platform.python_version(), **versions}))
