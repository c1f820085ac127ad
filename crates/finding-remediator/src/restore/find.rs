//! Finds out whether the object is back already: an earlier run may have copied it before it died.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use domain::finding::NULL_VERSION;
use domain::quarantine::{Location, Original, SourceVersion, compare, recognize};
use domain::remediation::Proof;
use jiff::{SignedDuration, Timestamp};

use super::{Back, Stop, current, not_readable};
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
        copy: Option<&HeadObjectOutput>,
        record: &Record,
        was_moved: bool,
    ) -> Result<Option<Back>, Stop> {
        if !was_moved {
            // Its version id alone names it, or its `ETag`, where an upload can take its place.
            let (version_id, etag) = (original.version_id.clone(), original.etag.clone());
            let version = SourceVersion { version_id, etag, ..current(original) };
            if let Some(back) = self.same_as(original, copy, version).await? {
                return Ok(Some(back));
            }
        }
        self.restored_by_an_earlier_run(original, copy, record).await
    }

    /// Whether what stands in the way is what would be put back: another run, or the owner, was faster.
    pub(super) async fn is_the_occupant(
        &self,
        original: &Original,
        copy: &HeadObjectOutput,
        record: &Record,
    ) -> Result<Option<Back>, Stop> {
        if let Some(mut back) = self.same_as(original, Some(copy), current(original)).await?
            && let Some((head, _)) = &back.found
            && inspect::last_modified(head).zip(original.last_modified).is_none_or(|(there, ours)| there > ours)
        {
            back.at.version_id = head.version_id().filter(|id| *id != NULL_VERSION).map(str::to_owned);
            return Ok(Some(back));
        }
        match &record.content.restoration {
            Some(restoration) => self.copied_since(original, Some(copy), restoration.started_at).await,
            None => Ok(None),
        }
    }

    /// What an earlier run copied back. It may be gone when it was compared, its copy in quarantine deleted, and somebody
    /// removed it since: that was another decision than ours.
    async fn restored_by_an_earlier_run(
        &self,
        original: &Original,
        copy: Option<&HeadObjectOutput>,
        record: &Record,
    ) -> Result<Option<Back>, Stop> {
        let Some(restoration) = &record.content.restoration else {
            return Ok(None);
        };
        if let Some(restored) = &restoration.restored {
            let (version_id, etag) = (restored.at.version_id.clone(), restored.etag.clone());
            let version = SourceVersion { version_id, etag, ..current(original) };
            if let Some(back) = self.same_as(original, copy, version).await? {
                return Ok(Some(back));
            }
            return Ok(copy.is_none().then(|| Back { at: restored.at.clone(), found: None }));
        }
        let is_first_run = record.content.transitions.last().is_none_or(|last| last.what == "Restoration decided");
        if is_first_run {
            return Ok(None);
        }
        self.copied_since(original, copy, restoration.started_at).await
    }

    /// A version that holds the same as the original did, and is neither older than it nor than the attempt.
    async fn copied_since(
        &self,
        original: &Original,
        copy: Option<&HeadObjectOutput>,
        started_at: Timestamp,
    ) -> Result<Option<Back>, Stop> {
        let since = started_at
            .saturating_sub(CLOCKS_DIFFER)
            .unwrap_or(started_at)
            .max(original.last_modified.unwrap_or_default());
        let listed = match listing::versions(&self.s3, &current(original)).await {
            Ok(listed) => listed,
            // Gone, with all that was in it, or not to be listed: what is current can be looked at all the same.
            Err(Refusal { status: 403 | 404, .. }) => return Ok(None),
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
            if let Some(back) = self.same_as(original, copy, version).await? {
                return Ok(Some(back));
            }
        }
        Ok(None)
    }

    /// A version that holds the same as the original did: the very upload with the recorded `ETag`, where `version` has
    /// one, else one with the same bytes. The copy in quarantine is deleted for what is found here, so that the size alone
    /// is not enough, which an unrelated file may have too.
    async fn same_as(
        &self,
        original: &Original,
        copy: Option<&HeadObjectOutput>,
        version: SourceVersion,
    ) -> Result<Option<Back>, Stop> {
        let head = match inspect::head(&self.s3, &version).await {
            // Under a key that only its owner has (SSE-C): nothing of ours.
            Ok(None) | Err(Refusal { status: 400, .. }) => return Ok(None),
            Ok(Some(head)) => head,
            Err(refused) => return Err(not_readable(refused)),
        };
        let (expected, there) = (original.fingerprint(), inspect::fingerprint(&head));
        let proof = match version.etag.clone() {
            Some(value) => compare(&expected, &there)
                .filter(|_| inspect::is_as_scanned(&head, &version))
                .map(|proof| if proof == Proof::Size { Proof::Etag { value } } else { proof }),
            None => recognize(&expected, copy.map(inspect::fingerprint).as_ref(), &there),
        };
        let at = Location { bucket: version.bucket, key: version.key, version_id: version.version_id };
        let is_same = proof.is_some() && self.carries_the_same(original, &at, &head).await?;
        Ok(proof.filter(|_| is_same).map(|proof| Back { at, found: Some((head, proof)) }))
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
        Ok(inspect::properties(head, tags) == original.properties)
    }
}
