//! Dismiss: somebody decides that nothing is to be done, and says why.

use domain::bucket;
use domain::finding::Finding;
use domain::quarantine::{Claim, Manifest, State, Transition, manifest_key};
use domain::remediation::Decision;
use domain::slack::button::DismissReason;
use domain::slack::{Refusal, dismissed};
use platform::records::RecordError;

use crate::claim::{Claimed, claim};
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

/// How often the record is tried while others write it.
const TRIES: usize = 3;

impl RemediationHandler {
    pub(crate) async fn dismiss(&self, press: &Press<'_>, reason: DismissReason) -> Result<Outcome, Error> {
        let Some(finding) = self.finding(&press.pressed.subject).await? else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let Some(case_id) = bucket::case_id(&finding) else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let ours = Claim {
            finding_id: finding.id.clone(),
            finding_type: finding.kind.clone(),
            decision: Decision::Person(self.clicked(press)).recorded(),
            dismissed: Some(reason),
            reopened: None,
            at: press.now,
        };
        let failed = |source| Error::Claim { case_id: case_id.clone(), source };
        let (claim, first) = match claim(&self.records, &case_id, &finding, &ours).await.map_err(failed)? {
            Claimed::Ours => (ours, true),
            Claimed::Before(standing) => {
                let manifest = standing.manifest.as_ref();
                self.tell_what_was_decided(press, &finding, &standing).await;
                let claim = standing.claim().filter(|claim| claim.dismisses(&finding));
                let Some(claim) = claim.filter(|_| !manifest.is_some_and(Manifest::may_be_quarantined)) else {
                    return Ok(Outcome::AlreadyDecided);
                };
                (claim.clone(), false)
            }
        };
        let reason = claim.dismissed.unwrap_or(reason);
        // Whoever clicks on a dismissed finding completes what the first may have left undone: record and message.
        self.note_dismissal(&finding, &case_id, &claim, reason).await.map_err(failed)?;
        let keys = self.button_keys().await?;
        let message = dismissed(&finding, &case_id, &claim, reason, &self.signer(&keys, press.now));
        self.replace(press, message).await;
        Ok(if first { Outcome::Dismissed } else { Outcome::AlreadyDecided })
    }

    /// Adds the dismissal to the record of the case, once. The claim has decided; this is so that one record tells the
    /// whole story of an object.
    async fn note_dismissal(
        &self,
        finding: &Finding,
        case_id: &str,
        claim: &Claim,
        reason: DismissReason,
    ) -> Result<(), RecordError> {
        let key = manifest_key(case_id);
        let what = format!("Dismissed. {}", reason.label(&finding.kind));
        let transition = Transition { at: claim.at, what, by: claim.decision.clone() };
        if finding.is_policy() {
            return self.note_about_bucket(finding, transition).await;
        }
        for _ in 0..TRIES {
            let found = self.records.read_state::<Manifest>(&key).await?;
            let (mut manifest, state) = match found {
                Some((manifest, state)) => (manifest, Some(state)),
                None => match Manifest::planned(finding, &self.config.quarantine_bucket, &claim.decision) {
                    Some(manifest) => (manifest, None),
                    // There is nothing that could be moved, and the claim is the record.
                    None => return Ok(()),
                },
            };
            let noted = manifest.note(State::Dismissed { reason, at: claim.at }, transition.clone());
            // A run that has begun meanwhile must find the record as it left it. The claim says what was decided.
            if !noted || manifest.run_at(claim.at).is_some() {
                return Ok(());
            }
            if self.records.write_if(&key, &manifest, state.as_ref()).await?.is_some() {
                return Ok(());
            }
        }
        Err(RecordError::Busy { key })
    }
}
