"""What a CodeBuild build reads from and writes to the other services of the local cloud.

Plays the calls that CodeBuild makes with the project's service role: the source and the buildspec from S3,
secrets, parameters, artifacts, which the bucket's policy may refuse. Touches ministack's `s3._buckets`, `s3._get_object_data`, `s3._object_versions`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from . import build_artifacts, removals
from .build import PhaseFailure, World
from .build_variables import VariableError
from .calls import session_for_role
from .calls_of_services import for_role
from .inside import ServiceError, call, call_json
from .settings import SYSTEM_PATH, Settings

_ARN_OF_OBJECT = re.compile(r"arn:aws[a-z-]*:s3:::([^/]+)/(.+)")
MAX_BUILDSPEC_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Project:
    """A project as one build sees it, overrides applied; members in the API's own spelling."""

    name: str
    source: dict[str, Any]
    source_version: str
    artifacts: dict[str, Any]
    environment: dict[str, Any]
    logs: dict[str, Any]
    minutes: int
    role: str
    encryption_key: str

    def artifact_location(self, build_uuid: str) -> dict[str, Any]:
        """The build record's `artifacts`."""
        if self.artifacts["type"] != "S3":
            return {"location": ""}
        key = build_artifacts.prefix(self.artifacts, self.name, build_uuid, None)
        return {"location": f"arn:aws:s3:::{self.artifacts.get('location', '')}/{key}",
                "encryptionDisabled": bool(self.artifacts.get("encryptionDisabled"))}

    def log_locations(self, build_uuid: str) -> dict[str, Any]:
        """The build record's `logs`: the CloudWatch stream and the S3 object, as far as LogsConfig wants them."""
        cloudwatch = self.logs.get("cloudWatchLogs") or {"status": "ENABLED"}
        s3_logs = self.logs.get("s3Logs") or {"status": "DISABLED"}
        logs: dict[str, Any] = {"cloudWatchLogs": cloudwatch, "s3Logs": s3_logs}
        region, account = get_region(), get_account_id()
        if cloudwatch.get("status") != "DISABLED":
            group = cloudwatch.get("groupName") or f"/aws/codebuild/{self.name}"
            stream = "/".join(part for part in (cloudwatch.get("streamName"), build_uuid) if part)
            console = f"https://console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"
            logs |= {
                "groupName": group,
                "streamName": stream,
                "deepLink": f"{console}{group.replace('/', '$252F')}/log-events/{stream.replace('/', '$252F')}",
                "cloudWatchLogsArn": f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}",
            }
        if s3_logs.get("status") == "ENABLED":
            logs["s3LogsArn"] = f"arn:aws:s3:::{s3_logs.get('location', '').rstrip('/')}/{build_uuid}.gz"
        return logs


def make_world(project: Project, record: Mapping[str, Any], settings: Settings) -> World:
    """The functions of one build. They run in the build's thread and its account and Region."""
    uuid = record["id"].rsplit(":", 1)[-1]

    def read_source() -> bytes | None:
        if project.source["type"] == "NO_SOURCE":
            return None
        bucket, _, key = str(project.source["location"]).removeprefix("arn:aws:s3:::").partition("/")
        action = "s3:GetObjectVersion" if project.source_version else "s3:GetObject"
        for_role(project.role, action, f"arn:aws:s3:::{bucket}/{key}")
        try:
            return get_object(bucket, key, project.source_version)
        except ServiceError as error:
            version = project.source_version or f"arn:aws:s3:::{bucket}/{key}"
            raise PhaseFailure(
                "CLIENT_ERROR", f"{error} status code: {error.status} for primary source and source version {version}"
            ) from error

    def read_buildspec(source: Path) -> str:
        return _buildspec(str(project.source.get("buildspec") or ""), source, project.role)

    def store_artifacts(files: Mapping[str, Path], name: str | None) -> None:
        bucket = str(project.artifacts.get("location") or "").removeprefix("arn:aws:s3:::")
        prefix = build_artifacts.prefix(project.artifacts, project.name, uuid, name)
        looks_at_bucket(project.role, bucket)
        try:
            if removals.is_refused(bucket, f"{prefix}/", "s3:PutObject", project.role):
                raise ServiceError("AccessDenied", "Access Denied", 403)
            for_role(project.role, "s3:PutObject", f"arn:aws:s3:::{bucket}/{prefix}")
            if project.artifacts.get("packaging") == "ZIP":
                put_object(bucket, prefix, build_artifacts.zipped(files), "application/zip")
            else:
                for file, path in files.items():
                    put_object(bucket, f"{prefix}/{file}" if prefix else file, path.read_bytes())
        except ServiceError as error:
            raise PhaseFailure("CLIENT_ERROR", f"Error in UPLOAD_ARTIFACTS phase: {error}") from error

    return World(
        read_source=read_source,
        read_buildspec=read_buildspec,
        read_secret=lambda secret, stage, version: _read_secret(secret, stage, version, project.role),
        read_parameter=_read_parameter,
        environment=lambda source, temporary: _environment(project, record, settings, source, temporary),
        store_artifacts=store_artifacts,
    )


def get_object(bucket: str, key: str, version_id: str = "") -> bytes:
    """An object's bytes; ServiceError as S3 words it when there is none."""
    if s3._buckets.get(bucket) is None:
        raise ServiceError("NoSuchBucket", "The specified bucket does not exist.", 404)
    data = s3._get_object_data(bucket, key, version_id=version_id or None)
    if data is None:
        if version_id and (s3._object_versions.get((bucket, key)) or key in s3._buckets[bucket]["objects"]):
            raise ServiceError("NoSuchVersion", "The specified version does not exist.", 404)
        raise ServiceError("NoSuchKey", "The specified key does not exist.", 404)
    return data


def put_object(bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
    """Store an object as PutObject would, events included."""
    headers = {"content-type": content_type, "content-length": str(len(data))}
    status, _, body = call("s3", "PUT", f"/{bucket}/{key}", headers, data, {})
    if status >= 400:
        code = re.search(rb"<Code>(.*?)</Code>", body)
        message = re.search(rb"<Message>(.*?)</Message>", body)
        raise ServiceError(
            code.group(1).decode() if code else "InternalError", message.group(1).decode() if message else "", status
        )


def looks_at_bucket(role: str, bucket: str) -> None:
    """What CodeBuild asks of a bucket before it writes to it.

    https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
    """
    for action in ("s3:GetBucketAcl", "s3:GetBucketLocation"):
        for_role(role, action, f"arn:aws:s3:::{bucket}")


def _buildspec(value: str, source: Path, role: str) -> str:
    """The project's buildspec: an object's ARN, inline text, or a file of the source (buildspec.yml by default)."""
    if match := _ARN_OF_OBJECT.fullmatch(value.strip()):
        for_role(role, "s3:GetObject", value.strip())
        try:
            data = get_object(match.group(1), match.group(2))
        except ServiceError as error:
            raise PhaseFailure("YAML_FILE_ERROR", f"{value.strip()}: {error}") from error
    elif "\n" in value or ": " in value:
        data = value.encode()
    else:
        path = (source / (value or "buildspec.yml")).resolve()
        if not path.is_relative_to(source.resolve()) or not path.is_file():
            raise PhaseFailure("YAML_FILE_ERROR", f"stat {path}: no such file or directory")
        data = path.read_bytes()
    if len(data) > MAX_BUILDSPEC_BYTES:
        raise PhaseFailure("YAML_FILE_ERROR", "the buildspec is too big")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PhaseFailure("YAML_FILE_ERROR", "the buildspec is not UTF-8") from error


def _read_secret(secret_id: str, stage: str, version: str, role: str) -> str:
    parameters = {"SecretId": secret_id}
    if stage:
        parameters["VersionStage"] = stage
    if version:
        parameters["VersionId"] = version
    try:
        answer = call_json("secretsmanager", "secretsmanager.GetSecretValue", parameters)
    except ServiceError as error:
        raise VariableError("Secrets Manager Error Message", str(error)) from error
    for_role(role, "secretsmanager:GetSecretValue", answer["ARN"])
    if "SecretString" not in answer:
        raise VariableError("Secrets Manager Error Message", f"secret {secret_id} holds no text")
    return answer["SecretString"]


def _read_parameter(name: str) -> str:
    try:
        answer = call_json("ssm", "AmazonSSM.GetParameter", {"Name": name, "WithDecryption": True})
    except ServiceError as error:
        raise VariableError("Decrypted Variables Error Message", f"parameter does not exist: {name}") from error
    return answer["Parameter"]["Value"]


def _environment(
    project: Project, record: Mapping[str, Any], settings: Settings, source: Path, temporary: Path
) -> dict[str, str]:
    """The variables that every build has, and none of the cloud's own beyond them."""
    tools = temporary.parent / "bin"
    tools.mkdir(exist_ok=True)
    command = Path(sys.executable).parent / "aws"
    if command.exists() and not (tools / "aws").exists():
        # Only `aws` of our virtual environment: its python is not the build image's.
        (tools / "aws").symlink_to(command)
    home = settings.build_home or temporary.parent / "home"
    home.mkdir(exist_ok=True)
    region = get_region()
    environment = {
        "PATH": ":".join(part for part in (settings.build_path, str(tools), SYSTEM_PATH) if part),
        "HOME": str(home),
        "LANG": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        "TMPDIR": str(temporary),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "CI": "true",
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_ARN": record["arn"],
        "CODEBUILD_BUILD_ID": record["id"],
        "CODEBUILD_BUILD_IMAGE": str(project.environment.get("image") or ""),
        "CODEBUILD_BUILD_NUMBER": str(record["buildNumber"]),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": record["initiator"],
        "CODEBUILD_KMS_KEY_ID": project.encryption_key,
        "CODEBUILD_LOG_PATH": record["logs"].get("streamName", ""),
        "CODEBUILD_SRC_DIR": str(source),
        "CODEBUILD_START_TIME": str(int(record["startTime"] * 1000)),
    }
    if settings.build_java_home:
        environment["JAVA_HOME"] = str(settings.build_java_home)
    session = f"AWSCodeBuild-{record['id'].rsplit(':', 1)[-1]}"
    environment |= session_for_role(project.role, session, service="codebuild.amazonaws.com")
    if project.source["type"] == "S3":
        environment["CODEBUILD_SOURCE_REPO_URL"] = str(project.source["location"])
        environment["CODEBUILD_SOURCE_VERSION"] = project.source_version
    return environment
