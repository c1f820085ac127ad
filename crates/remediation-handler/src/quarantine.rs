//! Remediate: one person, or two, have the finding's object quarantined.

use domain::finding::Finding;
use domain::policy::movable;
use domain::quarantine::{Claim, FirstApproval, first_approval_key};
use domain::remediation::{Click, Decision, Task, TwoClicks};
use domain::slack::{Approvals, Refusal, already_decided, dismissed, moving, review_request};

use crate::claim::{self, Claimed};
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

/// What the agreement of this person amounts to.
enum Agreement {
    /// Enough: this is the decision.
    Decided(Decision),
    /// Theirs is the first of two.
    First(Click),
    /// Theirs was the first of two before.
    Again(Click),
}

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
        let agreement = self.agreement(press, &finding, &case_id).await;
        let decision = match agreement.map_err(|source| Error::Claim { case_id: case_id.clone(), source })? {
            Agreement::Decided(decision) => decision,
            Agreement::First(click) => {
                tracing::info!(finding.id = finding.id, case.id = case_id, "took the first of two approvals");
                self.show_first(press, &finding, &click).await?;
                return Ok(Outcome::FirstApproval);
            }
            Agreement::Again(click) => {
                // The message may never have been changed, if the function died after it had recorded the approval.
                self.show_first(press, &finding, &click).await?;
                return Ok(self.refuse(press.click, Refusal::AgreedAlready).await);
            }
        };
        let ours = Claim {
            finding_id: finding.id.clone(),
            finding_type: finding.kind.clone(),
            decision: decision.recorded(),
            dismissed: None,
            at: press.now,
        };
        // A list is made anew whenever somebody opens it, so its buttons say nothing about the case.
        let made_at = (!press.pressed.in_list).then_some(press.pressed.made_at);
        let claimed = claim::claim(&self.records, &case_id, &ours, made_at).await;
        match claimed.map_err(|source| Error::Claim { case_id: case_id.clone(), source })? {
            Claimed::Ours => {
                tracing::info!(finding.id = finding.id, case.id = case_id, "claimed the case");
                // The remediator has no address to answer a list at.
                let courtesy = press.pressed.in_list.then(|| moving(&finding));
                self.invoke_remediator(Task::Quarantine { finding }, decision).await?;
                if let Some(message) = courtesy {
                    self.answer_privately(press.click, &message).await;
                }
                Ok(Outcome::Started)
            }
            Claimed::Before { claim, manifest } => {
                self.answer_privately(press.click, &already_decided(&claim, manifest.as_deref())).await;
                if let Some(reason) = claim.dismissed {
                    let message = dismissed(&finding, &case_id, &claim, reason);
                    self.replace(press, message).await;
                } else if manifest.is_some_and(|manifest| manifest.is_quarantined()) && claim.finding_id != finding.id {
                    // Another message about the same object, whose button is still there: the remediator replaces it
                    // by what was done.
                    self.invoke_remediator(Task::Quarantine { finding }, decision).await?;
                }
                Ok(Outcome::AlreadyDecided)
            }
        }
    }

    /// Whether this press is enough. A case that was decided has no more approvals: who asks learns who decided.
    async fn agreement(
        &self,
        press: &Press<'_>,
        finding: &Finding,
        case_id: &str,
    ) -> Result<Agreement, platform::records::RecordError> {
        let click = self.clicked(press);
        if !self.config.second_approver.is_needed(finding) {
            return Ok(Agreement::Decided(Decision::Person(click)));
        }
        let key = first_approval_key(case_id);
        let ours = FirstApproval { finding_id: finding.id.clone(), click: click.recorded() };
        if claim::read(&self.records, case_id).await?.is_none() && self.records.create(&key, &ours).await? {
            return Ok(Agreement::First(ours.click));
        }
        Ok(match self.records.read::<FirstApproval>(&key).await? {
            Some(first) if first.click.user_id == click.user_id => Agreement::Again(first.click),
            Some(first) => {
                let clicks = TwoClicks { first: first.click, second: click };
                Agreement::Decided(Decision::TwoPeople(Box::new(clicks)))
            }
            // Decided before the deployment asked for two people.
            None => Agreement::Decided(Decision::Person(click)),
        })
    }

    /// Says in the channel who agreed, and that one more person is needed; unless somebody has decided meanwhile, whose
    /// message this one must not replace.
    async fn show_first(&self, press: &Press<'_>, finding: &Finding, first: &Click) -> Result<(), Error> {
        let keys = self.button_keys().await?;
        let bucket = &self.config.quarantine_bucket;
        let message = review_request(finding, bucket, Approvals::OneMore(first), &self.signer(&keys, press.now));
        let case_id = finding.case_id().unwrap_or_default();
        let decided = claim::read(&self.records, &case_id).await;
        if decided.map_err(|source| Error::Claim { case_id, source })?.is_some() {
            return Ok(());
        }
        self.replace(press, message).await;
        Ok(())
    }
}
