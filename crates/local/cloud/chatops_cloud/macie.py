"""Macie: a session, one-time classification jobs that read the objects, and findings.

Plays the operations of macie2 that this product and its demo use, AWS::Macie::Session and
AWS::Macie::FindingsFilter. ministack has no Macie: a module `macie2` is put beside its services, with entries in
`app.SERVICE_REGISTRY`, `app.SERVICE_HANDLERS`, `app.detect_service` and `provisioners._RESOURCE_HANDLERS`;
findings are published with `eventbridge._put_events(allow_aws_source=True)`.
"""

from __future__ import annotations

import contextvars
import json
import logging
import re
import sys
import threading
import types
from collections.abc import Iterable, Mapping
from typing import Any

from ministack import app
from ministack.core.responses import get_account_id, get_region, json_response, new_uuid
from ministack.services import eventbridge, s3

from . import macie_detect
from .inside import iso
from .macie_filters import archived_by_filter, criteria_match
from .macie_filters import install as install_filters
from .macie_filters import operation as filter_operation
from .macie_findings import bucket_finding, finding
from .macie_samples import SAMPLES, sample

logger = logging.getLogger("macie2")

MAX_OBJECT_BYTES = 64 * 1024 * 1024
_ARCHIVED_CLASSES = ("GLACIER", "DEEP_ARCHIVE")
_SELECTORS = ("ALL", "EXCLUDE", "INCLUDE", "NONE", "RECOMMENDED")

_session: dict[str, Any] = {}
_jobs: dict[str, dict[str, Any]] = {}
_findings: dict[str, dict[str, Any]] = {}


class _Refused(Exception):
    def __init__(self, code: str, message: str, status: int):
        super().__init__(message)
        self.code, self.status = code, status


def install() -> None:
    """Add the service to ministack."""
    module = types.ModuleType("ministack.services.macie2")
    module.handle_request = _handle_request
    module.reset = _reset
    sys.modules[module.__name__] = module
    app.SERVICE_REGISTRY["macie2"] = {"module": "macie2"}
    app.SERVICE_HANDLERS["macie2"] = _handle_request
    detect = app.detect_service

    def detect_service(method: str, path: str, headers: dict, query_params: dict) -> str:
        if "/macie2/aws4_request" in headers.get("authorization", ""):
            return "macie2"
        return detect(method, path, headers, query_params)

    app.detect_service = detect_service
    install_filters(_session)


def publish(one: dict[str, Any]) -> None:
    """Keep a finding, and put it on EventBridge unless a suppression rule archives it."""
    if archived_by_filter(one):
        one["archived"] = True
    _findings[one["id"]] = one
    if not one.get("archived"):
        entry = {"Source": "aws.macie", "DetailType": "Macie Finding", "Detail": json.dumps(one), "Resources": []}
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _reset() -> None:
    _session.clear()
    _jobs.clear()
    _findings.clear()


async def _handle_request(method: str, path: str, _headers: dict, body: bytes, _query: dict) -> tuple:
    try:
        parameters = json.loads(body) if body else {}
        return json_response(_operation(method, path, parameters))
    except _Refused as refusal:
        status, headers, answer = json_response({"message": str(refusal)}, refusal.status)
        return status, {**headers, "x-amzn-ErrorType": refusal.code}, answer
    except ValueError as error:
        status, headers, answer = json_response({"message": str(error)}, 400)
        return status, {**headers, "x-amzn-ErrorType": "ValidationException"}, answer


def _operation(method: str, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if path == "/macie":
        return _session_operation(method, parameters)
    if not _session:
        raise _Refused("AccessDeniedException", "Macie is not enabled", 403)
    if path.startswith("/findingsfilters"):
        return filter_operation(method, path, parameters)
    match = re.fullmatch(r"/jobs/([^/]+)", path)
    if (method, path) == ("POST", "/jobs"):
        return _create_job(parameters)
    if (method, path) == ("POST", "/jobs/list"):
        return {"items": [_summary(job) for job in _jobs.values()]}
    if match and method == "GET":
        if match.group(1) not in _jobs:
            raise _Refused("ResourceNotFoundException", f"No classification job {match.group(1)}", 404)
        return dict(_jobs[match.group(1)])
    if (method, path) == ("POST", "/findings/describe"):
        ids = parameters.get("findingIds") or []
        if not 1 <= len(ids) <= 50:
            raise ValueError("findingIds must hold 1 to 50 ids")
        return {"findings": [_findings[one] for one in ids if one in _findings]}
    if (method, path) == ("POST", "/findings"):
        criterion = (parameters.get("findingCriteria") or {}).get("criterion") or {}
        matching = [one for one in _findings.values() if criteria_match(criterion, one)]
        return {"findingIds": [one["id"] for one in matching][: int(parameters.get("maxResults") or 50)]}
    if (method, path) == ("POST", "/findings/sample"):
        for kind in parameters.get("findingTypes") or SAMPLES:
            publish(sample(kind))
        return {}
    raise _Refused("ValidationException", f"the local cloud does not play macie2 {method} {path}", 400)


def _session_operation(method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    now = iso()
    if method == "POST":
        if _session:
            raise _Refused("ConflictException", "Macie has already been enabled", 409)
        _session.update(
            createdAt=now, updatedAt=now, status=parameters.get("status") or "ENABLED",
            findingPublishingFrequency=parameters.get("findingPublishingFrequency") or "SIX_HOURS",
            serviceRole=f"arn:aws:iam::{get_account_id()}:role/aws-service-role/macie.amazonaws.com/"
                        "AWSServiceRoleForAmazonMacie",
        )
        return {}
    if not _session:
        raise _Refused("AccessDeniedException", "Macie is not enabled", 403)
    if method == "GET":
        return dict(_session)
    if method == "PATCH":
        _session.update({name: value for name, value in parameters.items() if name != "id"}, updatedAt=now)
        return {}
    _reset()
    return {}


def _create_job(parameters: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("clientToken", "jobType", "name", "s3JobDefinition"):
        if not parameters.get(name):
            raise ValueError(f"{name} is required")
    if parameters["jobType"] != "ONE_TIME" or "initialRun" in parameters:
        raise ValueError("the local cloud plays jobs of type ONE_TIME, which have no initialRun")
    definition = parameters["s3JobDefinition"]
    if definition.keys() != {"bucketDefinitions"}:
        raise ValueError("the local cloud plays s3JobDefinition with bucketDefinitions only")
    selector = parameters.get("managedDataIdentifierSelector") or "RECOMMENDED"
    if selector not in _SELECTORS:
        raise ValueError(f"managedDataIdentifierSelector {selector} does not exist")
    for job in _jobs.values():
        if job["clientToken"] == parameters["clientToken"]:
            return {"jobArn": job["jobArn"], "jobId": job["jobId"]}
    job_id = new_uuid().replace("-", "")
    job = {
        **parameters,
        "jobId": job_id,
        "jobArn": f"arn:aws:macie2:{get_region()}:{get_account_id()}:classification-job/{job_id}",
        "jobStatus": "RUNNING",
        "createdAt": iso(),
        "lastRunTime": iso(),
        "lastRunErrorStatus": {"code": "NONE"},
        "managedDataIdentifierSelector": selector,
        "samplingPercentage": int(parameters.get("samplingPercentage") or 100),
        "statistics": {"numberOfRuns": 1},
        "tags": parameters.get("tags") or {},
    }
    _jobs[job_id] = job
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run_job, job), name=f"macie-{job_id}", daemon=True).start()
    return {"jobArn": job["jobArn"], "jobId": job_id}


def _run_job(job: dict[str, Any]) -> None:
    types_wanted = _types(job)
    try:
        for definition in job["s3JobDefinition"]["bucketDefinitions"]:
            for bucket in definition["buckets"]:
                if definition["accountId"] == get_account_id() and s3._buckets.get(bucket):
                    _scan_bucket(bucket, types_wanted, job)
                else:
                    job["lastRunErrorStatus"] = {"code": "ERROR"}
    except Exception:
        logger.exception("Classification job %s", job["jobId"])
        job["lastRunErrorStatus"] = {"code": "ERROR"}
    job["jobStatus"] = "COMPLETE"


def _types(job: Mapping[str, Any]) -> Iterable[str]:
    named = set(job.get("managedDataIdentifierIds") or [])
    selector = job["managedDataIdentifierSelector"]
    if selector == "NONE":
        return set()
    if selector == "INCLUDE":
        return macie_detect.TYPES & named
    return macie_detect.TYPES - named if selector == "EXCLUDE" else macie_detect.TYPES


def _scan_bucket(bucket: str, types_wanted: Iterable[str], job: Mapping[str, Any]) -> None:
    """Every object's current version; a bucket's own folder markers and archived objects are passed over."""
    if about_bucket := bucket_finding(bucket):
        publish(about_bucket)
    for key in sorted(s3._buckets[bucket]["objects"]):
        stored = s3._buckets[bucket]["objects"].get(key)
        if stored is None or stored["size"] > MAX_OBJECT_BYTES or stored.get("storage_class") in _ARCHIVED_CLASSES:
            continue
        text = macie_detect.as_text(s3._get_object_data(bucket, key) or b"")
        if text is None:
            continue
        if detections := macie_detect.detect(text, types_wanted):
            publish(finding(bucket, key, stored, detections, job))


def _summary(job: Mapping[str, Any]) -> dict[str, Any]:
    members = ("jobId", "name", "jobType", "jobStatus", "createdAt", "lastRunErrorStatus")
    return {name: job[name] for name in members} | {
        "bucketDefinitions": job["s3JobDefinition"]["bucketDefinitions"]
    }
