//! Deletes the original, and makes sure that it is gone.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use domain::quarantine::SourceVersion;
use domain::remediation::{Outcome, Step};

use crate::error::{Error, Refusal, Stop};
use crate::inspect;

/// More pages of versions than this are not counted: nobody reads a number beyond ten thousand.
const MOST_PAGES: usize = 10;

/// Deletes exactly the scanned version. Without a version id the `ETag` guards it: S3 compares and deletes in one step,
/// so that an upload in the last moment is not lost (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>).
pub(crate) async fn original(s3: &Client, source: &SourceVersion, head: &HeadObjectOutput) -> Result<(), Stop> {
    let request =
        s3.delete_object().bucket(&source.bucket).key(&source.key).set_expected_bucket_owner(source.account_id.clone());
    let request = match &source.version_id {
        Some(version) => request.version_id(version),
        None => request.set_if_match(head.e_tag().map(str::to_owned)),
    };
    let Err(error) = request.send().await else {
        return Ok(());
    };
    let refusal = Refusal::of(&error);
    match refusal.status {
        404 => Ok(()),
        412 => Err(Stop::Ended(Outcome::ChangedSinceScan { copied: true })),
        403 if is_about_a_lock(refusal.message) => {
            Err(Stop::Ended(Outcome::Locked { until: None, legal_hold: false, copied: true }))
        }
        403 => Err(Stop::Ended(Outcome::AccessDenied { step: Step::Delete, copied: true })),
        _ => Err(Error::Delete(error.into()).into()),
    }
}

fn is_about_a_lock(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["object lock", "retention", "legal hold", "worm"].iter().any(|word| message.contains(word))
}

/// Looks once more: what was deleted must be gone. A newer upload without a version id may have taken its place.
pub(crate) async fn check_gone(s3: &Client, source: &SourceVersion) -> Result<(), Stop> {
    match inspect::source(s3, source).await? {
        Some(found) if inspect::is_as_scanned(&found, source) => Err(Error::StillThere.into()),
        _ => Ok(()),
    }
}

/// How many versions of the key are left. None when they cannot be listed: the move itself is done, and must not fail
/// over a number.
pub(crate) async fn count_versions(s3: &Client, source: &SourceVersion) -> Option<u32> {
    let mut count = 0;
    let mut key_marker = None;
    let mut version_marker = None;
    for _ in 0..MOST_PAGES {
        let page = s3
            .list_object_versions()
            .bucket(&source.bucket)
            .prefix(&source.key)
            .set_key_marker(key_marker.take())
            .set_version_id_marker(version_marker.take())
            .set_expected_bucket_owner(source.account_id.clone())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(error = platform::chain(&error), "could not list the other versions of the key");
                return None;
            }
        };
        // The key itself sorts before every longer key with the same beginning.
        let ours = page.versions().iter().take_while(|version| version.key() == Some(&source.key)).count();
        count += u32::try_from(ours).unwrap_or(u32::MAX);
        let more = page.is_truncated() == Some(true) && page.next_key_marker() == Some(&source.key);
        if !more {
            return Some(count);
        }
        key_marker = page.next_key_marker;
        version_marker = page.next_version_id_marker;
    }
    Some(count)
}
