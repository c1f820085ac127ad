//! Block public access, and Encrypt by default: a person has the settings of a finding's bucket changed.

use domain::bucket::BucketAct;
use domain::finding::Finding;
use domain::policy::actionable;
use domain::remediation::Task;
use domain::slack::button::Action;
use domain::slack::{Refusal, one_more_person_for_bucket};

use crate::config::Config;
use crate::decide::Decided;
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
        match self.decide(press, &finding, &case_id, None).await? {
            Decided::Claimed(decision) => {
                self.invoke_remediator(task(finding), decision).await?;
                Ok(Outcome::Started)
            }
            Decided::Before(case, _) => {
                self.show_what_was_decided(press, &finding, &case_id, &case).await?;
                Ok(Outcome::AlreadyDecided)
            }
            Decided::First(_, click) => {
                self.answer(press.click, &one_more_person_for_bucket(&finding, &click)).await;
                Ok(Outcome::FirstApproval)
            }
            Decided::FirstAgain(..) => Ok(self.refuse(press.click, Refusal::AgreedAlready).await),
        }
    }
}

/// The case of a finding that this button is for, asked of Macie once more: it may have been archived since it was
/// shown, or the bucket taken out of the deployment's reach.
fn changeable(finding: &Finding, action: Action, config: &Config) -> Result<String, Refusal> {
    actionable(finding, &config.quarantine_bucket).map_err(Refusal::NotMovable)?;
    if let Some(why) = config.sources.obstacle(finding) {
        return Err(Refusal::OutOfReach(why));
    }
    if BucketAct::of(&finding.kind).map(BucketAct::action) != Some(action) {
        return Err(Refusal::UnknownFinding);
    }
    finding.bucket_case_id().ok_or(Refusal::UnknownFinding)
}
