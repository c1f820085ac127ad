//! Copies one version of an object to another bucket, with everything that it carries, and compares.

mod in_parts;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumAlgorithm, MetadataDirective, ServerSideEncryption, StorageClass, TaggingDirective};
use domain::quarantine::{Fingerprint, LARGEST_SINGLE_COPY, Location, Properties, SourceVersion, compare, copy_source};
use domain::remediation::{Outcome, Proof, Step};
use jiff::Timestamp;

use crate::error::{Error, Refusal, Stop};
use crate::inspect;

/// S3 takes headers of 8 KB in all. Tags that need more are copied, and compared afterwards like all others.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
const LARGEST_TAGGING: usize = 4_096;

/// A copy to be made.
pub(crate) struct Transfer<'a> {
    /// The version that is copied.
    pub(crate) from: &'a SourceVersion,
    /// What `HEAD` said about it: its `ETag` pins the copy.
    pub(crate) head: &'a HeadObjectOutput,
    /// What is carried over.
    pub(crate) properties: &'a Properties,
    pub(crate) to: &'a Location,
    /// The account that must own the destination.
    pub(crate) owner: Option<&'a str>,
    /// What must be true of the destination's key when the copy appears there.
    pub(crate) only_if: OnlyIf,
    pub(crate) tags: Tags,
    pub(crate) keep: Keep,
}

/// Where the copy's tags come from. All else that an object carries belongs to its version and cannot be changed; tags
/// can, by whoever may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tags {
    /// From the version that is copied.
    AsTheyAre,
    /// From what is recorded of the original.
    AsRecorded,
}

/// A condition on the destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum OnlyIf {
    #[default]
    Always,
    /// Nothing is there.
    Free,
    /// The object with this `ETag` is there, and becomes an older version.
    Matches(String),
}

/// How the copy is kept; whatever is none is as the destination's bucket says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keep {
    pub(crate) storage_class: Option<StorageClass>,
    pub(crate) encryption: Option<ServerSideEncryption>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) bucket_key: Option<bool>,
}

impl OnlyIf {
    fn if_none_match(&self) -> Option<String> {
        (*self == Self::Free).then(|| "*".to_owned())
    }

    fn if_match(&self) -> Option<String> {
        match self {
            Self::Matches(etag) => Some(etag.clone()),
            Self::Always | Self::Free => None,
        }
    }
}

/// What S3 says about a copy that it has made.
pub(crate) struct Written {
    pub(crate) version_id: Option<String>,
    /// As S3 spells it: quoted.
    pub(crate) etag: Option<String>,
}

/// Makes the copy. It has a checksum over the whole object, whatever the original has.
pub(crate) async fn copy(s3: &Client, transfer: &Transfer<'_>) -> Result<Written, Refusal> {
    if inspect::size(transfer.head) > LARGEST_SINGLE_COPY {
        in_parts::copy(s3, transfer).await
    } else {
        in_one(s3, transfer).await
    }
}

/// The checksum that S3 has to compute for a copy whose original has none over the whole object: an old one, or one that
/// was uploaded in parts. By itself S3 takes over what is there.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
fn new_checksum(head: &HeadObjectOutput) -> Option<ChecksumAlgorithm> {
    inspect::fingerprint(head).checksums.is_empty().then_some(ChecksumAlgorithm::Crc64Nvme)
}

async fn in_one(s3: &Client, transfer: &Transfer<'_>) -> Result<Written, Refusal> {
    let Transfer { from, head, properties, to, owner, only_if, tags, keep } = transfer;
    let recorded = tagging(properties);
    let replaces = *tags == Tags::AsRecorded && recorded.len() <= LARGEST_TAGGING;
    let directive = if replaces { TaggingDirective::Replace } else { TaggingDirective::Copy };
    let answer = s3
        .copy_object()
        .copy_source(copy_source(&from.bucket, &from.key, from.version_id.as_deref()))
        .set_copy_source_if_match(head.e_tag().map(str::to_owned))
        .set_expected_source_bucket_owner(from.account_id.clone())
        .bucket(&to.bucket)
        .key(&to.key)
        .set_expected_bucket_owner(owner.map(str::to_owned))
        .set_if_none_match(only_if.if_none_match())
        .set_if_match(only_if.if_match())
        .metadata_directive(MetadataDirective::Copy)
        .set_checksum_algorithm(new_checksum(head))
        .tagging_directive(directive)
        .set_tagging((replaces && !recorded.is_empty()).then_some(recorded))
        // The one header that S3 does not copy by itself.
        .set_website_redirect_location(properties.website_redirect_location.clone())
        .set_storage_class(keep.storage_class.clone())
        .set_server_side_encryption(keep.encryption.clone())
        .set_ssekms_key_id(keep.kms_key_id.clone())
        .set_bucket_key_enabled(keep.bucket_key)
        .send()
        .await?;
    Ok(Written { etag: answer.copy_object_result.and_then(|copied| copied.e_tag), version_id: answer.version_id })
}

/// Tags as S3 takes them in a header: the form of a query.
fn tagging(properties: &Properties) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&properties.tags).finish()
}

/// How a call for a copy into quarantine that S3 refused ends the case, or that it failed. Whether an earlier attempt left
/// a copy is found out when the case ends.
pub(crate) fn refused(refusal: Refusal, head: &HeadObjectOutput, step: Step) -> Stop {
    Stop::Ended(match (refusal.status, refusal.code.as_str()) {
        (412, _) => Outcome::ChangedSinceScan { copied: false },
        (404, "NoSuchKey" | "NoSuchVersion") => Outcome::AlreadyGone,
        (_, "InvalidObjectState" | "ObjectNotInActiveTierError") => Outcome::Archived {
            storage_class: head.storage_class().map_or("STANDARD", StorageClass::as_str).to_owned(),
            copied: false,
        },
        _ if refusal.is_about_the_key() => Outcome::KeyUnusable { copied: false },
        (403, _) => Outcome::AccessDenied { step, copied: false },
        _ => return Error::Copy(refusal.cause).into(),
    })
}

/// A copy in quarantine that is the same as its original.
pub(crate) struct Copied {
    pub(crate) proof: Proof,
    pub(crate) version_id: Option<String>,
    /// S3 counts from here until it expires.
    pub(crate) made_at: Option<Timestamp>,
}

/// Reads a copy in quarantine and compares it with what is known of the original. None when there is no copy.
///
/// # Errors
/// [`Error::CopyDiffers`], [`Error::InspectCopy`]
pub(crate) async fn verify(s3: &Client, original: &Fingerprint, at: &SourceVersion) -> Result<Option<Copied>, Error> {
    let head = inspect::head(s3, at).await.map_err(|refused| Error::InspectCopy(refused.cause))?;
    let Some(head) = head else {
        return Ok(None);
    };
    let proof = compare(original, &inspect::fingerprint(&head)).ok_or(Error::CopyDiffers)?;
    let (version_id, made_at) = (head.version_id().map(str::to_owned), inspect::last_modified(&head));
    Ok(Some(Copied { proof, version_id, made_at }))
}
