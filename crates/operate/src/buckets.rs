//! Buckets: whether they are there, and how they are emptied and removed.

use anyhow::{Context as _, bail};
use aws_sdk_s3::{
    Client,
    operation::head_bucket::HeadBucketError,
    types::{Delete, ObjectIdentifier},
};

/// Whether the bucket exists.
///
/// # Errors
/// S3 does not say so: what cannot be seen is not gone.
pub(crate) async fn exists(s3: &Client, bucket: &str) -> anyhow::Result<bool> {
    match s3.head_bucket().bucket(bucket).send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(HeadBucketError::is_not_found) => Ok(false),
        Err(error) => Err(error).with_context(|| format!("look for the bucket {bucket}")),
    }
}

/// How many versions of objects a bucket holds; counts no further than the first page.
pub(crate) async fn describe(s3: &Client, bucket: &str) -> String {
    match s3.list_object_versions().bucket(bucket).send().await {
        Ok(page) => match page.versions().len() {
            0 => "empty".to_owned(),
            1 => "1 object".to_owned(),
            count if page.is_truncated() == Some(true) => format!("more than {count} objects"),
            count => format!("{count} objects"),
        },
        Err(_) => "its contents cannot be listed".to_owned(),
    }
}

/// Deletes every version of every object, and the bucket. Returns how many versions there were.
pub(crate) async fn remove(s3: &Client, bucket: &str) -> anyhow::Result<usize> {
    // The policies of evidence and quarantine refuse deletions to everybody; changing the policy is what they allow.
    s3.delete_bucket_policy().bucket(bucket).send().await.with_context(|| format!("open {bucket} for its removal"))?;
    let mut removed = 0;
    // The policies of evidence and quarantine let nobody delete, whoever it is.
    s3.delete_bucket_policy().bucket(bucket).send().await.with_context(|| format!("open {bucket} for deletion"))?;
    loop {
        // Always the first page: what was deleted is not on it any more.
        let page = s3.list_object_versions().bucket(bucket).send().await;
        let page = page.with_context(|| format!("list the versions in {bucket}"))?;
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let identifiers = versions.chain(markers).map(|(key, version)| {
            let identifier = ObjectIdentifier::builder().set_version_id(version.map(str::to_owned));
            identifier.key(key.unwrap_or_default()).build().context("name an object")
        });
        let identifiers: Vec<ObjectIdentifier> = identifiers.collect::<anyhow::Result<_>>()?;
        if identifiers.is_empty() {
            break;
        }
        removed += identifiers.len();
        let delete =
            Delete::builder().set_objects(Some(identifiers)).quiet(true).build().context("name the objects")?;
        let answer = s3.delete_objects().bucket(bucket).delete(delete).send().await;
        let answer = answer.with_context(|| format!("empty {bucket}"))?;
        if let Some(error) = answer.errors().first() {
            let (key, why) = (error.key().unwrap_or_default(), error.message().unwrap_or_default());
            bail!("{key} in {bucket} cannot be deleted: {why}");
        }
    }
    s3.delete_bucket().bucket(bucket).send().await.with_context(|| format!("delete {bucket}"))?;
    Ok(removed)
}
