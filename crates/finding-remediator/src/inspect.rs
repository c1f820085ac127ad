//! Looks at a version of an object.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ArchiveStatus, ChecksumMode, ChecksumType, ObjectLockLegalHoldStatus, StorageClass};
use domain::quarantine::{Checksum, Fingerprint, Original, Properties, SourceVersion};
use domain::remediation::{Outcome, Step};
use jiff::Timestamp;

use crate::error::{Error, Refusal, Stop};

/// What `HEAD` answers about a version; none when it does not exist (any more).
pub(crate) async fn head(s3: &Client, version: &SourceVersion) -> Result<Option<HeadObjectOutput>, Refusal> {
    let head = |checksums: Option<ChecksumMode>| {
        s3.head_object()
            .bucket(&version.bucket)
            .key(&version.key)
            .set_version_id(version.version_id.clone())
            .set_expected_bucket_owner(version.account_id.clone())
            .set_checksum_mode(checksums)
            .send()
    };
    let refused = match head(Some(ChecksumMode::Enabled)).await {
        Ok(found) => return Ok(Some(found)),
        Err(error) => Refusal::from(error),
    };
    // The checksums of an object under a KMS key can only be seen by those who may use the key. Without them, S3
    // answers, and the copy will say what is wrong with the key.
    let refused = match refused.status {
        400 | 403 => match head(None).await {
            Ok(found) => return Ok(Some(found)),
            Err(error) => Refusal::from(error),
        },
        _ => refused,
    };
    // 405 is a delete marker in the place of the version.
    if matches!(refused.status, 404 | 405) { Ok(None) } else { Err(refused) }
}

/// The scanned version; none when it does not exist (any more). Whether an earlier attempt left a copy is found out when
/// the case ends.
pub(crate) async fn source(s3: &Client, source: &SourceVersion) -> Result<Option<HeadObjectOutput>, Stop> {
    let refused = match head(s3, source).await {
        Ok(found) => return Ok(found),
        // The answer to `HEAD` has no body, so the reason has to be asked for.
        Err(refused) if refused.status == 400 => why(s3, source, refused).await,
        Err(refused) => refused,
    };
    Err(match (refused.status, refused.code.as_str()) {
        (301, _)
        | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" | "PermanentRedirect") => {
            Stop::Ended(Outcome::OtherRegion)
        }
        // No version can have an id of that form.
        (400, "InvalidArgument") if refused.message.to_ascii_lowercase().contains("version") => return Ok(None),
        (403, _) => Stop::Ended(Outcome::AccessDenied { step: Step::Read, copied: false }),
        // An object under a key that only its owner has (SSE-C): S3 wants the key even for `HEAD`.
        _ if refused.is_about_the_key() => Stop::Ended(Outcome::KeyUnusable { copied: false }),
        _ => Error::Inspect(refused.cause).into(),
    })
}

/// What S3 says to a `GET` of one byte where it refused a `HEAD`.
async fn why(s3: &Client, version: &SourceVersion, refused: Refusal) -> Refusal {
    let answer = s3
        .get_object()
        .bucket(&version.bucket)
        .key(&version.key)
        .set_version_id(version.version_id.clone())
        .set_expected_bucket_owner(version.account_id.clone())
        .range("bytes=0-0")
        .send()
        .await;
    answer.err().map_or(refused, Refusal::from)
}

/// The tags of a version.
pub(crate) async fn tags(s3: &Client, version: &SourceVersion) -> Result<BTreeMap<String, String>, Refusal> {
    let answer = s3
        .get_object_tagging()
        .bucket(&version.bucket)
        .key(&version.key)
        .set_version_id(version.version_id.clone())
        .set_expected_bucket_owner(version.account_id.clone())
        .send()
        .await?;
    Ok(answer.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
}

/// Whether it is what Macie scanned.
pub(crate) fn is_as_scanned(head: &HeadObjectOutput, source: &SourceVersion) -> bool {
    let Some(scanned) = source.etag.as_deref() else {
        return true; // pinned by its version id
    };
    etag(head).as_deref() == Some(scanned)
}

/// Why this version cannot be moved at all, if so.
pub(crate) fn obstacle(head: &HeadObjectOutput, now: Timestamp) -> Option<Outcome> {
    let until = lock_end(head).filter(|until| *until > now);
    let legal_hold = is_held(head);
    if until.is_some() || legal_hold {
        return Some(Outcome::Locked { until, legal_hold, copied: false });
    }
    let class = head.storage_class();
    let cold = matches!(class, Some(StorageClass::Glacier | StorageClass::DeepArchive))
        || matches!(head.archive_status(), Some(ArchiveStatus::ArchiveAccess | ArchiveStatus::DeepArchiveAccess));
    let restored = head.restore().is_some_and(|restore| restore.contains("ongoing-request=\"false\""));
    let storage_class = class.map_or("STANDARD", StorageClass::as_str).to_owned();
    (cold && !restored).then_some(Outcome::Archived { storage_class, copied: false })
}

pub(crate) fn lock_end(head: &HeadObjectOutput) -> Option<Timestamp> {
    Timestamp::from_second(head.object_lock_retain_until_date()?.secs()).ok()
}

pub(crate) fn is_held(head: &HeadObjectOutput) -> bool {
    head.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On)
}

/// The record of the original.
pub(crate) fn original(head: &HeadObjectOutput, source: &SourceVersion, tags: BTreeMap<String, String>) -> Original {
    let Fingerprint { size, etag, checksums, .. } = fingerprint(head);
    Original {
        account_id: source.account_id.clone(),
        bucket: source.bucket.clone(),
        key: source.key.clone(),
        version_id: source.version_id.clone(),
        etag,
        size,
        last_modified: last_modified(head),
        storage_class: head.storage_class().map(|class| class.as_str().to_owned()),
        encryption: head.server_side_encryption().map(|encryption| encryption.as_str().to_owned()),
        kms_key_id: head.ssekms_key_id().map(str::to_owned),
        bucket_key: head.bucket_key_enabled() == Some(true),
        checksums,
        properties: properties(head, tags),
    }
}

/// What the object carries besides its bytes.
pub(crate) fn properties(head: &HeadObjectOutput, tags: BTreeMap<String, String>) -> Properties {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Properties {
        content_type: text(head.content_type()),
        cache_control: text(head.cache_control()),
        content_disposition: text(head.content_disposition()),
        content_encoding: text(head.content_encoding()),
        content_language: text(head.content_language()),
        expires: text(head.expires_string()),
        website_redirect_location: text(head.website_redirect_location()),
        metadata: head.metadata().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect(),
        tags,
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
        etag: etag(head),
        under_kms: head.server_side_encryption().is_some_and(|encryption| encryption.as_str().starts_with("aws:kms")),
        checksums: checksums.into_iter().filter_map(checksum).collect(),
    }
}

pub(crate) fn size(head: &HeadObjectOutput) -> u64 {
    head.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or_default()
}

/// Without its quotes, as Macie writes it.
pub(crate) fn etag(head: &HeadObjectOutput) -> Option<String> {
    head.e_tag().map(|etag| etag.trim_matches('"').to_owned())
}

pub(crate) fn last_modified(head: &HeadObjectOutput) -> Option<Timestamp> {
    head.last_modified().and_then(|time| Timestamp::from_second(time.secs()).ok())
}
