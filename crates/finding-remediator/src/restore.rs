//! Puts the object of a case back where it came from: the quarantine backwards.
//!
//! Record, copy (only if the key is free), compare, record, note, delete the copy, check, record, tell, record. A crash
//! after any of these leaves the object in quarantine, in its bucket, or in both; the next run finds out which.

mod find;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use domain::finding::NULL_VERSION;
use domain::quarantine::{
    CopyLeft, Location, Occupant, Original, Place, Restoration, RestorationState, RestoreOutcome, Restored, RestoredTo,
    SourceVersion, cases_of_restored, compare, compare_with_both, place, restored_key,
};
use domain::remediation::{Decision, Outcome, Proof, Step};

use crate::copy::{Keep, OnlyIf, Tags, Transfer};
use crate::error::{Error, Refusal};
use crate::handler::{Ended, Handled, Invocation, Remediator};
use crate::record::Record;
use crate::{copy, inspect, remove};

type Stop = crate::error::Stop<RestoreOutcome>;

/// The object is back in its bucket.
struct Back {
    at: Location,
    /// What `HEAD` says about it, and how it was compared; none when it was compared before, and somebody removed it since.
    found: Option<(HeadObjectOutput, Proof)>,
}

impl Remediator {
    /// Puts the object back, unless that was done, and tells Slack.
    pub(crate) async fn restore(
        &self,
        case_id: &str,
        decision: &Decision,
        invocation: &Invocation,
    ) -> Result<Handled, Error> {
        let record = Record::read(&self.records, case_id).await?;
        let mut record = record.ok_or_else(|| Error::UnknownCase { case_id: case_id.to_owned() })?;
        let handled = |outcome: Option<RestoreOutcome>| Handled {
            subject_id: case_id.to_owned(),
            case_id: case_id.to_owned(),
            ended: outcome.map(Ended::Restoration),
        };
        if let Some(run) = self.other_run(&record.content, invocation) {
            self.tell_that_it_is_under_way(decision, run).await;
            return Ok(handled(None));
        }
        let earlier = record.content.restoration.as_ref();
        let same = earlier.is_some_and(|earlier| earlier.decision == decision.recorded());
        let outcome = match earlier.and_then(Restoration::outcome).cloned() {
            Some(_) if same && earlier.is_some_and(Restoration::was_told) => None,
            Some(outcome) if same => {
                self.tell_restoration(decision, record).await?;
                Some(outcome)
            }
            Some(outcome) if outcome.is_restored() => {
                self.tell_that_it_was_restored(decision, &record.content).await;
                Some(outcome)
            }
            _ => {
                self.begin_restoration(decision, invocation, &mut record).await?;
                if !same {
                    self.tell_that_restoring_begins(decision, &record.content).await;
                }
                let outcome = match Box::pin(self.put_back(decision, &mut record)).await {
                    Ok(outcome) | Err(Stop::Ended(outcome)) => outcome,
                    Err(Stop::Failed(error)) => {
                        record.let_go(&self.records).await;
                        return Err(error);
                    }
                };
                self.end_restoration(decision, &mut record, outcome.clone()).await?;
                self.tell_restoration(decision, record).await?;
                Some(outcome)
            }
        };
        Ok(handled(outcome))
    }

    /// Takes the case for this run, and records that the restoration begins, or goes on where an earlier run stopped.
    async fn begin_restoration(
        &self,
        decision: &Decision,
        invocation: &Invocation,
        record: &mut Record,
    ) -> Result<(), Error> {
        let unfinished = record.content.restoration.take().filter(|earlier| earlier.outcome().is_none());
        let what = if unfinished.is_some() { "Restoration run again" } else { "Restoration decided" };
        let started_at = unfinished.as_ref().map_or_else(|| (self.clock)(), |earlier| earlier.started_at);
        record.content.restoration = Some(Restoration {
            decision: decision.recorded(),
            started_at,
            restored: unfinished.and_then(|earlier| earlier.restored),
            state: RestorationState::Started,
        });
        record.content.run = Some(invocation.run(decision));
        record.content.transitions.push(self.transition(decision, what));
        record.write(&self.records).await
    }

    async fn end_restoration(
        &self,
        decision: &Decision,
        record: &mut Record,
        outcome: RestoreOutcome,
    ) -> Result<(), Error> {
        let ended = self.transition(decision, describe(&outcome));
        if let Some(restoration) = &mut record.content.restoration {
            restoration.state = RestorationState::Ended { outcome, at: ended.at, told: false };
        }
        record.content.run = None;
        record.content.transitions.push(ended);
        record.write(&self.records).await
    }

    /// The restoration itself.
    async fn put_back(&self, decision: &Decision, record: &mut Record) -> Result<RestoreOutcome, Stop> {
        let outcome = record.content.outcome();
        let (left_a_copy, was_moved) =
            (outcome.is_some_and(Outcome::left_a_copy), outcome.is_some_and(Outcome::is_quarantined));
        let Some(original) = record.content.original.clone().filter(|_| left_a_copy) else {
            return Ok(RestoreOutcome::NotInQuarantine);
        };
        // Whoever started this asked too, but maybe not of this configuration.
        if let Some(why) = self.config.sources.obstacle_of(&original) {
            return Ok(RestoreOutcome::OutOfReach { why });
        }
        let from = self.quarantined(&record.content.quarantine);
        let copy = inspect::head(&self.s3, &from).await.map_err(|refused| Error::InspectCopy(refused.cause))?;
        let back = self.back_already(&original, copy.as_ref(), record, was_moved).await?;
        let Back { at, found } = if let Some(back) = back {
            back
        } else {
            let copy = copy.ok_or(Stop::Ended(RestoreOutcome::CopyGone))?;
            match self.copy_back(&original, &from, &copy, record).await {
                // A run that is over, or whose record somebody else's replaced, may be what put it there.
                Err(Stop::Ended(occupied @ RestoreOutcome::Occupied { .. })) => {
                    match self.is_the_occupant(&original, &copy, record).await? {
                        Some(back) => back,
                        None => return Ok(occupied),
                    }
                }
                copied => copied?,
            }
        };
        if let Some((head, proof)) = found {
            let etag = inspect::etag(&head);
            self.record_restored(decision, record, RestoredTo { at: at.clone(), etag, proof }).await?;
            // The person's decision outlives the next scan, which finds the object as a case of its own.
            let note = Restored {
                from_case_id: record.content.case_id.clone(),
                decision: decision.recorded(),
                at: (self.clock)(),
            };
            for case_id in cases_of_restored(&at, inspect::etag(&head).as_deref(), inspect::last_modified(&head)) {
                self.records.replace(&restored_key(&case_id), &note).await.map_err(Error::WriteRecord)?;
            }
        }
        Ok(RestoreOutcome::Restored { copy: remove::copies(&self.s3, &from, (self.clock)()).await? })
    }

    async fn record_restored(
        &self,
        decision: &Decision,
        record: &mut Record,
        restored: RestoredTo,
    ) -> Result<(), Error> {
        if let Some(restoration) = &mut record.content.restoration {
            restoration.restored = Some(restored);
        }
        record.content.transitions.push(self.transition(decision, "Copied back and compared"));
        record.write(&self.records).await
    }

    /// Copies the object back, if nothing newer is in its place.
    async fn copy_back(
        &self,
        original: &Original,
        from: &SourceVersion,
        copy: &HeadObjectOutput,
        record: &Record,
    ) -> Result<Back, Stop> {
        if compare(&original.fingerprint(), &inspect::fingerprint(copy)).is_none() {
            return Err(Error::CopyDiffers.into());
        }
        let there = inspect::head(&self.s3, &current(original)).await.map_err(not_readable)?;
        let occupant = there.map(|head| Occupant {
            version_id: head.version_id().map(str::to_owned),
            etag: head.e_tag().map(str::to_owned),
            last_modified: inspect::last_modified(&head),
        });
        let only_if = match place(occupant, original) {
            Place::Free => OnlyIf::Free,
            Place::OnTopOf { etag } => OnlyIf::Matches(etag),
            Place::Occupied { since } => return Err(Stop::Ended(RestoreOutcome::Occupied { since })),
        };
        let mut at = Location { bucket: original.bucket.clone(), key: original.key.clone(), version_id: None };
        let transfer = Transfer {
            from,
            head: copy,
            properties: &original.properties,
            to: &at,
            owner: original.account_id.as_deref(),
            only_if,
            tags: Tags::AsRecorded,
            keep: as_it_was(original),
        };
        let written = Box::pin(copy::copy(&self.s3, &transfer)).await.map_err(not_written)?;
        at.version_id = written.version_id.filter(|id| id != NULL_VERSION);
        tracing::info!(case.id = record.content.case_id, "copied the object back");
        let restored = SourceVersion { version_id: at.version_id.clone(), ..current(original) };
        let head = inspect::head(&self.s3, &restored).await;
        let head = head.map_err(|refused| Error::InspectRestored(refused.cause))?;
        // Somebody else deleted or replaced it at once: the next run looks at what is there now.
        let head = head.ok_or(Error::RestoredDiffers)?;
        // Without a version of its own, somebody else's upload may be what is looked at.
        let is_ours = written.etag.is_none_or(|etag| head.e_tag() == Some(&etag));
        let (copied, there) = (inspect::fingerprint(copy), inspect::fingerprint(&head));
        let proof = compare_with_both(&original.fingerprint(), &copied, &there).filter(|_| is_ours);
        let is_same = proof.is_some() && self.carries_the_same(original, &at, &head).await?;
        let Some(proof) = proof.filter(|_| is_same) else {
            // Left there, it would be read as the original, and be in the way of the next attempt. Without a version of
            // its own it may be what somebody else has uploaded over it since, which is not ours to delete.
            if restored.version_id.is_none() {
                return Err(Stop::Ended(RestoreOutcome::Differs));
            }
            remove::failed_restoration(&self.s3, &restored, &head).await;
            return Err(Error::RestoredDiffers.into());
        };
        Ok(Back { at, found: Some((head, proof)) })
    }
}

/// What lies under the original's key now.
fn current(original: &Original) -> SourceVersion {
    SourceVersion {
        bucket: original.bucket.clone(),
        key: original.key.clone(),
        version_id: None,
        etag: None,
        account_id: original.account_id.clone(),
    }
}

/// Storage class and encryption of the original.
fn as_it_was(original: &Original) -> Keep {
    let class = original.storage_class.as_deref().map(StorageClass::from);
    // Classes that no bucket of this kind can hold, or that S3 does not name any more, become its usual one.
    let class = class.filter(|class| {
        matches!(
            class,
            StorageClass::DeepArchive
                | StorageClass::Glacier
                | StorageClass::GlacierIr
                | StorageClass::IntelligentTiering
                | StorageClass::OnezoneIa
                | StorageClass::ReducedRedundancy
                | StorageClass::StandardIa
        )
    });
    let encryption = original.encryption.as_deref().map(ServerSideEncryption::from);
    let under_kms = matches!(encryption, Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse));
    Keep {
        storage_class: class,
        encryption,
        kms_key_id: original.kms_key_id.clone().filter(|_| under_kms),
        bucket_key: under_kms.then_some(original.bucket_key),
    }
}

/// How a look at the original's key that S3 refused ends the restoration, or that it failed.
fn not_readable(refusal: Refusal) -> Stop {
    Stop::Ended(match refusal.status {
        // A bucket of that name in another Region is another bucket.
        301 => RestoreOutcome::BucketGone,
        // Something is there that nobody can look at without its own key.
        400 => RestoreOutcome::Occupied { since: None },
        403 => RestoreOutcome::AccessDenied { step: Step::Read },
        _ => return Error::InspectRestored(refusal.cause).into(),
    })
}

/// How a copy back that S3 refused ends the restoration, or that it failed.
fn not_written(refusal: Refusal) -> Stop {
    Stop::Ended(match (refusal.status, refusal.code.as_str()) {
        (412, _) => RestoreOutcome::Occupied { since: None },
        (404, "NoSuchBucket") | (301, _) => RestoreOutcome::BucketGone,
        (404, "NoSuchKey" | "NoSuchVersion") => RestoreOutcome::CopyGone,
        _ if refusal.is_about_the_key() => RestoreOutcome::KeyUnusable,
        (403, _) => RestoreOutcome::AccessDenied { step: Step::Copy },
        _ => return Error::Restore(refusal.cause).into(),
    })
}

fn describe(outcome: &RestoreOutcome) -> &'static str {
    match outcome {
        RestoreOutcome::Restored { copy: CopyLeft::Deleted } => "Restored; the copy in quarantine is deleted",
        RestoreOutcome::Restored { .. } => "Restored; the copy in quarantine could not be deleted",
        RestoreOutcome::NotInQuarantine => "Not restored: the object is not in quarantine",
        RestoreOutcome::Occupied { .. } => "Not restored: something newer lies under the key",
        RestoreOutcome::CopyGone => "Not restored: the copy in quarantine was gone",
        RestoreOutcome::AccessDenied { .. } => "Not restored: access denied",
        RestoreOutcome::KeyUnusable => "Not restored: the encryption key cannot be used",
        RestoreOutcome::OutOfReach { .. } => "Not restored: this deployment may not touch the bucket",
        RestoreOutcome::BucketGone => "Not restored: the bucket was gone",
        RestoreOutcome::Differs => "Not restored: what lies under the key now differs, and was left there",
    }
}
