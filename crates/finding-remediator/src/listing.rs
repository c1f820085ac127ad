//! Lists the versions of exactly one key.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::ObjectVersion;
use domain::quarantine::{RemainingVersion, SourceVersion};
use jiff::Timestamp;

use crate::error::Refusal;

/// More pages of versions than this are not read: ten thousand versions.
const MOST_PAGES: usize = 10;

/// A version, as S3 lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) version: RemainingVersion,
    /// Without its quotes.
    pub(crate) etag: Option<String>,
}

/// The versions of the key that hold bytes, the newest first, as S3 lists them.
pub(crate) async fn versions(s3: &Client, source: &SourceVersion) -> Result<Vec<Listed>, Refusal> {
    let mut found = Vec::new();
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
            .await?;
        // The key itself sorts before every longer key with the same beginning.
        let ours = page.versions().iter().take_while(|version| version.key() == Some(&source.key));
        found.extend(ours.filter_map(listed));
        let more = page.is_truncated() == Some(true) && page.next_key_marker() == Some(&source.key);
        if !more {
            break;
        }
        key_marker = page.next_key_marker;
        version_marker = page.next_version_id_marker;
    }
    Ok(found)
}

fn listed(version: &ObjectVersion) -> Option<Listed> {
    Some(Listed {
        version: RemainingVersion {
            version_id: version.version_id()?.to_owned(),
            size: version.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            last_modified: version.last_modified().and_then(|time| Timestamp::from_second(time.secs()).ok()),
            is_current: version.is_latest() == Some(true),
        },
        etag: version.e_tag().map(|etag| etag.trim_matches('"').to_owned()),
    })
}
