//! Reopen: somebody takes a dismissal back, and the question is asked once more.

use domain::bucket;
use domain::quarantine::{State, Transition};
use domain::remediation::Decision;
use domain::slack::{Refusal, bucket_finding, review_request};

use crate::claim::{Case, Claimed};
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

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
        let case = Case::read(&self.records, &case_id, &finding).await.map_err(failed)?;
        let mut claim = case.claim().cloned();
        let Some(dismissal) = claim.as_mut().and_then(|claim| claim.dismissed_as(&finding.kind)) else {
            self.tell_what_was_decided(press, &finding, &case).await;
            return Ok(Outcome::AlreadyDecided);
        };
        let was_reopened = dismissal.reopened.is_some();
        dismissal.reopened.get_or_insert_with(|| self.clicked(press).recorded());
        if let Some(mut claim) = claim.filter(|_| !was_reopened) {
            claim.request_id = Some(press.request_id.to_owned());
            let claimed = case.claim_it(&self.records, &case_id, &finding, &claim).await.map_err(failed)?;
            if matches!(claimed, Claimed::Before(_)) {
                // Somebody else was faster, with this or another button: the next press shows what holds.
                return Ok(self.refuse(press.click, Refusal::Failed).await);
            }
            tracing::info!(finding.id = finding.id, case.id = case_id, "took a dismissal back");
        }
        let by = Decision::Person(self.clicked(press)).recorded();
        let transition = Transition { at: press.now, what: "Dismissal taken back".to_owned(), by };
        self.note(&finding, &case_id, &State::Reopened { at: press.now }, &transition).await.map_err(failed)?;
        let keys = self.button_keys().await?;
        let signer = self.signer(&keys, press.now);
        let approvals = self.config.second_approver.approvals(&finding);
        let message = if finding.is_policy() {
            let reach = self.config.sources.bucket_reach(&finding, &self.config.quarantine_bucket);
            bucket_finding(&finding, reach, approvals, &signer)
        } else {
            review_request(&finding, &self.config.quarantine_bucket, approvals, &signer)
        };
        self.replace(press, message).await;
        Ok(Outcome::Reopened)
    }
}
