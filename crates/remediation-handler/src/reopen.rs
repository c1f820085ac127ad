//! Reopen: somebody takes a dismissal back, and the question is asked once more.

use domain::bucket;
use domain::finding::Finding;
use domain::quarantine::{Manifest, State, Transition, manifest_key};
use domain::remediation::Decision;
use domain::slack::{Approvals, Refusal, bucket_finding, review_request};
use platform::records::RecordError;

use crate::claim::Standing;
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

/// How often the record is tried while others write it.
const TRIES: usize = 3;

impl RemediationHandler {
    /// The claim stays, with who took it back: from then on it holds nobody off. Whoever presses on a message that a crash
    /// left behind gets the question as well.
    pub(crate) async fn reopen(&self, press: &Press<'_>) -> Result<Outcome, Error> {
        let Some(finding) = self.finding(&press.pressed.subject).await? else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let Some(case_id) = bucket::case_id(&finding) else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let failed = |source| Error::Claim { case_id: case_id.clone(), source };
        let standing = Standing::read(&self.records, &case_id, &finding).await.map_err(failed)?;
        let claim = standing.claim().filter(|claim| claim.dismissed.is_some() && claim.finding_type == finding.kind);
        let Some(mut claim) = claim.cloned() else {
            self.tell_what_was_decided(press, &finding, &standing).await;
            return Ok(Outcome::AlreadyDecided);
        };
        if claim.reopened.is_none() {
            claim.reopened = Some(self.clicked(press).recorded());
            if !standing.claim_it(&self.records, &case_id, &claim).await.map_err(failed)? {
                // Somebody else was faster, with this or another button: the next press shows what holds.
                return Ok(self.refuse(press.click, Refusal::Failed).await);
            }
            tracing::info!(finding.id = finding.id, case.id = case_id, "took a dismissal back");
        }
        self.note_reopening(press, &finding, &case_id).await.map_err(failed)?;
        let keys = self.button_keys().await?;
        let signer = self.signer(&keys, press.now);
        let needs_two = self.config.second_approver.is_needed(&finding);
        let approvals = if needs_two { Approvals::Two } else { Approvals::One };
        let message = if finding.is_policy() {
            bucket_finding(&finding, self.config.sources.obstacle(&finding).is_none(), approvals, &signer)
        } else {
            review_request(&finding, &self.config.quarantine_bucket, approvals, &signer)
        };
        self.replace(press, message).await;
        Ok(Outcome::Reopened)
    }

    async fn note_reopening(&self, press: &Press<'_>, finding: &Finding, case_id: &str) -> Result<(), RecordError> {
        let key = manifest_key(case_id);
        let by = Decision::Person(self.clicked(press)).recorded();
        let transition = Transition { at: press.now, what: "Dismissal taken back".to_owned(), by };
        if finding.is_policy() {
            return self.note_about_bucket(finding, transition).await;
        }
        for _ in 0..TRIES {
            let Some((mut manifest, state)) = self.records.read_state::<Manifest>(&key).await? else {
                return Ok(());
            };
            let noted = manifest.note(State::Reopened { at: press.now }, transition.clone());
            if !noted || manifest.run_at(press.now).is_some() {
                return Ok(());
            }
            if self.records.write_if(&key, &manifest, Some(&state)).await?.is_some() {
                return Ok(());
            }
        }
        Err(RecordError::Busy { key })
    }
}
