//! What was decided before, for whoever clicks second.

use domain::finding::Finding;
use domain::slack::{already_decided, bucket_already_decided};

use crate::claim::Standing;
use crate::handler::{Press, RemediationHandler};

impl RemediationHandler {
    /// Tells whoever clicked, in private, who decided about the case, when, and how far it is.
    pub(crate) async fn tell_what_was_decided(&self, press: &Press<'_>, finding: &Finding, standing: &Standing) {
        let claim = standing.claim();
        let message = if finding.is_policy() {
            bucket_already_decided(claim, &finding.kind, standing.bucket.as_ref())
        } else {
            already_decided(claim, standing.manifest.as_ref())
        };
        self.answer_privately(press.click, &message).await;
    }
}
