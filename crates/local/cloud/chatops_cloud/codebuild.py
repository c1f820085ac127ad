"""CodeBuild that really runs builds, as ordinary processes of this machine.

Plays StartBuild (with overrides), StopBuild, BatchGetBuilds, LogsConfig, and the CloudFormation project's
properties that ministack drops. Touches ministack's `codebuild._start_build`, `_stop_build`,
`_batch_get_builds`, `_create_project`, `_update_project`, `_project_shape`, `_projects` and `_builds`. ministack itself
runs builds through Docker only.
"""

from __future__ import annotations

import contextvars
import copy
import json
import logging
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, json_response, new_uuid
from ministack.services import codebuild

from . import build_variables
from .build import Build
from .build_log import BuildLog, cloudwatch_sink
from .build_world import Project, looks_at_bucket, make_world, put_object
from .calls_of_services import for_role, writes_log
from .inside import camel
from .provisioned import keep_properties
from .settings import Settings

logger = logging.getLogger("codebuild")

# Members of a project beyond those that ministack keeps; all are answered, and those that matter are played.
_KEPT_MEMBERS = ("logsConfig", "queuedTimeoutInMinutes", "concurrentBuildLimit", "cache", "autoRetryLimit")
# Overrides that change what a build does here.
_PLAYED_OVERRIDES = frozenset({
    "projectName", "sourceVersion", "sourceTypeOverride", "sourceLocationOverride", "environmentVariablesOverride",
    "buildspecOverride", "timeoutInMinutesOverride", "artifactsOverride", "logsConfigOverride", "idempotencyToken",
    "serviceRoleOverride",
})
# Overrides that mean nothing without containers.
_IGNORED_OVERRIDES = frozenset({
    "queuedTimeoutInMinutesOverride", "imageOverride", "computeTypeOverride", "environmentTypeOverride",
    "privilegedModeOverride", "encryptionKeyOverride", "certificateOverride", "cacheOverride", "autoRetryLimitOverride",
    "imagePullCredentialsTypeOverride", "debugSessionEnabled", "insecureSslOverride", "gitCloneDepthOverride",
})
_IDEMPOTENCY_SECONDS = 300

_running: dict[str, Build] = {}
_tokens: dict[tuple[str, str], tuple[float, str, str]] = {}
_settings: Settings


def install(settings: Settings) -> None:
    """Put the runner into ministack."""
    global _settings
    _settings = settings
    codebuild._start_build = start_build
    codebuild._stop_build = stop_build
    codebuild._batch_get_builds = _batch_get_builds
    for name in ("_create_project", "_update_project"):
        setattr(codebuild, name, _keeping_members(getattr(codebuild, name)))
    shape = codebuild._project_shape
    codebuild._project_shape = lambda project: shape(project) | {
        name: project[name] for name in _KEPT_MEMBERS if name in project
    }
    keep_properties("AWS::CodeBuild::Project", _keep_properties)


def start_build(parameters: Mapping[str, Any], initiator: str | None = None) -> tuple:
    """StartBuild: ministack's answer triple. The build runs in a thread of its own."""
    unknown = parameters.keys() - _PLAYED_OVERRIDES - _IGNORED_OVERRIDES
    if unknown:
        return _invalid(f"the local cloud does not play StartBuild's {', '.join(sorted(unknown))}")
    name = codebuild._project_name_from_identifier(parameters.get("projectName") or "") or ""
    stored = codebuild._projects.get(name)
    if stored is None:
        arn = codebuild._project_arn(name or str(parameters.get("projectName")))
        return error_response_json("ResourceNotFoundException", f"Project cannot be found: {arn}", 400)
    token = parameters.get("idempotencyToken")
    fingerprint = json.dumps(parameters, sort_keys=True, default=str)
    if token and (known := _tokens.get((name, token))) and known[0] > time.monotonic():
        if known[1] != fingerprint:
            return _invalid("Idempotency token was used with other parameters")
        return _answer(codebuild._builds[known[2]])
    try:
        project = _overridden(stored, parameters)
    except ValueError as error:
        return _invalid(str(error))
    build = _new_build(project, parameters, initiator)
    build_id = build.record["id"]
    codebuild._builds[build_id] = build.record
    _running[build_id] = build
    if token:
        _tokens[(name, token)] = (time.monotonic() + _IDEMPOTENCY_SECONDS, fingerprint, build_id)
    answer = _answer(build.record)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run, build, project), name=f"build-{build_id}", daemon=True).start()
    logger.info("StartBuild: %s -> %s", name, build_id)
    return answer


def stop_build(parameters: Mapping[str, Any]) -> tuple:
    """StopBuild: ends the build's processes; the answer comes when they are gone."""
    build_id = str(parameters.get("id") or "")
    record = codebuild._builds.get(build_id)
    if record is None:
        return error_response_json("ResourceNotFoundException", f"Build cannot be found: {build_id}", 400)
    if build := _running.get(build_id):
        build.stop()
        build.done.wait(timeout=10)
    return _answer(record)


def request_stop(build_id: str) -> None:
    """Stop a build without waiting for its end: for callers that serve requests meanwhile."""
    if build := _running.get(build_id):
        threading.Thread(target=build.stop, name=f"stop-{build_id}", daemon=True).start()


def run_out_of_time(build_id: str) -> bool:
    """Let a running build's time limit be over now; whether there is such a build."""
    build = _running.get(build_id)
    if build:
        build.run_out_of_time()
    return build is not None


def wait_for(build_id: str) -> dict[str, Any]:
    """Wait until the build has completed; its API form. For Step Functions' `.sync`."""
    if build := _running.get(build_id):
        build.done.wait()
    return _public(codebuild._builds[build_id])


def stop_all() -> None:
    """End every running build; for the end of the local cloud."""
    builds = list(_running.values())
    for build in builds:
        build.stop()
    for build in builds:
        build.done.wait(timeout=5)


def _overridden(stored: Mapping[str, Any], parameters: Mapping[str, Any]) -> Project:
    source = dict(stored.get("source") or {"type": "NO_SOURCE"})
    for member, override in (("type", "sourceTypeOverride"), ("location", "sourceLocationOverride"),
                             ("buildspec", "buildspecOverride")):
        if override in parameters:
            source[member] = parameters[override]
    if source.get("type") not in ("S3", "NO_SOURCE"):
        raise ValueError(f"the local cloud builds from sources of type S3 and NO_SOURCE, not {source.get('type')}")
    if source["type"] == "S3" and "/" not in str(source.get("location") or ""):
        raise ValueError("Invalid project source: location must be a valid S3 source")
    if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
        raise ValueError("Source type NO_SOURCE requires a buildspec")
    if "sourceVersion" in parameters and not parameters["sourceVersion"]:
        raise ValueError("sourceVersion must not be empty")
    artifacts = dict(parameters.get("artifactsOverride") or stored.get("artifacts") or {"type": "NO_ARTIFACTS"})
    if artifacts.get("type") not in ("S3", "NO_ARTIFACTS"):
        raise ValueError(f"the local cloud stores artifacts of type S3, not {artifacts.get('type')}")
    minutes = int(parameters.get("timeoutInMinutesOverride") or stored.get("timeoutInMinutes") or 60)
    if not 5 <= minutes <= 2160:
        raise ValueError("Invalid timeout: must be between 5 and 2160 minutes")
    environment = dict(stored.get("environment") or {})
    environment["environmentVariables"] = build_variables.merge(
        environment.get("environmentVariables") or [], parameters.get("environmentVariablesOverride") or []
    )
    return Project(
        name=stored["name"], source=source, artifacts=artifacts, environment=environment, minutes=minutes,
        source_version=str(parameters.get("sourceVersion") or stored.get("sourceVersion") or ""),
        logs=dict(parameters.get("logsConfigOverride") or stored.get("logsConfig") or {}),
        role=str(parameters.get("serviceRoleOverride") or stored.get("serviceRole") or ""),
        encryption_key=str(stored.get("encryptionKey") or ""),
    )


def _new_build(project: Project, parameters: Mapping[str, Any], initiator: str | None) -> Build:
    uuid, now = new_uuid(), time.time()
    build_id = f"{project.name}:{uuid}"
    record = {
        "id": build_id,
        "arn": codebuild._build_arn(build_id),
        "buildNumber": 1 + sum(other.get("projectName") == project.name for other in codebuild._builds.values()),
        "startTime": now,
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "projectName": project.name,
        "phases": [{"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED", "startTime": now, "endTime": now,
                    "durationInSeconds": 0, "contexts": [{"statusCode": "", "message": ""}]}],
        "source": copy.deepcopy(project.source),
        "secondarySources": [],
        "artifacts": project.artifact_location(uuid),
        "environment": copy.deepcopy(project.environment),
        "serviceRole": project.role,
        "logs": project.log_locations(uuid),
        "timeoutInMinutes": project.minutes,
        "queuedTimeoutInMinutes": 480,
        "initiator": initiator or f"{get_account_id()}/user",
        "encryptionKey": project.encryption_key,
        "exportedEnvironmentVariables": [],
        "reportArns": [],
    }
    if project.source_version:
        record["sourceVersion"] = project.source_version
    group, stream = record["logs"].get("groupName"), record["logs"].get("streamName")
    log = BuildLog(cloudwatch_sink(group, stream) if group else lambda _line: None)
    return Build(
        record=record,
        folder=Path(tempfile.mkdtemp(prefix="build-")).resolve(),
        log=log,
        world=make_world(project, record, _settings),
        variables=project.environment["environmentVariables"],
        has_artifacts=project.artifacts["type"] == "S3",
        seconds=project.minutes * 60,
    )


def _run(build: Build, project: Project) -> None:
    build_id = build.record["id"]
    try:
        if group := build.record["logs"].get("groupName"):
            writes_log(project.role, group, build.record["logs"].get("streamName") or "stream")
        build.run()
        if location := build.record["logs"].get("s3LogsArn"):
            bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
            looks_at_bucket(project.role, bucket)
            for_role(project.role, "s3:PutObject", location)
            put_object(bucket, key, build.log.compressed(), "application/gzip")
    except Exception:
        logger.exception("Build %s: the log could not be stored in S3", build_id)
    finally:
        _running.pop(build_id, None)
        build.done.set()
    logger.info("Build %s of %s: %s", build_id, project.name, build.record["buildStatus"])


def _batch_get_builds(parameters: Mapping[str, Any]) -> tuple:
    found, missing = [], []
    for wanted in parameters.get("ids") or []:
        record = codebuild._builds.get(wanted.rsplit(":build/", 1)[-1])
        if record is None:
            missing.append(wanted)
        else:
            found.append(_public(record))
    return json_response({"builds": found, "buildsNotFound": missing})


def _public(record: dict[str, Any]) -> dict[str, Any]:
    build = _running.get(record["id"])
    if build is None:
        return copy.deepcopy(record)
    with build.lock:
        return copy.deepcopy(record)


def _answer(record: dict[str, Any]) -> tuple:
    return json_response({"build": _public(record)})


def _invalid(message: str) -> tuple:
    return error_response_json("InvalidInputException", message, 400)


def _keeping_members(operation: Any) -> Any:
    def keeping(parameters: Mapping[str, Any]) -> tuple:
        answer = operation(parameters)
        project = codebuild._projects.get(parameters.get("name"))
        if answer[0] < 400 and project is not None:
            project.update({name: parameters[name] for name in _KEPT_MEMBERS if name in parameters})
        return answer

    return keeping


def _keep_properties(physical_id: str, properties: Mapping[str, Any]) -> None:
    project = codebuild._projects[physical_id]
    for member in _KEPT_MEMBERS:
        name = member[:1].upper() + member[1:]
        if name in properties:
            project[member] = camel(properties[name])
        else:
            project.pop(member, None)
