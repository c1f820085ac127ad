"""Findings in Macie's own JSON, made from an object of the local cloud and what was detected in it.

Plays the finding of a sensitive data discovery job. Touches ministack's `s3._buckets`, `_bucket_tags`,
`_bucket_policies`, `_object_tags` to describe the bucket and the object.

Severity, of the types that are detected here: credentials are always High; everything else is Low below 10
occurrences in the object, Medium below 100, High from there on. The finding has the highest of its types.
(Macie has such a table for each type, with other bounds.)
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import s3

from .inside import iso
from .macie_detect import CREDENTIALS, FINANCIAL, MAX_OCCURRENCES, PERSONAL, Detection

_KINDS = {
    CREDENTIALS: ("Credentials", "The S3 object contains credentials"),
    FINANCIAL: ("Financial", "The S3 object contains financial information"),
    PERSONAL: ("Personal", "The S3 object contains personal information"),
}
_MULTIPLE = ("Multiple", "The S3 object contains multiple types of sensitive information")
_LEVELS = {1: "Low", 2: "Medium", 3: "High"}


def severity(detections: Iterable[Detection]) -> dict[str, Any]:
    """Macie's `severity` member for what was found in one object."""
    score = 1
    for detection in detections:
        if detection.category == CREDENTIALS or detection.count >= 100:
            score = 3
        elif detection.count >= 10:
            score = max(score, 2)
    return {"score": score, "description": _LEVELS[score]}


def finding(
    bucket: str, key: str, stored: Mapping[str, Any], detections: list[Detection], job: Mapping[str, Any]
) -> dict[str, Any]:
    """One finding about the current version of an object, `stored` being ministack's record of it."""
    now = iso()
    categories = sorted({detection.category for detection in detections})
    kind, title = _KINDS[categories[0]] if len(categories) == 1 else _MULTIPLE
    types = ", ".join(f"{detection.type} ({detection.count})" for detection in detections)
    account, region = get_account_id(), get_region()
    return {
        "schemaVersion": "1.0",
        "id": new_uuid().replace("-", ""),
        "accountId": account,
        "partition": "aws",
        "region": region,
        "type": f"SensitiveData:S3Object/{kind}",
        "title": title,
        "description": f"The object contains: {types}",
        "severity": severity(detections),
        "category": "CLASSIFICATION",
        "archived": False,
        "sample": False,
        "count": 1,
        "createdAt": now,
        "updatedAt": now,
        "resourcesAffected": {"s3Bucket": _bucket(bucket), "s3Object": _object(bucket, key, stored)},
        "classificationDetails": {
            "jobArn": job["jobArn"],
            "jobId": job["jobId"],
            "originType": "SENSITIVE_DATA_DISCOVERY_JOB",
            "detailedResultsLocation":
                f"s3://[export-config-not-set]/AWSLogs/{account}/Macie/{region}/{job['jobId']}/{account}/result.jsonl.gz",
            "result": {
                "mimeType": _mime_type(key, stored),
                "sizeClassified": stored["size"],
                "additionalOccurrences": any(detection.count > MAX_OCCURRENCES for detection in detections),
                "status": {"code": "COMPLETE", "reason": None},
                "sensitiveData": [
                    _sensitive_data(category, detections) for category in categories
                ],
                "customDataIdentifiers": {"totalCount": 0, "detections": []},
            },
        },
        "policyDetails": None,
    }


def bucket_finding(bucket: str) -> dict[str, Any] | None:
    """The policy finding about a bucket whose Block Public Access somebody turned off.

    Macie looks at buckets all the time; here a discovery job does when it comes by.
    """
    settings = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    account = get_account_id()
    was_set = s3._buckets[bucket].get("_public_access_block")
    if not was_set or any(s3._public_access_blocked(account, bucket, setting) for setting in settings):
        return None
    now = iso()
    call = {"api": "PutPublicAccessBlock", "apiServiceName": "s3.amazonaws.com", "firstSeen": now, "lastSeen": now}
    return {
        "schemaVersion": "1.0",
        "id": new_uuid().replace("-", ""),
        "accountId": account,
        "partition": "aws",
        "region": get_region(),
        "type": "Policy:IAMUser/S3BlockPublicAccessDisabled",
        "title": "Block public access settings are disabled for the S3 bucket",
        "description": "All bucket-level block public access settings were disabled for the S3 bucket.",
        "severity": {"score": 3, "description": _LEVELS[3]},
        "category": "POLICY",
        "archived": False,
        "sample": False,
        "count": 1,
        "createdAt": now,
        "updatedAt": now,
        "resourcesAffected": {"s3Bucket": _bucket(bucket), "s3Object": None},
        "classificationDetails": None,
        "policyDetails": {
            "action": {"actionType": "AWS_API_CALL", "apiCallDetails": call},
            "actor": {"userIdentity": {"type": "Root", "root": {"arn": f"arn:aws:iam::{account}:root"}}},
        },
    }


def _sensitive_data(category: str, detections: list[Detection]) -> dict[str, Any]:
    ours = [detection for detection in detections if detection.category == category]
    return {
        "category": category,
        "totalCount": sum(detection.count for detection in ours),
        "detections": [
            {
                "type": detection.type,
                "count": detection.count,
                "occurrences": {"lineRanges": detection.line_ranges, "offsetRanges": None, "pages": None,
                                "records": None, "cells": None},
            }
            for detection in ours
        ],
    }


def _mime_type(key: str, stored: Mapping[str, Any]) -> str:
    guessed = mimetypes.guess_type(key)[0] or str(stored.get("content_type") or "")
    return guessed if guessed.startswith(("text/", "application/json")) else "text/plain"


def _tags(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in (tags or {}).items()]


def _bucket(name: str) -> dict[str, Any]:
    record = s3._buckets[name]
    block = record.get("_public_access_block") or {}
    blocked = {
        member: str(block.get(member[:1].upper() + member[1:], True)).lower() == "true" if isinstance(block, dict)
        else True
        for member in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    }
    nobody = {"allowsPublicReadAccess": False, "allowsPublicWriteAccess": False}
    return {
        "arn": f"arn:aws:s3:::{name}",
        "name": name,
        "createdAt": _moment(record.get("created")),
        "owner": {"displayName": "local", "id": "local-cloud"},
        "tags": _tags(s3._bucket_tags.get(name)),
        "defaultServerSideEncryption": _bucket_encryption(name),
        "allowsUnencryptedObjectUploads": "TRUE",
        "publicAccess": {
            "effectivePermission": "NOT_PUBLIC",
            "permissionConfiguration": {
                "accountLevelPermissions": {"blockPublicAccess": {member: False for member in blocked}},
                "bucketLevelPermissions": {
                    "accessControlList": nobody, "blockPublicAccess": blocked, "bucketPolicy": nobody,
                },
            },
        },
    }


def _bucket_encryption(name: str) -> dict[str, Any]:
    text = str(s3._bucket_encryption.get(name) or "")
    if "aws:kms" not in text:
        return {"encryptionType": "AES256", "kmsMasterKeyId": None}
    start = text.find("<KMSMasterKeyID>")
    end = text.find("</KMSMasterKeyID>")
    key = text[start + len("<KMSMasterKeyID>"):end] if 0 <= start < end else None
    return {"encryptionType": "aws:kms", "kmsMasterKeyId": key}


def _object(bucket: str, key: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    headers = stored.get("preserved_headers") or {}
    version = stored.get("version_id")
    name = key.rsplit("/", 1)[-1]
    return {
        "bucketArn": f"arn:aws:s3:::{bucket}",
        "key": key,
        "path": f"{bucket}/{key}",
        "extension": name.rsplit(".", 1)[-1] if "." in name else "",
        # Empty, not absent, on a bucket without versions.
        "versionId": version or "",
        "eTag": str(stored.get("etag", "")).strip('"'),
        "size": stored["size"],
        "lastModified": _moment(stored.get("last_modified")),
        "storageClass": stored.get("storage_class") or "STANDARD",
        # Typed as a boolean, and null in real findings.
        "publicAccess": None,
        "serverSideEncryption": {
            "encryptionType": headers.get("x-amz-server-side-encryption") or "AES256",
            "kmsMasterKeyId": headers.get("x-amz-server-side-encryption-aws-kms-key-id"),
        },
        "tags": _tags(s3._object_tags.get((bucket, key, version)) or s3._object_tags.get((bucket, key))),
    }


def _moment(value: Any) -> str:
    """ministack's times, kept as text or as seconds, in Macie's form."""
    if isinstance(value, (int, float)):
        return iso(value)
    return str(value) if value else iso()
