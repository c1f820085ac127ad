//! Restore, and Quarantine all versions: what is asked about a case that is recorded.

use domain::quarantine::{Manifest, is_case_id, manifest_key};
use domain::remediation::{Decision, Task};
use domain::slack::{Refusal, already_restored, restoring};

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
            && let Some(why) =
                self.config.sources.obstacle_at(original.account_id.as_deref(), Some(original.bucket.as_str()))
        {
            return Ok(self.refuse(press.click, Refusal::OutOfReach(why)).await);
        }
        // The remediator has no address to answer a list at.
        if press.pressed.in_list && manifest.is_restored() {
            self.answer_privately(press.click, &already_restored(&manifest)).await;
            return Ok(Outcome::AlreadyDecided);
        }
        self.invoke_remediator(task(case_id.clone()), Decision::Person(self.clicked(press))).await?;
        if press.pressed.in_list {
            self.answer_privately(press.click, &restoring(&manifest)).await;
        }
        Ok(Outcome::Started)
    }
}
