//! Restore, and Quarantine all versions: what is asked about a case that is recorded.

use domain::quarantine::{
    Manifest, Restoration, first_restore_approval_key, first_versions_approval_key, is_case_id, manifest_key,
};
use domain::remediation::{Decision, Task};
use domain::slack::button::Action;
use domain::slack::{Refusal, already_restored, one_more_person, restoring};

use crate::approval::Agreement;
use crate::error::Error;
use crate::handler::{Outcome, Press, RemediationHandler};

impl RemediationHandler {
    /// Has the remediator do what was asked about the case that the button names. The case's record decides what there
    /// is to do, and S3 lets only one run write it: who comes second learns who was first.
    pub(crate) async fn ask_about_case(
        &self,
        press: &Press<'_>,
        task: impl FnOnce(String) -> Task,
    ) -> Result<Outcome, Error> {
        let case_id = &press.pressed.subject;
        let known = if is_case_id(case_id) {
            let read = self.records.read::<Manifest>(&manifest_key(case_id)).await;
            read.map_err(|source| Error::Claim { case_id: case_id.clone(), source })?
        } else {
            None
        };
        let Some(manifest) = known else {
            return Ok(self.refuse(press.click, Refusal::UnknownCase).await);
        };
        if let Some(original) = &manifest.original
            && let Some(why) = self.config.sources.obstacle_of(original)
        {
            return Ok(self.refuse(press.click, Refusal::OutOfReach(why)).await);
        }
        // The remediator has no address to answer a list at.
        if press.pressed.in_list && manifest.is_restored() {
            self.answer(press.click, &already_restored(&manifest)).await;
            return Ok(Outcome::AlreadyDecided);
        }
        let decision = if self.config.second_approver.is_needed_for(manifest.severity) {
            match self.agreement_about(press, &manifest).await? {
                Ok(decision) => decision,
                Err(outcome) => return Ok(outcome),
            }
        } else {
            Decision::Person(self.clicked(press))
        };
        self.invoke_remediator(task(case_id.clone()), decision).await?;
        if press.pressed.in_list {
            self.answer(press.click, &restoring(&manifest)).await;
        }
        Ok(Outcome::Started)
    }

    /// The decision of two people about an object of severity HIGH, or what became of the press of the first. What two
    /// people took out of a bucket, one alone does not put back where it can be read; nor does one alone take every other
    /// version away.
    async fn agreement_about(
        &self,
        press: &Press<'_>,
        manifest: &Manifest,
    ) -> Result<Result<Decision, Outcome>, Error> {
        let case_id = &manifest.case_id;
        let (button, key, after) = if press.pressed.action == Action::QuarantineVersions {
            let ended_at = manifest.other_versions.as_ref().and_then(|others| others.ended_at);
            ("Quarantine all versions", first_versions_approval_key(case_id), ended_at)
        } else {
            let ended_at = manifest.restoration.as_ref().and_then(Restoration::ended_at);
            ("Restore", first_restore_approval_key(case_id), ended_at)
        };
        let after = after.max(manifest.ended_at());
        let agreement = self.agree(press, &key, &manifest.finding_id, after).await;
        Ok(match agreement.map_err(|source| Error::Claim { case_id: case_id.clone(), source })? {
            Agreement::Decided(decision) => Ok(decision),
            Agreement::First(click) => {
                tracing::info!(case.id = case_id, button, "took the first of two approvals");
                self.answer(press.click, &one_more_person(manifest, button, &click)).await;
                Err(Outcome::FirstApproval)
            }
            Agreement::Again(_) => Err(self.refuse(press.click, Refusal::AgreedAlready).await),
        })
    }
}
