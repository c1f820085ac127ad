//! Dismiss: somebody decides that nothing is to be done, and says why.

use domain::bucket;
use domain::quarantine::{Claim, State, Transition};
use domain::remediation::Decision;
use domain::slack::button::DismissReason;
use domain::slack::{Refusal, dismissed};

use crate::claim::{Case, Claimed};
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

impl RemediationHandler {
    pub(crate) async fn dismiss(&self, press: &Press<'_>, reason: DismissReason) -> Result<Outcome, Error> {
        let Some(finding) = self.finding(&press.pressed.subject).await? else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let Some(case_id) = bucket::case_id(&finding) else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let decision = Decision::Person(self.clicked(press));
        let ours = Claim { dismissed: Some(reason), ..Claim::of(&finding, &decision, press.request_id, press.now) };
        let failed = |source| Error::Claim { case_id: case_id.clone(), source };
        let case = Case::read(&self.records, &case_id, &finding).await.map_err(failed)?;
        let claimed = if case.is_open_to(&finding, &ours, None) {
            case.claim_it(&self.records, &case_id, &finding, &ours).await.map_err(failed)?
        } else {
            Claimed::Before(Box::new(case))
        };
        let (claim, first) = match claimed {
            Claimed::Ours => (ours, true),
            Claimed::Before(case) => {
                let manifest = case.manifest.as_ref();
                self.tell_what_was_decided(press, &finding, &case).await;
                let claim = case.claim().and_then(|claim| claim.dismissal_of(&finding));
                let Some(claim) = claim.filter(|_| !manifest.is_some_and(|manifest| manifest.may_hold(&finding)))
                else {
                    return Ok(Outcome::AlreadyDecided);
                };
                (claim.clone(), false)
            }
        };
        let reason = claim.dismissed.unwrap_or(reason);
        // Whoever clicks on a dismissed finding completes what the first may have left undone: record and message.
        let what = format!("Dismissed. {}", reason.label(&finding.kind));
        let transition = Transition { at: claim.at, what, by: claim.decision.clone() };
        let state = State::Dismissed { reason, at: claim.at };
        self.note(&finding, &case_id, &state, &transition).await.map_err(failed)?;
        let keys = self.button_keys().await?;
        let message = dismissed(&finding, &case_id, &claim, reason, &self.signer(&keys, press.now));
        self.replace(press, message).await;
        Ok(if first { Outcome::Dismissed } else { Outcome::AlreadyDecided })
    }
}
