"""Lambda: what a function's process sees, and the properties that ministack's CloudFormation drops.

Plays the environment of `provided.al2023` and DeadLetterConfig and KmsKeyArn of AWS::Lambda::Function. Touches
ministack's `lambda_svc._provided_worker_env` and `lambda_svc._functions`. ministack hands its whole own environment to
functions; a function that only works because of that would fail on AWS.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_region, new_uuid
from ministack.services import lambda_svc

from .provisioned import keep_properties
from .settings import SYSTEM_PATH


def install() -> None:
    """Put the environment and the property fixes into ministack."""
    lambda_svc._provided_worker_env = _environment
    keep_properties("AWS::Lambda::Function", _keep_properties)


def stop_all() -> None:
    """End every function's process."""
    lambda_runtime.reset()


def _environment(config: Mapping[str, Any], code_dir: str, port: int) -> dict[str, str]:
    """The variables that Lambda sets, then the function's own, then the endpoint of the local cloud."""
    name = str(config.get("FunctionName") or "function")
    logging = config.get("LoggingConfig") or {}
    environment = {
        "PATH": SYSTEM_PATH,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": os.environ["TMPDIR"],
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": get_region(),
        "AWS_REGION": get_region(),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version", "$LATEST")),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": str(logging.get("LogFormat") or "Text"),
        "AWS_LAMBDA_LOG_GROUP_NAME": str(logging.get("LogGroup") or f"/aws/lambda/{name}"),
        "AWS_LAMBDA_LOG_STREAM_NAME": new_uuid(),
        "LAMBDA_TASK_ROOT": code_dir,
        "_HANDLER": str(config.get("Handler") or "bootstrap"),
        **lambda_svc.execution_credentials(config),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if logging.get("ApplicationLogLevel"):
        environment["AWS_LAMBDA_LOG_LEVEL"] = str(logging["ApplicationLogLevel"])
    environment.update({name: str(value) for name, value in lambda_svc._runtime_env_vars(config).items()})
    environment["AWS_ENDPOINT_URL"] = os.environ["AWS_ENDPOINT_URL"]
    return environment


def _keep_properties(function: str, properties: Mapping[str, Any]) -> None:
    config = lambda_svc._functions[function]["config"]
    for name, member in (("DeadLetterConfig", "DeadLetterConfig"), ("KmsKeyArn", "KMSKeyArn")):
        if name in properties:
            config[member] = properties[name]
        else:
            config.pop(member, None)
