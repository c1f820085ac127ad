//! Remediate: one person, or two, have the finding's object quarantined.

use domain::finding::Finding;
use domain::policy::movable;
use domain::remediation::{Click, Decision, Task};
use domain::slack::{Approvals, Refusal, moving, review_request};

use crate::claim::Case;
use crate::decide::Decided;
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

impl RemediationHandler {
    pub(crate) async fn quarantine(&self, press: &Press<'_>) -> Result<Outcome, Error> {
        let Some(finding) = self.finding(&press.pressed.subject).await? else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let object = match movable(&finding, &self.config.quarantine_bucket) {
            Ok(object) => object,
            Err(reason) => return Ok(self.refuse(press.click, Refusal::NotMovable(reason)).await),
        };
        if let Some(why) = self.config.sources.obstacle(&finding) {
            return Ok(self.refuse(press.click, Refusal::OutOfReach(why)).await);
        }
        let case_id = object.case_id();
        // A list is made anew whenever somebody opens it, so its buttons say nothing about the case.
        let made_at = (!press.pressed.in_list).then_some(press.pressed.made_at);
        let decision = match self.decide(press, &finding, &case_id, made_at).await? {
            Decided::Claimed(decision) => decision,
            Decided::Before(case, decision) => {
                return self.tell_who_decided(press, finding, &case_id, &case, decision).await;
            }
            Decided::First(before, click) => {
                self.show_first(press, &finding, &case_id, &before, &click).await?;
                return Ok(Outcome::FirstApproval);
            }
            Decided::FirstAgain(before, click) => {
                // The message may never have been changed, if the function died after it had recorded the approval.
                self.show_first(press, &finding, &case_id, &before, &click).await?;
                return Ok(self.refuse(press.click, Refusal::AgreedAlready).await);
            }
        };
        // The remediator has no address to answer a list at.
        let courtesy = press.pressed.in_list.then(|| moving(&finding));
        self.invoke_remediator(Task::Quarantine { finding }, decision).await?;
        if let Some(message) = courtesy {
            self.answer(press.click, &message).await;
        }
        Ok(Outcome::Started)
    }

    async fn tell_who_decided(
        &self,
        press: &Press<'_>,
        finding: Finding,
        case_id: &str,
        case: &Case,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        self.show_what_was_decided(press, &finding, case_id, case).await?;
        let is_quarantined = case.manifest.as_ref().is_some_and(|manifest| manifest.holds(&finding));
        // Another message about the same object, whose button is still there: the remediator replaces it by what was done.
        if is_quarantined && case.claim().is_some_and(|claim| claim.finding_id != finding.id) {
            self.invoke_remediator(Task::Quarantine { finding }, decision).await?;
        }
        Ok(Outcome::AlreadyDecided)
    }

    /// Says in the channel who agreed, and that one more person is needed; unless somebody has decided meanwhile, whose
    /// message this one must not replace.
    async fn show_first(
        &self,
        press: &Press<'_>,
        finding: &Finding,
        case_id: &str,
        before: &Case,
        first: &Click,
    ) -> Result<(), Error> {
        let keys = self.button_keys().await?;
        let bucket = &self.config.quarantine_bucket;
        let message = review_request(finding, bucket, Approvals::OneMore(first), &self.signer(&keys, press.now));
        let now = Case::read(&self.records, case_id, finding).await;
        let now = now.map_err(|source| Error::Claim { case_id: case_id.to_owned(), source })?;
        if now.claim() == before.claim() {
            self.replace(press, message).await;
        }
        Ok(())
    }
}
