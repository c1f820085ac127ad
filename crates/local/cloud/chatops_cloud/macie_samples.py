"""Macie's sample findings: one of a type, about a bucket that does not exist, marked as a sample.

Plays CreateSampleFindings. Touches no store of ministack.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid

from .inside import iso

_CATEGORIES = {
    "SensitiveData:S3Object/Credentials": ("CREDENTIALS", "AWS_CREDENTIALS"),
    "SensitiveData:S3Object/Financial": ("FINANCIAL_INFORMATION", "CREDIT_CARD_NUMBER"),
    "SensitiveData:S3Object/Multiple": ("PERSONAL_INFORMATION", "USA_SOCIAL_SECURITY_NUMBER"),
    "SensitiveData:S3Object/Personal": ("PERSONAL_INFORMATION", "USA_SOCIAL_SECURITY_NUMBER"),
    "SensitiveData:S3Object/CustomIdentifier": (None, None),
}
SAMPLES = tuple(_CATEGORIES)
"""The types of which there are samples; on AWS policy findings have them, too."""
_BUCKET = "macie-sample-finding-bucket"


def sample(kind: str) -> dict[str, Any]:
    """A sample finding of a type; ValueError for a type that the local cloud does not play."""
    if kind not in _CATEGORIES:
        raise ValueError(f"the local cloud has no sample of finding type {kind}")
    category, detected = _CATEGORIES[kind]
    now = iso()
    occurrences = {"lineRanges": [{"start": 1, "end": 10, "startColumn": 20}]}
    custom = {"totalCount": 0, "detections": []}
    if category is None:
        detection = {"arn": new_uuid(), "name": "sample", "count": 2, "occurrences": occurrences}
        custom = {"totalCount": 2, "detections": [detection]}
    return {
        "schemaVersion": "1.0", "id": new_uuid().replace("-", ""), "accountId": get_account_id(), "partition": "aws",
        "region": get_region(), "type": kind, "title": "Sample finding", "description": "A sample finding",
        "severity": {"score": 3, "description": "High"}, "category": "CLASSIFICATION", "archived": False,
        "sample": True, "count": 1, "createdAt": now, "updatedAt": now, "policyDetails": None,
        "resourcesAffected": {
            "s3Bucket": {
                "arn": f"arn:aws:s3:::{_BUCKET}", "name": _BUCKET, "createdAt": now,
                "owner": {"displayName": "sample", "id": "sample"}, "tags": [],
                "defaultServerSideEncryption": {"encryptionType": "AES256", "kmsMasterKeyId": None},
                "publicAccess": {"effectivePermission": "NOT_PUBLIC", "permissionConfiguration": None},
                "allowsUnencryptedObjectUploads": "UNKNOWN",
            },
            "s3Object": {
                "bucketArn": f"arn:aws:s3:::{_BUCKET}", "key": "sample.txt", "path": f"{_BUCKET}/sample.txt",
                "extension": "txt", "lastModified": now, "versionId": "", "size": 4750, "storageClass": "STANDARD",
                "eTag": "e21df6a7b8d4a3b0c9f1e2d3c4b5a697", "publicAccess": False, "tags": [],
                "serverSideEncryption": {"encryptionType": "AES256", "kmsMasterKeyId": None},
            },
        },
        "classificationDetails": {
            "jobArn": f"arn:aws:macie2:{get_region()}:{get_account_id()}:classification-job/sample", "jobId": "sample",
            "originType": "SENSITIVE_DATA_DISCOVERY_JOB", "detailedResultsLocation": "s3://[export-config-not-set]/",
            "result": {
                "mimeType": "text/plain", "sizeClassified": 4750, "additionalOccurrences": False,
                "status": {"code": "COMPLETE", "reason": None},
                "sensitiveData": [] if category is None else [
                    {"category": category, "totalCount": 2,
                     "detections": [{"type": detected, "count": 2, "occurrences": occurrences}]},
                ],
                "customDataIdentifiers": custom,
            },
        },
    }
