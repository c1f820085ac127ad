//! Deletes a version, and makes sure that it is gone.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use domain::quarantine::{CopyLeft, RestoreOutcome, SourceVersion};
use domain::remediation::{Outcome, Step};
use jiff::Timestamp;

use crate::error::{Error, Refusal, Stop};
use crate::inspect;

/// Deletes exactly the scanned version. Without a version id the `ETag` guards it: S3 compares and deletes in one step,
/// so that an upload in the last moment is not lost (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>).
pub(crate) async fn original(s3: &Client, source: &SourceVersion, head: &HeadObjectOutput) -> Result<(), Stop> {
    let Err(refusal) = delete(s3, source, head).await else {
        return Ok(());
    };
    match refusal.status {
        404 => Ok(()),
        412 => Err(Stop::Ended(Outcome::ChangedSinceScan { copied: true })),
        403 if refusal.is_about_a_lock() => {
            Err(Stop::Ended(Outcome::Locked { until: None, legal_hold: false, copied: true }))
        }
        403 => Err(Stop::Ended(Outcome::AccessDenied { step: Step::Delete, copied: true })),
        _ => Err(Error::Delete(refusal.cause).into()),
    }
}

async fn delete(s3: &Client, version: &SourceVersion, head: &HeadObjectOutput) -> Result<(), Refusal> {
    let request = s3
        .delete_object()
        .bucket(&version.bucket)
        .key(&version.key)
        .set_expected_bucket_owner(version.account_id.clone());
    let request = match &version.version_id {
        Some(id) => request.version_id(id),
        None => request.set_if_match(head.e_tag().map(str::to_owned)),
    };
    request.send().await?;
    Ok(())
}

/// Looks once more: what was deleted must be gone. A newer upload without a version id may have taken its place.
pub(crate) async fn check_gone(s3: &Client, source: &SourceVersion) -> Result<(), Stop> {
    match inspect::source(s3, source).await? {
        Some(found) if inspect::is_as_scanned(&found, source) => Err(Error::StillThere.into()),
        _ => Ok(()),
    }
}

/// Deletes the copy in quarantine of an object that was put back, unless something keeps it there.
pub(crate) async fn copy(
    s3: &Client,
    version: &SourceVersion,
    now: Timestamp,
) -> Result<CopyLeft, Stop<RestoreOutcome>> {
    let head = match inspect::head(s3, version).await {
        Ok(Some(head)) => head,
        Ok(None) => return Ok(CopyLeft::Deleted),
        Err(refused) => return Err(Error::InspectCopy(refused.cause).into()),
    };
    let until = inspect::lock_end(&head).filter(|until| *until > now);
    if until.is_some() || inspect::is_held(&head) {
        return Ok(CopyLeft::Locked { until });
    }
    // Without the version's id S3 would only hide it.
    let version = SourceVersion { version_id: head.version_id().map(str::to_owned), ..version.clone() };
    match delete(s3, &version, &head).await {
        Ok(()) => {}
        Err(refusal) if refusal.status == 404 => {}
        Err(refusal) if refusal.is_about_a_lock() => return Ok(CopyLeft::Locked { until: None }),
        Err(refusal) if refusal.status == 403 => return Ok(CopyLeft::Denied),
        Err(refusal) => return Err(Error::DeleteCopy(refusal.cause).into()),
    }
    match inspect::head(s3, &version).await {
        Ok(None) => Ok(CopyLeft::Deleted),
        Ok(Some(_)) => Err(Error::CopyStillThere.into()),
        Err(refused) => Err(Error::InspectCopy(refused.cause).into()),
    }
}
