//! Buckets: whether they are there, and how they are emptied and removed.

use anyhow::{Context as _, bail};
use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata as _,
    operation::head_bucket::HeadBucketError,
    types::{Delete, ObjectIdentifier},
};
use jiff::{Span, Timestamp};

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

/// Until when Object Lock keeps something in the bucket, if it does: the latest version and the retention that the bucket
/// gives to each.
///
/// # Errors
/// S3 does not say so.
pub(crate) async fn locked_until(s3: &Client, bucket: &str) -> anyhow::Result<Option<Timestamp>> {
    let retention = match s3.get_object_lock_configuration().bucket(bucket).send().await {
        Ok(answer) => answer.object_lock_configuration.and_then(|lock| lock.rule?.default_retention),
        Err(error) if error.code() == Some("ObjectLockConfigurationNotFoundError") => None,
        Err(error) => return Err(error).with_context(|| format!("look for a lock on {bucket}")),
    };
    let Some(days) = retention.and_then(|retention| retention.days.or(retention.years.map(|years| years * 366))) else {
        return Ok(None);
    };
    let (mut latest, mut key, mut version) = (None, None, None);
    loop {
        let page = s3.list_object_versions().bucket(bucket).set_key_marker(key).set_version_id_marker(version);
        let page = page.send().await.with_context(|| format!("list the versions in {bucket}"))?;
        let seconds = page.versions().iter().filter_map(|version| Some(version.last_modified()?.secs()));
        latest = latest.max(seconds.max());
        if page.is_truncated() != Some(true) {
            break;
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
    let Some(latest) = latest else { return Ok(None) };
    let until =
        Timestamp::from_second(latest).ok().and_then(|time| time.checked_add(Span::new().hours(24 * days)).ok());
    Ok(Some(until.unwrap_or(Timestamp::MAX)))
}

/// Deletes every version of every object, and the bucket. Returns how many versions there were.
///
/// # Errors
/// Something cannot be deleted. The bucket's policy is in force again then.
pub(crate) async fn remove(s3: &Client, bucket: &str) -> anyhow::Result<usize> {
    // The policies of evidence and quarantine let nobody delete, whoever it is; to take the policy away is what they allow.
    let policy = s3.get_bucket_policy().bucket(bucket).send().await;
    let policy = match policy {
        Ok(answer) => answer.policy,
        Err(error) if error.code() == Some("NoSuchBucketPolicy") => None,
        Err(error) => return Err(error).with_context(|| format!("read the policy of {bucket}")),
    };
    s3.delete_bucket_policy().bucket(bucket).send().await.with_context(|| format!("open {bucket} for deletion"))?;
    let removed = match empty(s3, bucket).await {
        Ok(removed) => removed,
        Err(error) => {
            let Some(policy) = policy else { return Err(error) };
            // Without it, every role of the account that may use S3 could read what is left.
            return match s3.put_bucket_policy().bucket(bucket).policy(policy).send().await {
                Ok(_) => Err(error.context(format!("{bucket} was not emptied, and is protected again"))),
                Err(refused) => Err(error.context(format!(
                    "{bucket} was not emptied, and its policy is gone: put it back, or empty the bucket soon ({})",
                    refused.code().unwrap_or("S3 did not answer")
                ))),
            };
        }
    };
    s3.delete_bucket().bucket(bucket).send().await.with_context(|| format!("delete {bucket}"))?;
    Ok(removed)
}

async fn empty(s3: &Client, bucket: &str) -> anyhow::Result<usize> {
    let mut removed = 0;
    loop {
        // Always the first page: what was deleted is not on it any more.
        let page = s3.list_object_versions().bucket(bucket).send().await;
        let page = page.with_context(|| format!("list the versions in {bucket}"))?;
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let found = versions.chain(markers).map(|(key, version)| (key.unwrap_or_default(), version.map(str::to_owned)));
        // The request for many is XML, which has no way to write some characters; a key may have them.
        // https://www.w3.org/TR/xml/#charsets
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
        let (alone, many): (Vec<_>, Vec<_>) = found.partition(|(key, _)| key.contains(is_not_xml));
        if alone.is_empty() && many.is_empty() {
            break;
        }
        removed += alone.len() + many.len();
        for (key, version) in alone {
            let answer = s3.delete_object().bucket(bucket).key(key).set_version_id(version).send().await;
            answer.with_context(|| format!("delete {key:?} in {bucket}"))?;
        }
        if many.is_empty() {
            continue;
        }
        let identifiers = many.into_iter().map(|(key, version)| {
            ObjectIdentifier::builder().key(key).set_version_id(version).build().context("name an object")
        });
        let identifiers: Vec<ObjectIdentifier> = identifiers.collect::<anyhow::Result<_>>()?;
        let delete =
            Delete::builder().set_objects(Some(identifiers)).quiet(true).build().context("name the objects")?;
        let answer = s3.delete_objects().bucket(bucket).delete(delete).send().await;
        let answer = answer.with_context(|| format!("empty {bucket}"))?;
        if let Some(error) = answer.errors().first() {
            let (key, why) = (error.key().unwrap_or_default(), error.message().unwrap_or_default());
            bail!("{key} in {bucket} cannot be deleted: {why}");
        }
    }
    Ok(removed)
}

/// Also some that XML can write, but that are not worth an exception: the control characters from U+007F.
fn is_not_xml(character: char) -> bool {
    character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}')
}
