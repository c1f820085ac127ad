"""BucketEncryption of templates, which decides whether objects ask something of KMS.

Plays the default encryption of AWS::S3::Bucket, which ministack's CloudFormation drops. Touches ministack's
`s3._bucket_encryption` and the `AWS::S3::Bucket` entry of `provisioners._RESOURCE_HANDLERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import s3
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Keep the encryption of buckets that templates make."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update = handlers["create"], handlers["update"]
    handlers["create"] = lambda logical_id, properties, stack: _with_encryption(
        create(logical_id, properties, stack), properties
    )
    handlers["update"] = lambda physical_id, old, new, stack, *logical_id: _with_encryption(
        update(physical_id, old, new, stack, *logical_id), new
    )


def _with_encryption(created: tuple, properties: Mapping[str, Any]) -> tuple:
    rules = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or []
    written = "".join(_rule(rule.get("ServerSideEncryptionByDefault") or {}) for rule in rules)
    s3._bucket_encryption.pop(created[0], None)
    if written:
        configuration = f"<ServerSideEncryptionConfiguration>{written}</ServerSideEncryptionConfiguration>"
        status, _, body = s3._put_bucket_encryption(created[0], configuration.encode())
        if status >= 400:
            raise ValueError(f"AWS::S3::Bucket: BucketEncryption is refused: {body!r}")
    return created


def _rule(default: Mapping[str, Any]) -> str:
    members = "".join(
        f"<{name}>{escape(str(default[name]))}</{name}>" for name in ("SSEAlgorithm", "KMSMasterKeyID") if name in default
    )
    return f"<Rule><ApplyServerSideEncryptionByDefault>{members}</ApplyServerSideEncryptionByDefault></Rule>"
