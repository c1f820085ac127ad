"""What the local cloud reads from its environment.

Touches no ministack name: this runs before ministack is imported, because ministack reads its own
environment at import time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 4566
DEFAULT_REGION = "us-east-1"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class SettingsError(Exception):
    """An environment variable that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """The environment of one local cloud, read once at start."""

    host: str
    """BIND_HOST: the address to listen on, 127.0.0.1 unless set."""
    port: int
    """GATEWAY_PORT: the port to listen on; 0 takes a free one, which the ready line names."""
    region: str
    """AWS_REGION, then AWS_DEFAULT_REGION: the Region of everything without one of its own."""
    chatbot_url: str | None
    """LOCAL_CHATBOT_URL: where SNS deliveries meant for Amazon Q are posted; unset drops them, with a log line."""
    build_home: Path | None
    """LOCAL_BUILD_HOME: HOME of builds (Maven's settings and repository); unset gives each build an empty one."""
    build_path: str
    """LOCAL_BUILD_PATH: put in front of a build's PATH."""
    build_java_home: Path | None
    """LOCAL_BUILD_JAVA_HOME: JAVA_HOME of builds, which images of CodeBuild set too; unset leaves it out."""
    stop_with_parent: bool
    """LOCAL_STOP_WITH_PARENT=1: stop when the process that started this one is gone."""

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Settings:
        """Read the variables; SettingsError names the one that is wrong."""
        port = environment.get("GATEWAY_PORT") or str(DEFAULT_PORT)
        if not port.isdecimal() or int(port) > 65535:
            raise SettingsError(f"GATEWAY_PORT must be a port number, not `{port}`")
        home, java_home = _folder(environment, "LOCAL_BUILD_HOME"), _folder(environment, "LOCAL_BUILD_JAVA_HOME")
        url = environment.get("LOCAL_CHATBOT_URL") or None
        if url and not url.startswith(("http://127.", "http://localhost:", "http://[::1]")):
            raise SettingsError(f"LOCAL_CHATBOT_URL must be an http:// address of this machine, not `{url}`")
        return Settings(
            host=environment.get("BIND_HOST") or "127.0.0.1",
            port=int(port),
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or DEFAULT_REGION,
            chatbot_url=url,
            build_home=home,
            build_path=environment.get("LOCAL_BUILD_PATH") or "",
            build_java_home=java_home,
            stop_with_parent=environment.get("LOCAL_STOP_WITH_PARENT") == "1",
        )


def _folder(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    if value and not Path(value).is_dir():
        raise SettingsError(f"{name} is not a folder: {value}")
    return Path(value).resolve() if value else None


def prepare_environment(settings: Settings, port: int, workspace: Path) -> None:
    """Set what ministack reads at import time, and take away what must not reach it.

    `port` is the bound port, `workspace` the folder that is removed at the end: everything temporary goes
    there. AWS credentials and proxies of the person who started us have no business in a local cloud.
    ministack's own SFN_WAIT_SCALE passes: 0.1 makes Wait states and retry intervals ten times shorter.
    """
    for name in list(os.environ):
        if name.startswith(("AWS_", "LOCALSTACK_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(
        AWS_ACCESS_KEY_ID="000000000000",
        AWS_DEFAULT_REGION=settings.region,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        AWS_REGION=settings.region,
        AWS_SECRET_ACCESS_KEY="local",
        BIND_HOST=settings.host,
        GATEWAY_PORT=str(port),
        IOT_MTLS_ENABLED="0",
        LAMBDA_EXECUTOR="local",
        MINISTACK_ACCOUNT_ID="000000000000",
        MINISTACK_HOST="localhost",
        MINISTACK_REGION=settings.region,
        NO_PROXY="127.0.0.1,localhost",
        S3_DATA_DIR=str(workspace / "s3"),
        SFTP_ENABLED="0",
        STATE_DIR=str(workspace / "state"),
        TMPDIR=str(workspace),
    )
