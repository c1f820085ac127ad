//! Moves the other versions of a case's key into quarantine, each exactly as the first: as a case of its own.

use domain::quarantine::{MOST_VERSIONS_AT_ONCE, Original, OtherVersion, OtherVersions, SourceVersion, plan_version};
use domain::remediation::{Decision, Outcome};

use crate::error::Error;
use crate::handler::{Ended, Handled, Remediator};
use crate::inspect;
use crate::listing::{self, Listed};
use crate::quarantine::Job;
use crate::record::Record;

impl Remediator {
    /// Moves every remaining version of exactly this key, as many as one run can, and tells Slack.
    pub(crate) async fn quarantine_versions(&self, case_id: &str, decision: &Decision) -> Result<Handled, Error> {
        let record = Record::read(&self.records, case_id).await?;
        let unknown = || Error::UnknownCase { case_id: case_id.to_owned() };
        let mut record = record.ok_or_else(unknown)?;
        let original = record.manifest.original.clone().ok_or_else(unknown)?;
        let handled = |ended| Handled { subject_id: case_id.to_owned(), case_id: case_id.to_owned(), ended };

        let earlier = record.manifest.other_versions.take();
        let same = earlier.as_ref().is_some_and(|earlier| earlier.decision == decision.recorded());
        if same && earlier.as_ref().is_some_and(|earlier| earlier.told) {
            return Ok(handled(None));
        }
        let is_done = same && earlier.as_ref().is_some_and(|earlier| earlier.ended_at.is_some());
        let mut others = OtherVersions {
            decision: decision.recorded(),
            ended_at: earlier.as_ref().filter(|_| is_done).and_then(|earlier| earlier.ended_at),
            told: false,
            more: earlier.as_ref().is_some_and(|earlier| is_done && earlier.more),
            versions: earlier.map(|earlier| earlier.versions).unwrap_or_default(),
        };
        if !is_done {
            if !same {
                self.tell_that_versions_move(decision, &record.manifest).await;
            }
            let what = if same { "Other versions run again" } else { "Quarantine of all other versions decided" };
            record.manifest.transitions.push(self.transition(decision, what));
            self.plan_versions(&original, &record.manifest.finding_id, &mut others).await?;
            record.manifest.other_versions = Some(others.clone());
            record.write(&self.records).await?;
            let failed = Box::pin(self.move_versions(decision, &original, &mut others, &record)).await;
            if failed.is_none() {
                others.ended_at = Some((self.clock)());
            }
            let (moved, left) = others.moved_and_left();
            let what = format!("Other versions: {} in quarantine, {} not moved", moved.len(), left.len());
            record.manifest.transitions.push(self.transition(decision, what));
            record.manifest.other_versions = Some(others.clone());
            record.write(&self.records).await?;
            if let Some((count, source)) = failed {
                return Err(Error::VersionsLeft { count, source: Box::new(source) });
            }
        }
        let (moved, left) = others.moved_and_left();
        let ended = Ended::OtherVersions { moved: moved.len(), left: left.len() };
        record.manifest.other_versions = Some(others);
        self.tell_other_versions(decision, record).await?;
        Ok(handled(Some(ended)))
    }

    /// Notes every version that is there, before any is touched. What an earlier run had begun to move and is not there
    /// any more stays noted: that run may have died before it could say so.
    async fn plan_versions(
        &self,
        original: &Original,
        finding_id: &str,
        others: &mut OtherVersions,
    ) -> Result<(), Error> {
        let key = SourceVersion {
            bucket: original.bucket.clone(),
            key: original.key.clone(),
            version_id: None,
            etag: None,
            account_id: original.account_id.clone(),
        };
        let listed = listing::versions(&self.s3, &key).await.map_err(|refused| Error::ListVersions(refused.cause))?;
        others.more = listed.len() > MOST_VERSIONS_AT_ONCE;
        for listed in listed.into_iter().take(MOST_VERSIONS_AT_ONCE) {
            let Listed { version, etag } = listed;
            let case_id = plan_version(finding_id, original, &version.version_id, etag.as_deref()).case_id;
            others.note(OtherVersion { version_id: version.version_id, etag, case_id, outcome: None });
        }
        Ok(())
    }

    /// Tries every version that is noted and not in quarantine, and goes on after one that fails. Answers how many failed
    /// in a way that may heal, and the last error.
    async fn move_versions(
        &self,
        decision: &Decision,
        original: &Original,
        others: &mut OtherVersions,
        record: &Record,
    ) -> Option<(usize, Error)> {
        let mut failed = None;
        let mut count = 0;
        let waiting = others.versions.clone().into_iter();
        for version in waiting.filter(|version| !version.outcome.as_ref().is_some_and(Outcome::is_quarantined)) {
            match self.move_version(decision, original, &version, record).await {
                // Deleted by somebody else.
                Ok(Outcome::AlreadyGone) => others.versions.retain(|noted| noted.case_id != version.case_id),
                Ok(outcome) => others.note(OtherVersion { outcome: Some(outcome), ..version }),
                Err(error) => {
                    let case_id = &version.case_id;
                    tracing::warn!(case.id = case_id, error = platform::chain(&error), "could not move a version");
                    count += 1;
                    failed = Some(error);
                }
            }
        }
        failed.map(|error| (count, error))
    }

    async fn move_version(
        &self,
        decision: &Decision,
        original: &Original,
        version: &OtherVersion,
        record: &Record,
    ) -> Result<Outcome, Error> {
        let manifest = &record.manifest;
        let job = Job {
            plan: plan_version(&manifest.finding_id, original, &version.version_id, version.etag.as_deref()),
            finding_id: &manifest.finding_id,
            finding_type: &manifest.finding_type,
            region: manifest.region.as_deref(),
            decision,
        };
        let known = Record::read(&self.records, &version.case_id).await?;
        if let Some(outcome) = known.as_ref().and_then(|known| known.manifest.outcome())
            && outcome.is_quarantined()
            && matches!(inspect::head(&self.s3, &job.plan.source).await, Ok(None))
        {
            // By an earlier run that died before it could say so here.
            return Ok(outcome.clone());
        }
        let (_, outcome) = Box::pin(self.quarantine(&job, known, true)).await?;
        Ok(outcome)
    }
}
