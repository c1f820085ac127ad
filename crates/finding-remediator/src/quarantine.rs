//! Moves one version of an object into quarantine.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use domain::finding::{Finding, FindingType, Severity};
use domain::policy::Why;
use domain::quarantine::{
    Claim, Manifest, Original, Plan, SourceVersion, State, Subject, claim_key, may_be_moved, plan,
};
use domain::remediation::{Decision, Outcome, Proof, Step};
use platform::metrics::Metric;

use crate::copy::{Keep, OnlyIf, Tags, Transfer};
use crate::error::{Error, Refusal, Stop};
use crate::handler::{Ended, Handled, Invocation, Remediator};
use crate::record::Record;
use crate::{copy, inspect, listing, remove};

/// How many of the other versions the record names.
const MOST_NAMED: usize = 10;

/// What lies where a quarantined object was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing, or something else.
    Empty,
    /// The same bytes once more.
    Taken,
    /// Nobody may look: so S3 answers about what is gone, too, to whoever may not list the bucket.
    Hidden,
}

/// A version to be moved, and why.
pub(crate) struct Job<'a> {
    pub(crate) plan: Plan,
    pub(crate) finding_id: &'a str,
    pub(crate) finding_type: &'a FindingType,
    pub(crate) severity: Option<Severity>,
    pub(crate) region: Option<&'a str>,
    pub(crate) decision: &'a Decision,
    pub(crate) invocation: &'a Invocation,
}

impl Job<'_> {
    fn subject(&self) -> Subject<'_> {
        let Self { finding_id, finding_type, severity, region, .. } = *self;
        Subject { finding_id, finding_type, severity, region }
    }

    /// Whether the record is about this very request, not about an earlier finding or decision of the same case.
    fn is_same(&self, manifest: &Manifest) -> bool {
        manifest.is_of(self.finding_id, self.decision)
    }
}

impl Remediator {
    /// Quarantines the finding's object, unless that was done, and tells Slack if somebody clicked for it.
    pub(crate) async fn quarantine_finding(
        &self,
        finding: &Finding,
        decision: &Decision,
        invocation: &Invocation,
    ) -> Result<Handled, Error> {
        let mut plan = plan(finding).map_err(|source| Error::Unplannable { finding_id: finding.id.clone(), source })?;
        // A finding that names no account is about this one: others are only shown.
        plan.source.account_id.get_or_insert_with(|| self.config.sources.account_id.clone());
        let case_id = plan.case_id.clone();
        let job = Job {
            plan,
            finding_id: &finding.id,
            finding_type: &finding.kind,
            severity: finding.severity(),
            region: finding.region.as_deref(),
            decision,
            invocation,
        };
        let record = Record::read(&self.records, &case_id).await?;
        if let Some(run) = record.as_ref().and_then(|record| self.other_run(&record.content, invocation)) {
            self.tell_that_it_is_under_way(decision, run).await;
            return Ok(Handled { subject_id: finding.id.clone(), case_id, ended: None });
        }

        let known = record.as_ref().map(|record| &record.content);
        let same = known.is_some_and(|manifest| job.is_same(manifest));
        let is_quarantined = known.is_some_and(Manifest::is_quarantined);
        // What this very request moved is not looked for: it ended here.
        let place = if is_quarantined && !same { self.look_at(&job.plan.source).await? } else { Place::Empty };
        let is_done = is_quarantined && place == Place::Empty;
        let outcome = match record {
            Some(record) if same && was_told(&record.content) => None,
            record if !is_done && self.may_begin(finding, &job, record.as_ref()).await? => {
                let record = self.begin(&job, record).await?;
                // Only the first run of a request: a message can be replaced five times.
                if !same {
                    self.tell_that_it_begins(finding, decision).await;
                }
                let (record, outcome) = Box::pin(self.quarantine(&job, record, is_silent(decision))).await?;
                Box::pin(self.tell_quarantine(finding, decision, record, false)).await?;
                Some(outcome)
            }
            // Of what is back, nobody is told that it is in quarantine.
            Some(record) if is_quarantined && place != Place::Taken => {
                let outcome = record.content.outcome().cloned();
                Box::pin(self.tell_quarantine(finding, decision, record, !same)).await?;
                outcome
            }
            _ => {
                tracing::info!(finding.id = finding.id, case.id = case_id, "somebody decided otherwise meanwhile");
                None
            }
        };
        Ok(Handled { subject_id: finding.id.clone(), case_id, ended: outcome.map(Ended::Quarantine) })
    }

    /// Whether the object is to be moved: what was begun is gone on with; else the case's claim is asked, since hours may
    /// lie between a decision and its run.
    async fn may_begin(&self, finding: &Finding, job: &Job<'_>, record: Option<&Record>) -> Result<bool, Error> {
        let manifest = record.map(|record| &record.content);
        if manifest.is_some_and(|manifest| job.is_same(manifest) && manifest.state == State::Started) {
            return Ok(true);
        }
        let claim: Option<Claim> = self.records.read(&claim_key(&job.plan.case_id)).await.map_err(Error::ReadRecord)?;
        Ok(may_be_moved(finding, job.decision, claim.as_ref(), manifest))
    }

    /// Whether the same bytes lie under the same key once more. A version id is given out once; without one, somebody
    /// may have uploaded the file again after it was quarantined.
    async fn look_at(&self, source: &SourceVersion) -> Result<Place, Error> {
        if !source.is_mutable() || self.obstacle(source).is_some() {
            return Ok(Place::Empty);
        }
        match inspect::head(&self.s3, &source.current()).await {
            Ok(Some(head)) if inspect::is_as_scanned(&head, source) => Ok(Place::Taken),
            Ok(_) => Ok(Place::Empty),
            Err(refused) if refused.status == 403 => Ok(Place::Hidden),
            Err(refused) => Err(Error::Inspect(refused.cause)),
        }
    }

    fn obstacle(&self, source: &SourceVersion) -> Option<Why> {
        self.config.sources.obstacle_at(source.account_id.as_deref(), Some(source.bucket.as_str()))
    }

    /// Moves the object of a record that has begun, and records how that ended. `told` when nobody waits for a message
    /// about this version alone.
    pub(crate) async fn quarantine(
        &self,
        job: &Job<'_>,
        mut record: Record,
        told: bool,
    ) -> Result<(Record, Outcome), Error> {
        let ended = match Box::pin(self.relocate(job, &mut record)).await {
            Ok(outcome) | Err(Stop::Ended(outcome)) => self.with_copy(outcome, &mut record).await,
            Err(Stop::Failed(error)) => Err(error),
        };
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(error) => {
                record.let_go(&self.records).await;
                return Err(error);
            }
        };
        let ended = self.transition(job.decision, describe(&outcome));
        record.content.run = None;
        record.content.state = State::Ended { outcome: outcome.clone(), at: ended.at, told };
        record.content.transitions.push(ended);
        record.write(&self.records).await?;
        let end = if outcome.is_quarantined() { Metric::ObjectsQuarantined } else { Metric::ObjectsNotMoved };
        self.metrics.count(end);
        self.metrics.flush((self.clock)());
        Ok((record, outcome))
    }

    /// Takes the case for this run, before anything else is looked at: of two runs at once, only one can write that it
    /// begins.
    pub(crate) async fn begin(&self, job: &Job<'_>, record: Option<Record>) -> Result<Record, Error> {
        let (subject, decision, now) = (job.subject(), job.decision, (self.clock)());
        let mut record = if let Some(mut record) = record {
            record.content.begin_again(&job.plan, &subject, decision, now);
            record
        } else {
            Record::new(Manifest::begin(&job.plan, &subject, &self.config.quarantine_bucket, decision, now))
        };
        record.content.run = Some(job.invocation.run(decision));
        record.write(&self.records).await?;
        Ok(record)
    }

    /// The move itself. A crash after any line leaves the object in its bucket, in quarantine, or in both, never in
    /// neither; the record that is written before the copy lets the next run see which.
    async fn relocate(&self, job: &Job<'_>, record: &mut Record) -> Result<Outcome, Stop> {
        let mut source = job.plan.source.clone();
        if let Some(why) = self.obstacle(&source) {
            return Ok(Outcome::OutOfReach { why, copied: false });
        }
        if source.version_id.is_none() {
            // What an earlier run of this move looked at may have got a newer version on top since.
            source.version_id = record.content.original.as_ref().and_then(|original| original.version_id.clone());
        }
        let head = match self.scanned(&mut source).await {
            Ok(Some(head)) if inspect::is_as_scanned(&head, &source) => head,
            Ok(Some(_)) => return self.finish_or(Outcome::ChangedSinceScan { copied: false }, &source, record).await,
            Ok(None) => return self.finish_or(Outcome::AlreadyGone, &source, record).await,
            // A bucket cannot move: if a copy was made, it was deleted since with all that it held, and made anew.
            Err(Stop::Ended(Outcome::OtherRegion)) => {
                return self.finish_or(Outcome::OtherRegion, &source, record).await;
            }
            Err(stop) => return Err(stop),
        };
        if let Some(obstacle) = inspect::obstacle(&head, (self.clock)()) {
            return Ok(obstacle);
        }
        // Macie names no version where the bucket had no versioning. If it has by now, only a delete by version
        // removes the bytes; without one, S3 would hide them behind a delete marker.
        if source.version_id.is_none() {
            source.version_id = head.version_id().map(str::to_owned);
        }
        source.etag = inspect::etag(&head).or(source.etag);
        let tags = match inspect::tags(&self.s3, &source).await {
            Ok(tags) => tags,
            Err(refusal) => return self.refused(copy::refused(refusal, &head, Step::Read), &source, record).await,
        };
        let original = inspect::original(&head, &source, tags);
        let is_same = record.content.original.as_ref() == Some(&original);
        let has_copy = is_same && self.find_copy(record).await? && record.content.copy_is_fresh((self.clock)());
        if !has_copy {
            // The copy of an earlier run, if there is one, may expire before this one: whoever goes on takes the newest.
            record.content.quarantine.version_id = None;
            record.content.copied_at = None;
        }
        record.content.original = Some(original.clone());
        record.write(&self.records).await?;
        if !has_copy {
            let transfer = Transfer {
                from: &source,
                head: &head,
                properties: &original.properties,
                to: &record.content.quarantine,
                owner: Some(&self.config.sources.account_id),
                only_if: OnlyIf::Always,
                tags: Tags::AsTheyAre,
                keep: Keep::default(),
            };
            let written = match Box::pin(copy::copy(&self.s3, &transfer)).await {
                Ok(written) => written,
                Err(refusal) => return self.refused(copy::refused(refusal, &head, Step::Copy), &source, record).await,
            };
            record.content.quarantine.version_id = written.version_id;
        }
        let proof = self.verify(&original, record).await?.ok_or(Error::CopyDiffers)?;
        remove::original(&self.s3, &source, &head).await?;
        remove::check_gone(&self.s3, &source).await?;
        let remaining_versions = self.look_for_others(&source, &mut record.content).await;
        Ok(Outcome::Quarantined { proof, remaining_versions })
    }

    /// A call about the original was refused. If it is gone, somebody else moved or deleted it since the look at it.
    async fn refused(&self, stop: Stop, source: &SourceVersion, record: &mut Record) -> Result<Outcome, Stop> {
        match stop {
            Stop::Ended(gone @ (Outcome::AlreadyGone | Outcome::ChangedSinceScan { .. })) => {
                self.finish_or(gone, source, record).await
            }
            stop => Err(stop),
        }
    }

    /// What lies where the scanned version was. What was scanned without a version may live on as the version `null`
    /// below a newer one, if versioning was turned on since.
    async fn scanned(&self, source: &mut SourceVersion) -> Result<Option<HeadObjectOutput>, Stop> {
        let found = inspect::source(&self.s3, source).await?;
        let is_it = found.as_ref().is_some_and(|head| inspect::is_as_scanned(head, source));
        if is_it || source.version_id.is_some() {
            return Ok(found);
        }
        let below = source.null();
        match inspect::head(&self.s3, &below).await {
            Ok(Some(head)) if inspect::is_as_scanned(&head, &below) => {
                *source = below;
                Ok(Some(head))
            }
            // Without it, what was found first counts.
            Ok(_) | Err(Refusal { status: 400 | 403, .. }) => Ok(found),
            Err(refused) => Err(Error::Inspect(refused.cause).into()),
        }
    }

    /// Whatever stopped the move, be it at its last step or at its first look, a copy of this or an earlier attempt may
    /// lie in quarantine: then the record says so, and offers Restore.
    async fn with_copy(&self, outcome: Outcome, record: &mut Record) -> Result<Outcome, Error> {
        if outcome.is_quarantined() {
            return Ok(outcome);
        }
        let copied = self.find_copy(record).await?;
        Ok(outcome.with_copy(copied))
    }

    /// Looks for the copy of an earlier run of this move, which may have died before it could record it, and records it:
    /// a second one would stay behind when the object is restored.
    async fn find_copy(&self, record: &mut Record) -> Result<bool, Error> {
        let Some(original) = &record.content.original else {
            return Ok(false);
        };
        let at = self.quarantined(&record.content.quarantine).current();
        match copy::verify(&self.s3, &original.fingerprint(), &at).await {
            Ok(Some(copied)) => {
                record.content.quarantine.version_id = copied.version_id;
                record.content.copied_at = copied.made_at;
                Ok(true)
            }
            // Of another move, or damaged.
            Ok(None) | Err(Error::CopyDiffers) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Compares the copy that is recorded, or else the newest, with the original, and records which it is and how old: S3
    /// deletes it by its own age, whenever the move ends. None when there is no copy.
    async fn verify(&self, original: &Original, record: &mut Record) -> Result<Option<Proof>, Error> {
        let at = self.quarantined(&record.content.quarantine);
        let copied = copy::verify(&self.s3, &original.fingerprint(), &at).await?;
        Ok(copied.map(|copied| {
            record.content.quarantine.version_id = copied.version_id;
            record.content.copied_at = copied.made_at;
            copied.proof
        }))
    }

    /// The scanned version is not there. If an earlier run had copied it, that run died after it deleted the original,
    /// and the move is complete; else somebody else was faster, and `otherwise` is what happened.
    async fn finish_or(
        &self,
        otherwise: Outcome,
        source: &SourceVersion,
        record: &mut Record,
    ) -> Result<Outcome, Stop> {
        let Some(original) = record.content.original.clone() else {
            return Ok(otherwise);
        };
        let Some(proof) = self.verify(&original, record).await? else {
            return Ok(otherwise);
        };
        let remaining_versions = self.look_for_others(source, &mut record.content).await;
        Ok(Outcome::Quarantined { proof, remaining_versions })
    }

    /// Notes the key's other versions and counts them. None when they cannot be listed: the move itself is done, and
    /// must not fail over a number.
    async fn look_for_others(&self, source: &SourceVersion, manifest: &mut Manifest) -> Option<u32> {
        manifest.remaining.clear();
        match listing::versions(&self.s3, source).await {
            Ok(found) => {
                let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
                manifest.remaining.extend(found.into_iter().take(MOST_NAMED).map(|listed| listed.version));
                Some(count)
            }
            Err(refusal) => {
                let error = platform::chain(refusal.cause.as_ref());
                tracing::warn!(error, "could not list the other versions of the key");
                None
            }
        }
    }
}

/// What nobody clicked for is told by `FindingHandler`, at Slack's pace and in a digest if need be: Lambda puts this
/// request into its queue once it has ended.
pub(crate) fn is_silent(decision: &Decision) -> bool {
    decision.click().is_none()
}

fn was_told(manifest: &Manifest) -> bool {
    matches!(manifest.state, State::Ended { told: true, .. })
}

fn describe(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Quarantined { .. } => "Copied, compared, deleted from its bucket",
        Outcome::AlreadyGone => "Not moved: the version was gone",
        Outcome::ChangedSinceScan { .. } => "Not moved: the object changed since the scan",
        Outcome::Locked { .. } => "Not moved: locked",
        Outcome::AccessDenied { step: Step::Read, copied: true } => "Copied; not finished: access denied",
        Outcome::AccessDenied { .. } => "Not moved: access denied",
        Outcome::KeyUnusable { .. } => "Not moved: the encryption key cannot be used",
        Outcome::Archived { .. } => "Not moved: archived",
        Outcome::OtherRegion => "Not moved: the bucket is in another Region",
        Outcome::OutOfReach { copied: false, .. } => "Not moved: this deployment may not touch the bucket",
        Outcome::OutOfReach { copied: true, .. } => "Copied; not finished: this deployment may not touch the bucket",
    }
}
