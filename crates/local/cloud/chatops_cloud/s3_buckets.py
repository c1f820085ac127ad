"""BucketEncryption and ObjectLockConfiguration of templates: whether objects ask something of KMS, and are locked.

Plays these two properties of AWS::S3::Bucket, which ministack's CloudFormation drops. Touches ministack's
`s3._bucket_encryption`, `s3._put_bucket_encryption` and `s3._put_object_lock_configuration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import s3

from .provisioned import keep_properties


def install() -> None:
    """Keep the encryption and the locks of buckets that templates make."""
    keep_properties("AWS::S3::Bucket", _encrypt)
    keep_properties("AWS::S3::Bucket", _lock)


def _encrypt(bucket: str, properties: Mapping[str, Any]) -> None:
    rules = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or []
    written = "".join(_rule(rule.get("ServerSideEncryptionByDefault") or {}) for rule in rules)
    s3._bucket_encryption.pop(bucket, None)
    if written:
        configuration = f"<ServerSideEncryptionConfiguration>{written}</ServerSideEncryptionConfiguration>"
        status, _, body = s3._put_bucket_encryption(bucket, configuration.encode())
        if status >= 400:
            raise ValueError(f"AWS::S3::Bucket: BucketEncryption is refused: {body!r}")


def _lock(bucket: str, properties: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-s3-bucket-objectlockconfiguration.html"""
    if str(properties.get("ObjectLockEnabled", "")).lower() != "true":
        return
    rule = (properties.get("ObjectLockConfiguration") or {}).get("Rule") or {}
    retention = rule.get("DefaultRetention") or {}
    members = "".join(f"<{name}>{escape(str(retention[name]))}</{name}>" for name in ("Mode", "Days", "Years") if name in retention)
    written = f"<Rule><DefaultRetention>{members}</DefaultRetention></Rule>" if members else ""
    configuration = f"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{written}</ObjectLockConfiguration>"
    status, _, body = s3._put_object_lock_configuration(bucket, configuration.encode())
    if status >= 400:
        raise ValueError(f"AWS::S3::Bucket: ObjectLockConfiguration is refused: {body!r}")


def _rule(default: Mapping[str, Any]) -> str:
    members = "".join(
        f"<{name}>{escape(str(default[name]))}</{name}>" for name in ("SSEAlgorithm", "KMSMasterKeyID") if name in default
    )
    return f"<Rule><ApplyServerSideEncryptionByDefault>{members}</ApplyServerSideEncryptionByDefault></Rule>"
