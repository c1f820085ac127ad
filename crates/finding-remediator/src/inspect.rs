//! Looks at a version of an object.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ArchiveStatus, ChecksumMode, ChecksumType, ObjectLockLegalHoldStatus, StorageClass};
use domain::quarantine::{Checksum, Fingerprint, Original, SourceVersion};
use domain::remediation::{Outcome, Step};
use jiff::Timestamp;

use crate::error::{Error, Refusal, Stop};

/// What `HEAD` answered about the scanned version; none when it does not exist (any more).
pub(crate) async fn source(s3: &Client, source: &SourceVersion) -> Result<Option<HeadObjectOutput>, Stop> {
    let head = |checksums: Option<ChecksumMode>| {
        s3.head_object()
            .bucket(&source.bucket)
            .key(&source.key)
            .set_version_id(source.version_id.clone())
            .set_expected_bucket_owner(source.account_id.clone())
            .set_checksum_mode(checksums)
            .send()
    };
    let mut answer = head(Some(ChecksumMode::Enabled)).await;
    if let Err(error) = &answer
        && matches!(Refusal::of(error).status, 400 | 403)
    {
        // The checksums of an object under a KMS key can only be seen by those who may use the key. Without them, S3
        // answers, and the copy will say what is wrong with the key.
        answer = head(None).await;
    }
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) => match Refusal::of(&error).status {
            // 405 is a delete marker in the place of the version.
            404 | 405 => Ok(None),
            301 => Err(Stop::Ended(Outcome::OtherRegion)),
            403 => Err(Stop::Ended(Outcome::AccessDenied { step: Step::Read, copied: false })),
            // An object under a key that only its owner has (SSE-C): S3 wants the key even for `HEAD`.
            400 => Err(Stop::Ended(Outcome::KeyUnusable)),
            _ => Err(Error::Inspect(error.into()).into()),
        },
    }
}

/// Whether it is what Macie scanned.
pub(crate) fn is_as_scanned(head: &HeadObjectOutput, source: &SourceVersion) -> bool {
    let Some(scanned) = source.etag.as_deref() else {
        return true; // pinned by its version id
    };
    head.e_tag().map(unquoted) == Some(scanned)
}

/// Why this version cannot be moved at all, if so.
pub(crate) fn obstacle(head: &HeadObjectOutput, now: Timestamp) -> Option<Outcome> {
    let until = lock_end(head).filter(|until| *until > now);
    let legal_hold = head.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
    if until.is_some() || legal_hold {
        return Some(Outcome::Locked { until, legal_hold, copied: false });
    }
    let class = head.storage_class();
    let cold = matches!(class, Some(StorageClass::Glacier | StorageClass::DeepArchive))
        || matches!(head.archive_status(), Some(ArchiveStatus::ArchiveAccess | ArchiveStatus::DeepArchiveAccess));
    let restored = head.restore().is_some_and(|restore| restore.contains("ongoing-request=\"false\""));
    let storage_class = class.map_or("STANDARD", StorageClass::as_str).to_owned();
    (cold && !restored).then_some(Outcome::Archived { storage_class })
}

fn lock_end(head: &HeadObjectOutput) -> Option<Timestamp> {
    Timestamp::from_second(head.object_lock_retain_until_date()?.secs()).ok()
}

/// The record of the original.
pub(crate) fn original(head: &HeadObjectOutput, source: &SourceVersion) -> Original {
    let Fingerprint { size, etag, checksums, .. } = fingerprint(head);
    Original {
        account_id: source.account_id.clone(),
        bucket: source.bucket.clone(),
        key: source.key.clone(),
        version_id: source.version_id.clone(),
        etag,
        size,
        last_modified: head.last_modified().and_then(|time| Timestamp::from_second(time.secs()).ok()),
        content_type: head.content_type().map(str::to_owned),
        storage_class: head.storage_class().map(|class| class.as_str().to_owned()),
        encryption: head.server_side_encryption().map(|encryption| encryption.as_str().to_owned()),
        kms_key_id: head.ssekms_key_id().map(str::to_owned),
        checksums,
    }
}

/// What can be compared of the object's bytes.
pub(crate) fn fingerprint(head: &HeadObjectOutput) -> Fingerprint {
    let whole = head.checksum_type() != Some(&ChecksumType::Composite);
    let checksums = [
        ("SHA256", head.checksum_sha256()),
        ("SHA1", head.checksum_sha1()),
        ("CRC64NVME", head.checksum_crc64_nvme()),
        ("CRC32C", head.checksum_crc32_c()),
        ("CRC32", head.checksum_crc32()),
    ];
    let checksum = |(algorithm, value): (&str, Option<&str>)| {
        // A checksum of checksums ends in the number of parts and depends on how the object was cut.
        let value = value.filter(|value| whole && !value.contains('-'))?;
        Some(Checksum { algorithm: algorithm.to_owned(), value: value.to_owned() })
    };
    Fingerprint {
        size: size(head),
        etag: head.e_tag().map(|etag| unquoted(etag).to_owned()),
        under_kms: head.server_side_encryption().is_some_and(|encryption| encryption.as_str().starts_with("aws:kms")),
        checksums: checksums.into_iter().filter_map(checksum).collect(),
    }
}

pub(crate) fn size(head: &HeadObjectOutput) -> u64 {
    head.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or_default()
}

fn unquoted(etag: &str) -> &str {
    etag.trim_matches('"')
}
