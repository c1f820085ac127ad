//! Copies the scanned version into the quarantine bucket, and compares.

mod in_parts;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumMode, MetadataDirective, TaggingDirective};
use domain::quarantine::{Fingerprint, LARGEST_SINGLE_COPY, Location, SourceVersion, compare, copy_source};
use domain::remediation::{Outcome, Proof, Step};

use crate::error::{Error, Refusal, Stop};
use crate::inspect;

/// Copies the version that `head` describes, with its metadata and tags. `to.version_id` is set to the copy's.
pub(crate) async fn copy(
    s3: &Client,
    source: &SourceVersion,
    head: &HeadObjectOutput,
    to: &mut Location,
) -> Result<(), Stop> {
    let copied = if inspect::size(head) > LARGEST_SINGLE_COPY {
        in_parts::copy(s3, source, head, to).await?
    } else {
        in_one(s3, source, head, to).await?
    };
    to.version_id = copied;
    Ok(())
}

async fn in_one(
    s3: &Client,
    source: &SourceVersion,
    head: &HeadObjectOutput,
    to: &Location,
) -> Result<Option<String>, Stop> {
    let answer = s3
        .copy_object()
        .copy_source(copy_source(&source.bucket, &source.key, source.version_id.as_deref()))
        .set_copy_source_if_match(head.e_tag().map(str::to_owned))
        .set_expected_source_bucket_owner(source.account_id.clone())
        .bucket(&to.bucket)
        .key(&to.key)
        .metadata_directive(MetadataDirective::Copy)
        .tagging_directive(TaggingDirective::Copy)
        // The one header that S3 does not copy by itself.
        .set_website_redirect_location(head.website_redirect_location().map(str::to_owned))
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer.version_id),
        Err(error) => Err(ended(&Refusal::of(&error), head).unwrap_or_else(|| Error::Copy(error.into()).into())),
    }
}

/// The end of the case, if S3's answer to a copy is one.
fn ended(refusal: &Refusal<'_>, head: &HeadObjectOutput) -> Option<Stop> {
    let outcome = match (refusal.status, refusal.code) {
        (412, _) => Outcome::ChangedSinceScan { copied: false },
        (404, "NoSuchKey" | "NoSuchVersion") => Outcome::AlreadyGone,
        (_, "InvalidObjectState" | "ObjectNotInActiveTierError") => Outcome::Archived {
            storage_class: head.storage_class().map_or("STANDARD", |class| class.as_str()).to_owned(),
        },
        _ if refusal.is_about_the_key() => Outcome::KeyUnusable,
        (403, _) => Outcome::AccessDenied { step: Step::Copy, copied: false },
        _ => return None,
    };
    Some(Stop::Ended(outcome))
}

/// Reads the copy back and compares it with what is known of the original. None when there is no copy.
pub(crate) async fn verify(s3: &Client, original: &Fingerprint, at: &Location) -> Result<Option<Proof>, Error> {
    let answer = s3
        .head_object()
        .bucket(&at.bucket)
        .key(&at.key)
        .set_version_id(at.version_id.clone())
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await;
    match answer {
        Ok(head) => compare(original, &inspect::fingerprint(&head)).map(Some).ok_or(Error::CopyDiffers),
        Err(error) if Refusal::of(&error).status == 404 => Ok(None),
        Err(error) => Err(Error::InspectCopy(error.into())),
    }
}
