//! A Macie finding: the fields that are read, in Macie's own spelling.
//!
//! The same type is read from an `EventBridge` event, built from the answer of `GetFindings`, and written as the
//! payload for the remediator. Real findings leave out, null or empty nearly every leaf (a version id on an
//! unversioned bucket is `""`), so every leaf is an `Option` and an empty string is none.

mod change;
mod classification;
mod kind;
mod lenient;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::text::hex;

pub use change::{Actor, ApiCall, Identity, PolicyAction, PolicyDetails, UserIdentity};
pub use classification::{
    Cell, ClassificationDetails, ClassificationResult, ClassificationStatus, CustomDataIdentifiers, CustomDetection,
    Detection, LineRange, Occurrences, Page, Record, SensitiveData,
};
pub use kind::{FindingType, Severity, UnknownSeverity};

/// One finding. Only `id` has to be there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    #[serde(deserialize_with = "lenient::required_text")]
    pub id: String,
    #[serde(rename = "type", default, deserialize_with = "lenient::kind")]
    pub kind: FindingType,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(
        rename = "severity",
        default,
        deserialize_with = "lenient::rating",
        skip_serializing_if = "Option::is_none"
    )]
    pub rating: Option<Rating>,
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    #[serde(default, deserialize_with = "lenient::truth", skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    #[serde(default, deserialize_with = "lenient::truth", skip_serializing_if = "Option::is_none")]
    pub sample: Option<bool>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub resources_affected: Option<ResourcesAffected>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub classification_details: Option<ClassificationDetails>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub policy_details: Option<Box<PolicyDetails>>,
}

/// `severity` as Macie writes it; [`Finding::severity`] reads it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourcesAffected {
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub s3_bucket: Option<S3Bucket>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub s3_object: Option<S3Object>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Bucket {
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub default_server_side_encryption: Option<Encryption>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub public_access: Option<BucketPublicAccess>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Object {
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub bucket_arn: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    #[serde(rename = "eTag", default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    #[serde(default, deserialize_with = "lenient::truth", skip_serializing_if = "Option::is_none")]
    pub public_access: Option<bool>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub server_side_encryption: Option<Encryption>,
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub encryption_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketPublicAccess {
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub effective_permission: Option<String>,
}

/// Exactly the object that was scanned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// The account that owns the bucket, when the finding names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    pub bucket: String,
    /// 1 to 1,024 bytes, literal (never percent-encoded).
    pub key: String,
    /// None on a bucket without versioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Without quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
}

impl Finding {
    /// The severity, by score and else by its name; none when Macie gave neither.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        let rating = self.rating.as_ref()?;
        let by_score = rating.score.and_then(Severity::from_score);
        by_score.or_else(|| rating.description.as_deref().and_then(Severity::from_name))
    }

    /// Whether this is about a bucket's settings, not about the content of an object.
    #[must_use]
    pub fn is_policy(&self) -> bool {
        self.kind.is_policy() || self.category.as_deref() == Some("POLICY")
    }

    /// When what it reports happened last: Macie counts what happens to a bucket again under the same id.
    #[must_use]
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.updated_at.or(self.created_at)
    }

    /// The bucket's name: by name, and else out of an ARN.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        let resources = self.resources_affected.as_ref()?;
        let bucket = resources.s3_bucket.as_ref();
        let by_name = bucket.and_then(|bucket| bucket.name.as_deref());
        let by_arn = || {
            let object = resources.s3_object.as_ref();
            let arn = object.and_then(|object| object.bucket_arn.as_deref());
            let arn = arn.or_else(|| bucket.and_then(|bucket| bucket.arn.as_deref()))?;
            arn.split_once(":s3:::").map(|(_, name)| name)
        };
        by_name.or_else(by_arn).filter(|name| is_bucket_name(name))
    }

    /// The scanned object, or none when the finding does not name one that S3 could hold.
    #[must_use]
    pub fn object(&self) -> Option<ObjectRef> {
        let object = self.resources_affected.as_ref()?.s3_object.as_ref()?;
        let key = object.key.as_deref().filter(|key| key.len() <= MAX_KEY_BYTES)?;
        Some(ObjectRef {
            account_id: self.account_id.clone(),
            bucket: self.bucket()?.to_owned(),
            key: key.to_owned(),
            version_id: object.version_id.clone(),
            etag: object.etag.as_deref().map(|etag| etag.trim_matches('"').to_owned()),
            size: object.size,
            last_modified: object.last_modified,
        })
    }

    /// The case that this finding belongs to; see [`ObjectRef::case_id`].
    #[must_use]
    pub fn case_id(&self) -> Option<String> {
        self.object().map(|object| object.case_id())
    }
}

impl Finding {
    /// The case of a finding about a bucket's settings. Macie counts what happens again under the same id.
    #[must_use]
    pub fn bucket_case_id(&self) -> Option<String> {
        let bucket = self.bucket().filter(|_| self.is_policy())?;
        let digest = Sha256::digest(format!("bucket\0{bucket}\0{}\0{}", self.kind.as_str(), self.id));
        Some(hex(&digest).chars().take(32).collect())
    }
}

/// The version that a bucket without, or with suspended, versioning keeps of a key. It is overwritten by every upload.
pub const NULL_VERSION: &str = "null";

/// A key of S3 has at most 1,024 bytes.
pub(crate) const MAX_KEY_BYTES: usize = 1_024;

impl ObjectRef {
    /// Whether the scanned content can be told from a newer one: by a version of its own, or by its `ETag`. The version
    /// `null` alone names whatever was uploaded last.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.etag.is_some() || self.version_id.as_deref().is_some_and(|id| id != NULL_VERSION)
    }

    /// 32 hex digits that name this object version, whatever finding reports it: a new scan of the same version
    /// makes a new finding, but the same case.
    ///
    /// Without a version id, an upload is known by its `ETag` and the second it was made: the same bytes uploaded
    /// once more, after the first upload was quarantined, are a new case.
    #[must_use]
    pub fn case_id(&self) -> String {
        // A bucket whose versioning is suspended calls every upload `null`: that names no version.
        let version = self.version_id.clone().filter(|id| id != NULL_VERSION).unwrap_or_else(|| {
            let etag = self.etag.as_deref().unwrap_or_default();
            match self.last_modified {
                Some(time) => format!("{etag}@{}", time.as_second()),
                None => etag.to_owned(),
            }
        });
        let mut hash = Sha256::new();
        for part in [self.bucket.as_str(), "\0", self.key.as_str(), "\0", version.as_str()] {
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize()).chars().take(32).collect()
    }
}

/// What may stand where a bucket's name goes: everything S3 ever allowed, and no path, host or ARN.
fn is_bucket_name(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests;
