//! What was decided before, for whoever clicks second.

use domain::finding::Finding;
use domain::slack::{already_decided, bucket_already_decided, dismissed};

use crate::claim::Case;
use crate::error::Error;
use crate::handler::{Press, RemediationHandler};

impl RemediationHandler {
    /// Tells whoever clicked, in private, who decided about the case, when, and how far it is.
    pub(crate) async fn tell_what_was_decided(&self, press: &Press<'_>, finding: &Finding, case: &Case) {
        let claim = case.claim_about(finding);
        let message = if finding.is_policy() {
            bucket_already_decided(claim, &finding.kind, case.bucket.as_ref())
        } else {
            already_decided(claim, case.manifest.as_ref())
        };
        self.answer(press.click, &message).await;
    }

    /// The same, and puts a dismissal in the place of the clicked message, which a crash may have left as it was.
    ///
    /// # Errors
    /// [`Error::ButtonKey`]
    pub(crate) async fn show_what_was_decided(
        &self,
        press: &Press<'_>,
        finding: &Finding,
        case_id: &str,
        case: &Case,
    ) -> Result<(), Error> {
        self.tell_what_was_decided(press, finding, case).await;
        let is_quarantined = case.manifest.as_ref().is_some_and(|manifest| manifest.holds(finding));
        let claim = case.claim_about(finding).filter(|_| !is_quarantined);
        if let Some((claim, reason)) = claim.and_then(|claim| Some((claim, claim.dismissal()?))) {
            let keys = self.button_keys().await?;
            let message = dismissed(finding, case_id, claim, reason, &self.signer(&keys, press.now));
            self.replace(press, message).await;
        }
        Ok(())
    }
}
