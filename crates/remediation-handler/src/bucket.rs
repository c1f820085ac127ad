//! Block public access, and Encrypt by default: a person has the settings of a finding's bucket changed.

use domain::bucket::BucketRecord;
use domain::finding::Finding;
use domain::policy::{Reason, bucket_action};
use domain::quarantine::Transition;
use domain::remediation::Task;
use domain::slack::button::Action;
use domain::slack::{Refusal, dismissed, one_more_person_for_bucket};
use platform::records::RecordError;

use crate::claim::Standing;
use crate::config::Config;
use crate::decide::Decided;
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

/// How often the record is tried while others write it.
const TRIES: usize = 3;

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
            Decided::Before(standing, _) => {
                self.tell_who_decided_about_bucket(press, &finding, &case_id, &standing).await
            }
            Decided::First(_, click) => {
                self.say(press, &one_more_person_for_bucket(&finding, &click)).await;
                Ok(Outcome::FirstApproval)
            }
            Decided::FirstAgain(..) => Ok(self.refuse(press.click, Refusal::AgreedAlready).await),
        }
    }

    /// Adds what somebody decided to the record of the finding's act, once. Of a finding without one the claim is the
    /// whole record.
    pub(crate) async fn note_about_bucket(&self, finding: &Finding, transition: Transition) -> Result<(), RecordError> {
        let Some(untouched) = BucketRecord::untouched(finding, &transition.by) else {
            return Ok(());
        };
        let key = untouched.key();
        for _ in 0..TRIES {
            let (mut record, state) = match self.records.read_state::<BucketRecord>(&key).await? {
                Some((record, state)) => (record, Some(state)),
                None => (untouched.clone(), None),
            };
            if !record.note(transition.clone()) || self.records.write_if(&key, &record, state.as_ref()).await?.is_some()
            {
                return Ok(());
            }
        }
        Err(RecordError::Busy { key })
    }

    async fn tell_who_decided_about_bucket(
        &self,
        press: &Press<'_>,
        finding: &Finding,
        case_id: &str,
        standing: &Standing,
    ) -> Result<Outcome, Error> {
        self.tell_what_was_decided(press, finding, standing).await;
        if let Some((claim, reason)) = standing.claim().and_then(|claim| Some((claim, claim.dismissal()?))) {
            let keys = self.button_keys().await?;
            let message = dismissed(finding, case_id, claim, reason, &self.signer(&keys, press.now));
            self.replace(press, message).await;
        }
        Ok(Outcome::AlreadyDecided)
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
