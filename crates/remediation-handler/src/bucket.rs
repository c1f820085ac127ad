//! Block public access, and Encrypt by default: a person has the settings of a finding's bucket changed.

use domain::finding::Finding;
use domain::policy::{Reason, bucket_action};
use domain::quarantine::Claim;
use domain::remediation::{Decision, Task};
use domain::slack::button::Action;
use domain::slack::{Refusal, dismissed};

use crate::claim::{Claimed, claim};
use crate::config::Config;
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

impl RemediationHandler {
    pub(crate) async fn change_bucket(
        &self,
        press: &Press<'_>,
        task: impl FnOnce(Finding) -> Task,
    ) -> Result<Outcome, Error> {
        let Some(finding) = self.finding(&press.pressed.subject).await? else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let case_id = match changeable(&finding, press.pressed.action, &self.config) {
            Ok(case_id) => case_id,
            Err(refusal) => return Ok(self.refuse(press.click, refusal).await),
        };
        let decision = Decision::Person(self.clicked(press));
        let ours = Claim {
            finding_id: finding.id.clone(),
            finding_type: finding.kind.clone(),
            decision: decision.recorded(),
            dismissed: None,
            reopened: None,
            at: press.now,
        };
        // A list is made anew whenever somebody opens it, so its buttons say nothing about the case.
        let made_at = (!press.pressed.in_list).then_some(press.pressed.made_at);
        let claimed = claim(&self.records, &case_id, &ours, made_at).await;
        match claimed.map_err(|source| Error::Claim { case_id: case_id.clone(), source })? {
            Claimed::Ours => {
                tracing::info!(finding.id = finding.id, case.id = case_id, "claimed the case");
                self.invoke_remediator(task(finding), decision).await?;
                Ok(Outcome::Started)
            }
            Claimed::Before(standing) => {
                let claim = standing.claim();
                self.tell_what_was_decided(press, &finding, &case_id, &standing).await?;
                if let Some((claim, reason)) = claim.and_then(|claim| Some((claim, claim.dismissal()?))) {
                    let keys = self.button_keys().await?;
                    let message = dismissed(&finding, &case_id, claim, reason, &self.signer(&keys, press.now));
                    self.replace(press, message).await;
                }
                Ok(Outcome::AlreadyDecided)
            }
        }
    }
}

/// The case of a finding that this button is for, asked of Macie once more: it may have been archived since it was
/// shown, or the bucket taken out of the deployment's reach.
fn changeable(finding: &Finding, action: Action, config: &Config) -> Result<String, Refusal> {
    let refused = |reason| Err(Refusal::NotMovable(reason));
    if finding.sample == Some(true) {
        return refused(Reason::Sample);
    }
    if finding.archived == Some(true) {
        return refused(Reason::Archived);
    }
    if finding.bucket() == Some(config.quarantine_bucket.as_str()) {
        return refused(Reason::QuarantineBucket);
    }
    if let Some(why) = config.sources.obstacle(finding) {
        return Err(Refusal::OutOfReach(why));
    }
    if bucket_action(&finding.kind) != Some(action) {
        return Err(Refusal::UnknownFinding);
    }
    finding.bucket_case_id().ok_or(Refusal::UnknownFinding)
}
