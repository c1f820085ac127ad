//! How an object is quarantined, as data: what is copied, to where, in which parts, and what is recorded.

mod begin;
mod claim;
mod manifest;
mod parts;
mod proof;
mod restoration;
mod retention;
mod standing;
mod versions;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::finding::{Finding, MAX_KEY_BYTES, NULL_VERSION, ObjectRef};
use crate::text::hex;

pub use begin::Subject;
pub use claim::{Claim, FirstApproval, Shown, may_be_moved};
pub use manifest::{Location, Manifest, Original, Properties, Run, State, Transition};
pub use parts::{LARGEST_SINGLE_COPY, Part, parts};
pub use proof::{Checksum, Fingerprint, compare, compare_with_both, recognize};
pub use restoration::{
    CopyLeft, Occupant, Place, Restoration, RestorationState, RestoreOutcome, Restored, RestoredTo, place, restored_key,
};
pub use retention::{NoRetention, Retention};
pub use standing::{Standing, is_open_to, last_end, standing};
pub use versions::{MOST_VERSIONS_AT_ONCE, OtherVersion, OtherVersions, RemainingVersion};

/// What is to be moved, and to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub case_id: String,
    pub source: SourceVersion,
    pub destination_key: String,
}

/// The version that was scanned: pinned by its id, by its `ETag`, or by both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceVersion {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    pub etag: Option<String>,
    /// The account that must own the bucket, when it is known.
    pub account_id: Option<String>,
}

impl SourceVersion {
    /// Whether an upload can take its place: S3 gives out every other version id once.
    #[must_use]
    pub fn is_mutable(&self) -> bool {
        self.version_id.as_deref().is_none_or(|id| id == NULL_VERSION)
    }

    /// Whatever is current under the key.
    #[must_use]
    pub fn current(&self) -> Self {
        Self { version_id: None, ..self.clone() }
    }

    /// What the key holds from a time without versioning.
    #[must_use]
    pub fn null(&self) -> Self {
        Self { version_id: Some(NULL_VERSION.to_owned()), ..self.clone() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unplannable {
    #[error("the finding is not about an object in S3")]
    NotAnObject,
    #[error("the finding names neither a version nor an ETag")]
    Unpinned,
    #[error("the finding's id is not one of Macie's")]
    FindingId,
}

/// Plans the move of the object that the finding is about.
pub fn plan(finding: &Finding) -> Result<Plan, Unplannable> {
    if !is_finding_id(&finding.id) {
        return Err(Unplannable::FindingId);
    }
    let object = finding.object().ok_or(Unplannable::NotAnObject)?;
    if !object.is_pinned() {
        return Err(Unplannable::Unpinned);
    }
    let case_id = object.case_id();
    let destination_key = destination_key(&finding.id, &object);
    let ObjectRef { account_id, bucket, key, version_id, etag, .. } = object;
    Ok(Plan { case_id, source: SourceVersion { bucket, key, version_id, etag, account_id }, destination_key })
}

/// Whether this can be the id of a finding: letters, digits and hyphens. Ids become part of keys and requests.
#[must_use]
pub fn is_finding_id(id: &str) -> bool {
    (1..=100).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `cases/<case-id>/claim.json`: created by the first decision.
#[must_use]
pub fn claim_key(case_id: &str) -> String {
    format!("cases/{case_id}/claim.json")
}

/// `cases/<case-id>/first-approval.json`: created by the first of two people.
#[must_use]
pub fn first_approval_key(case_id: &str) -> String {
    format!("cases/{case_id}/first-approval.json")
}

/// `cases/<case-id>/first-approval-restore.json`: the first of two people who put the object back.
#[must_use]
pub fn first_restore_approval_key(case_id: &str) -> String {
    format!("cases/{case_id}/first-approval-restore.json")
}

/// `cases/<case-id>/first-approval-versions.json`: the first of two people who move the other versions too.
#[must_use]
pub fn first_versions_approval_key(case_id: &str) -> String {
    format!("cases/{case_id}/first-approval-versions.json")
}

/// `presses/<SHA-256>.json`: that this request of Slack was acted on. `body` is the request's, in which Slack names every
/// press by a new `trigger_id`.
#[must_use]
pub fn press_key(body: &[u8]) -> String {
    format!("presses/{}.json", hex(&Sha256::digest(body)))
}

/// `cases/<case-id>/manifest.json`: what was done.
#[must_use]
pub fn manifest_key(case_id: &str) -> String {
    format!("cases/{case_id}/manifest.json")
}

/// `cases/<case-id>/shown.json`: when the channel was asked.
#[must_use]
pub fn shown_key(case_id: &str) -> String {
    format!("cases/{case_id}/shown.json")
}

/// `objects/<finding-id>/<bucket>/<key>`, so that two findings never overwrite each other's object.
fn destination_key(finding_id: &str, object: &ObjectRef) -> String {
    under(&format!("{OBJECTS}{finding_id}/{}/", object.bucket), &object.key)
}

/// Where everything lies that is in quarantine: only here may the remediator delete, and only here things expire.
pub const OBJECTS: &str = "objects/";

/// The plan to move another version of the key of a case: `objects/<finding-id>/<case-id>/<bucket>/<key>`, with the case
/// of that version.
#[must_use]
pub fn plan_version(finding_id: &str, original: &Original, version_id: &str, etag: Option<&str>) -> Plan {
    let object = ObjectRef {
        account_id: original.account_id.clone(),
        bucket: original.bucket.clone(),
        key: original.key.clone(),
        version_id: Some(version_id.to_owned()),
        etag: etag.map(|etag| etag.trim_matches('"').to_owned()),
        size: None,
        last_modified: None,
    };
    let case_id = object.case_id();
    let destination_key = under(&format!("{OBJECTS}{finding_id}/{case_id}/{}/", object.bucket), &object.key);
    let ObjectRef { account_id, bucket, key, version_id, etag, .. } = object;
    Plan { case_id, source: SourceVersion { bucket, key, version_id, etag, account_id }, destination_key }
}

/// The cases that a finding about a restored object may open: it names the version, or, without versioning, the `ETag`
/// and mostly the time of the upload.
#[must_use]
pub fn cases_of_restored(at: &Location, etag: Option<&str>, last_modified: Option<Timestamp>) -> Vec<String> {
    let object = ObjectRef {
        account_id: None,
        bucket: at.bucket.clone(),
        key: at.key.clone(),
        version_id: at.version_id.clone(),
        etag: etag.map(str::to_owned),
        size: None,
        last_modified,
    };
    let mut cases = vec![object.case_id()];
    let is_named = object.version_id.as_deref().is_some_and(|id| id != NULL_VERSION);
    if !is_named && last_modified.is_some() {
        cases.push(ObjectRef { last_modified: None, ..object }.case_id());
    }
    cases
}

/// A key that would grow beyond S3's 1,024 bytes is replaced by its SHA-256; the manifest has the original.
fn under(folder: &str, key: &str) -> String {
    if folder.len() + key.len() <= MAX_KEY_BYTES {
        return format!("{folder}{key}");
    }
    format!("{folder}{}", hex(&Sha256::digest(key.as_bytes())))
}

/// Whether this can be the id of a case: it becomes part of keys.
#[must_use]
pub fn is_case_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// What S3 must find encoded in `x-amz-copy-source`: everything but RFC 3986's unreserved characters and the slash.
/// A `?` or `+` left alone would name another object, or another version.
const COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The value of `x-amz-copy-source`: `bucket/key`, percent-encoded, and `?versionId=` when a version is pinned.
#[must_use]
pub fn copy_source(bucket: &str, key: &str, version_id: Option<&str>) -> String {
    let encode = |text| utf8_percent_encode(text, COPY_SOURCE);
    match version_id {
        Some(version) => format!("{}/{}?versionId={}", encode(bucket), encode(key), encode(version)),
        None => format!("{}/{}", encode(bucket), encode(key)),
    }
}

#[cfg(test)]
mod tests;
