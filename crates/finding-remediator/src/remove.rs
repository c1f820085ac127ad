//! Deletes a version, and makes sure that it is gone.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use domain::finding::NULL_VERSION;
use domain::quarantine::{CopyLeft, RestoreOutcome, SourceVersion};
use domain::remediation::{Outcome, Step};
use jiff::Timestamp;

use crate::error::{Error, Refusal, Stop};
use crate::{inspect, listing};

/// Deletes exactly the scanned version. One with an id of its own is deleted by that. What an upload can replace is
/// deleted by its `ETag`: S3 compares and deletes in one step, so that an upload in the last moment is not lost
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>).
pub(crate) async fn original(s3: &Client, source: &SourceVersion, head: &HeadObjectOutput) -> Result<(), Stop> {
    let deleted = match &source.version_id {
        None => delete(s3, source, head).await.map(|_| ()),
        Some(_) if source.is_mutable() => null(s3, source, head).await,
        Some(_) => delete(s3, source, head).await.map(|_| ()),
    };
    let Err(refusal) = deleted else {
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

/// Deletes the version `null`. Where it is current, the `ETag` guards it. With suspended versioning, S3 then puts a
/// delete marker in its place, and it is gone. With versioning turned on since, S3 puts the marker on top; then no upload
/// can replace it any more, so it is deleted by its id, and so is our marker.
///
/// S3 has no condition for a version that is not current. With suspended versioning an upload could replace it between
/// the look and the deletion, which are one call apart.
async fn null(s3: &Client, source: &SourceVersion, head: &HeadObjectOutput) -> Result<(), Refusal> {
    let current = inspect::head(s3, &source.current()).await?;
    let is_current = current.as_ref().is_some_and(|current| {
        current.version_id().is_none_or(|id| id == NULL_VERSION) && current.e_tag() == head.e_tag()
    });
    let marker = if is_current { delete(s3, &source.current(), head).await? } else { None };
    let marker_on_top = marker.filter(|id| id != NULL_VERSION);
    match inspect::head(s3, source).await {
        Ok(Some(left)) if left.e_tag() == head.e_tag() => {}
        Ok(_) => return Ok(()),
        // Gone, in words for who may not list the bucket: a marker on top would have left it there.
        Err(refused) if refused.status == 403 && is_current && marker_on_top.is_none() => return Ok(()),
        Err(refused) => return Err(refused),
    }
    delete(s3, source, head).await?;
    if let Some(marker) = marker_on_top {
        delete(s3, &SourceVersion { version_id: Some(marker), ..source.clone() }, head).await?;
    }
    Ok(())
}

/// Answers with the id of the delete marker, if S3 put one.
async fn delete(s3: &Client, version: &SourceVersion, head: &HeadObjectOutput) -> Result<Option<String>, Refusal> {
    let request = s3
        .delete_object()
        .bucket(&version.bucket)
        .key(&version.key)
        .set_expected_bucket_owner(version.account_id.clone());
    let request = match &version.version_id {
        Some(id) => request.version_id(id),
        None => request.set_if_match(head.e_tag().map(str::to_owned)),
    };
    let answer = request.send().await?;
    Ok(answer.version_id.filter(|_| answer.delete_marker == Some(true) && version.version_id.is_none()))
}

/// Looks once more: what was deleted must be gone. A newer upload without a version id may have taken its place.
pub(crate) async fn check_gone(s3: &Client, source: &SourceVersion) -> Result<(), Error> {
    match inspect::head(s3, source).await {
        Ok(Some(found)) if inspect::is_as_scanned(&found, source) => Err(Error::StillThere),
        Ok(_) => Ok(()),
        // To whoever may not list the bucket S3 refuses what does not exist like what may not be read, and it has said
        // before that it deleted the version. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
        Err(refused) if refused.status == 403 => Ok(()),
        Err(refused) => Err(Error::Inspect(refused.cause)),
    }
}

/// Takes away what a restoration has just made and what is not as the original was, by the version that it was given.
pub(crate) async fn failed_restoration(s3: &Client, made: &SourceVersion, head: &HeadObjectOutput) {
    if let Err(refusal) = delete(s3, made, head).await {
        let error = platform::chain(refusal.cause.as_ref());
        tracing::warn!(error, "could not take away a restored object that differs from the original");
    }
}

/// Deletes every copy in quarantine of an object that was put back, unless something keeps one there. The place is the
/// case's own. There may be more copies than the record knows: a run that died after it had copied leaves one, and it
/// would come to light when the newest is deleted.
pub(crate) async fn copies(s3: &Client, at: &SourceVersion, now: Timestamp) -> Result<CopyLeft, Stop<RestoreOutcome>> {
    let found = listing::versions(s3, at).await.map_err(|refused| Error::DeleteCopy(refused.cause))?;
    let mut left = CopyLeft::Deleted;
    for listed in found {
        let version = SourceVersion { version_id: Some(listed.version.version_id), ..at.clone() };
        match copy(s3, &version, now).await? {
            CopyLeft::Deleted => {}
            kept => left = kept,
        }
    }
    Ok(left)
}

async fn copy(s3: &Client, version: &SourceVersion, now: Timestamp) -> Result<CopyLeft, Stop<RestoreOutcome>> {
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
        Ok(_) => {}
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
