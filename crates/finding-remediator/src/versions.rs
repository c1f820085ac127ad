//! Moves the other versions of a case's key into quarantine, each exactly as the first: as a case of its own.

use domain::quarantine::{
    MOST_VERSIONS_AT_ONCE, Manifest, Original, OtherVersion, OtherVersions, SourceVersion, plan_version,
};
use domain::remediation::{Decision, Outcome};

use crate::error::Error;
use crate::handler::{Ended, Handled, Invocation, Remediator};
use crate::inspect;
use crate::listing::{self, Listed};
use crate::quarantine::Job;
use crate::record::Record;

/// Whose decision it is, and about which key.
#[derive(Clone, Copy)]
struct Moving<'a> {
    decision: &'a Decision,
    invocation: &'a Invocation,
    original: &'a Original,
    manifest: &'a Manifest,
}

impl Remediator {
    /// Moves every remaining version of exactly this key, as many as one run can, and tells Slack.
    pub(crate) async fn quarantine_versions(
        &self,
        case_id: &str,
        decision: &Decision,
        invocation: &Invocation,
    ) -> Result<Handled, Error> {
        let record = Record::read(&self.records, case_id).await?;
        let unknown = || Error::UnknownCase { case_id: case_id.to_owned() };
        let mut record = record.ok_or_else(unknown)?;
        let original = record.content.original.clone().ok_or_else(unknown)?;
        let handled = |ended| Handled { subject_id: case_id.to_owned(), case_id: case_id.to_owned(), ended };

        if let Some(run) = self.other_run(&record.content, invocation) {
            self.tell_that_it_is_under_way(decision, run).await;
            return Ok(handled(None));
        }
        let earlier = record.content.other_versions.take();
        let same = earlier.as_ref().is_some_and(|earlier| earlier.decision == decision.recorded());
        if same && earlier.as_ref().is_some_and(|earlier| earlier.told) {
            return Ok(handled(None));
        }
        let mut others = OtherVersions::resume(earlier, decision);
        let is_done = others.ended_at.is_some();
        if !is_done {
            let what = if same { "Other versions run again" } else { "Quarantine of all other versions decided" };
            record.content.transitions.push(self.transition(decision, what));
            // Whoever started this asked too, but maybe not of this configuration.
            others.out_of_reach = self.config.sources.obstacle_of(&original);
            let failed = if others.out_of_reach.is_some() {
                None
            } else {
                self.plan_versions(&original, &record.content.finding_id, &mut others).await?;
                record.content.other_versions = Some(others.clone());
                record.content.run = Some(invocation.run(decision));
                record.write(&self.records).await?;
                if !same {
                    self.tell_that_versions_move(decision, &record.content).await;
                }
                let moving = Moving { decision, invocation, original: &original, manifest: &record.content };
                Box::pin(self.move_versions(&moving, &mut others)).await
            };
            if failed.is_none() {
                others.ended_at = Some((self.clock)());
            }
            others.name_only_the_last_moved();
            record.content.run = None;
            record.content.transitions.push(self.transition(decision, describe(&others)));
            record.content.other_versions = Some(others.clone());
            record.write(&self.records).await?;
            if let Some((count, source)) = failed {
                return Err(Error::VersionsLeft { count, source: Box::new(source) });
            }
        }
        let (moved, left) = others.moved_and_left();
        let ended = Ended::OtherVersions { moved, left: left.len() };
        record.content.other_versions = Some(others);
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
    async fn move_versions(&self, moving: &Moving<'_>, others: &mut OtherVersions) -> Option<(usize, Error)> {
        let mut failed = None;
        let mut count = 0;
        let waiting = others.versions.clone().into_iter();
        for version in waiting.filter(|version| !version.outcome.as_ref().is_some_and(Outcome::is_quarantined)) {
            match Box::pin(self.move_version(moving, &version)).await {
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

    async fn move_version(&self, moving: &Moving<'_>, version: &OtherVersion) -> Result<Outcome, Error> {
        let Moving { decision, invocation, original, manifest } = *moving;
        let job = Job {
            plan: plan_version(&manifest.finding_id, original, &version.version_id, version.etag.as_deref()),
            finding_id: &manifest.finding_id,
            finding_type: &manifest.finding_type,
            severity: manifest.severity,
            region: manifest.region.as_deref(),
            decision,
            invocation,
        };
        let known = Record::read(&self.records, &version.case_id).await?;
        if known.as_ref().is_some_and(|known| self.other_run(&known.content, invocation).is_some()) {
            return Err(Error::UnderWay { case_id: version.case_id.clone() });
        }
        if let Some(outcome) = known.as_ref().and_then(|known| known.content.outcome())
            && known.as_ref().is_some_and(|known| known.content.is_quarantined())
            && match inspect::head(&self.s3, &job.plan.source).await {
                Ok(found) => found.is_none(),
                // To whoever may not list the bucket S3 refuses what is gone, and a version id is given out once.
                Err(refused) => refused.status == 403 && !job.plan.source.is_mutable(),
            }
        {
            // By an earlier run that died before it could say so here.
            return Ok(outcome.clone());
        }
        let record = self.begin(&job, known).await?;
        let (_, outcome) = Box::pin(self.quarantine(&job, record, true)).await?;
        Ok(outcome)
    }
}

fn describe(others: &OtherVersions) -> String {
    if others.out_of_reach.is_some() {
        return "Other versions not moved: this deployment may not touch the bucket".to_owned();
    }
    let (moved, left) = others.moved_and_left();
    format!("Other versions: {moved} in quarantine, {} not moved", left.len())
}
