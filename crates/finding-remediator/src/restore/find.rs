//! Finds out whether the object is back already: an earlier run may have copied it before it died.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use domain::finding::NULL_VERSION;
use domain::quarantine::{Location, Original, Properties, SourceVersion, compare};
use jiff::{SignedDuration, Timestamp};

use super::{Stop, current};
use crate::error::{Error, Refusal};
use crate::handler::Remediator;
use crate::record::Record;
use crate::{inspect, listing};

/// S3's clock and ours may differ by so much.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

impl Remediator {
    /// What needs no copying, because it is there: what an earlier run copied back, or, where the original was copied and
    /// then not deleted (`was_moved` is false), the original.
    pub(super) async fn back_already(
        &self,
        original: &Original,
        from: &SourceVersion,
        record: &Record,
        was_moved: bool,
    ) -> Result<Option<(Location, Option<HeadObjectOutput>)>, Stop> {
        if !was_moved {
            let version = SourceVersion { version_id: original.version_id.clone(), ..current(original) };
            if let Some(head) = self.same_as(original, &version).await? {
                return Ok(Some((place(version), Some(head))));
            }
        }
        self.restored_by_an_earlier_run(original, from, record).await
    }

    /// Whether what stands in the way is what would be put back: another run, or the owner, was faster.
    pub(super) async fn is_the_occupant(
        &self,
        original: &Original,
        record: &Record,
    ) -> Result<Option<(Location, Option<HeadObjectOutput>)>, Stop> {
        if let Some(head) = self.same_as(original, &current(original)).await?
            && inspect::last_modified(&head).zip(original.last_modified).is_none_or(|(there, ours)| there > ours)
        {
            let version_id = head.version_id().filter(|id| *id != NULL_VERSION).map(str::to_owned);
            return Ok(Some((place(SourceVersion { version_id, ..current(original) }), Some(head))));
        }
        match &record.manifest.restoration {
            Some(restoration) => self.copied_since(original, restoration.started_at).await,
            None => Ok(None),
        }
    }

    /// What an earlier run copied back, and what `HEAD` says about it. No `HEAD` when it was compared, its copy in
    /// quarantine deleted, and somebody removed it since: that was another decision than ours.
    async fn restored_by_an_earlier_run(
        &self,
        original: &Original,
        from: &SourceVersion,
        record: &Record,
    ) -> Result<Option<(Location, Option<HeadObjectOutput>)>, Stop> {
        let Some(restoration) = &record.manifest.restoration else {
            return Ok(None);
        };
        if let Some(restored) = &restoration.restored {
            let version = SourceVersion { version_id: restored.at.version_id.clone(), ..current(original) };
            if let Some(head) = self.same_as(original, &version).await? {
                return Ok(Some((restored.at.clone(), Some(head))));
            }
            let copy = inspect::head(&self.s3, from).await.map_err(|refused| Error::InspectCopy(refused.cause))?;
            return Ok(copy.is_none().then(|| (restored.at.clone(), None)));
        }
        let is_first_run = record.manifest.transitions.last().is_none_or(|last| last.what == "Restoration decided");
        if is_first_run {
            return Ok(None);
        }
        self.copied_since(original, restoration.started_at).await
    }

    /// A version that holds the same as the original did, and is neither older than it nor than the attempt.
    async fn copied_since(
        &self,
        original: &Original,
        started_at: Timestamp,
    ) -> Result<Option<(Location, Option<HeadObjectOutput>)>, Stop> {
        let since = started_at
            .saturating_sub(CLOCKS_DIFFER)
            .unwrap_or(started_at)
            .max(original.last_modified.unwrap_or_default());
        let listed = match listing::versions(&self.s3, &current(original)).await {
            Ok(listed) => listed,
            // Gone, with all that was in it; the copy back will say so.
            Err(refused) if refused.status == 404 => return Ok(None),
            Err(refused) => return Err(Error::ListVersions(refused.cause).into()),
        };
        for listed in listed {
            let is_newer = listed.version.last_modified.is_none_or(|at| at > since);
            if listed.version.size != original.size || !is_newer {
                continue;
            }
            // Without versioning S3 lists the one version as `null`.
            let version_id = Some(listed.version.version_id).filter(|id| id != NULL_VERSION);
            let version = SourceVersion { version_id, ..current(original) };
            if let Some(head) = self.same_as(original, &version).await? {
                return Ok(Some((place(version), Some(head))));
            }
        }
        Ok(None)
    }

    /// What `HEAD` says about a version that holds the same as the original did.
    async fn same_as(&self, original: &Original, version: &SourceVersion) -> Result<Option<HeadObjectOutput>, Stop> {
        let head = inspect::head(&self.s3, version).await;
        let head = match head {
            // Under a key that only its owner has (SSE-C): nothing of ours.
            Ok(None) | Err(Refusal { status: 400, .. }) => return Ok(None),
            Ok(Some(head)) => head,
            Err(refused) => return Err(Error::InspectRestored(refused.cause).into()),
        };
        let is_same = compare(&original.fingerprint(), &inspect::fingerprint(&head)).is_some()
            && self.carries_the_same(original, &place(version.clone()), &head).await?;
        Ok(is_same.then_some(head))
    }

    /// Whether what is there has the original's headers, metadata and tags.
    pub(super) async fn carries_the_same(
        &self,
        original: &Original,
        at: &Location,
        head: &HeadObjectOutput,
    ) -> Result<bool, Stop> {
        let version = SourceVersion { version_id: at.version_id.clone(), ..current(original) };
        let tags = inspect::tags(&self.s3, &version).await;
        let tags = tags.map_err(|refused| Error::InspectRestored(refused.cause))?;
        Ok(comparable(&inspect::properties(head, tags)) == comparable(&original.properties))
    }
}

fn place(version: SourceVersion) -> Location {
    let SourceVersion { bucket, key, version_id, .. } = version;
    Location { bucket, key, version_id }
}

/// Without an `Expires` that is no date: a copy in parts cannot carry it over.
fn comparable(properties: &Properties) -> Properties {
    let is_date = |text: &String| DateTime::from_str(text, DateTimeFormat::HttpDate).is_ok();
    Properties { expires: properties.expires.clone().filter(is_date), ..properties.clone() }
}
