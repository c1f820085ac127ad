//! What was decided before, for whoever clicks second.

use domain::bucket::{BucketAct, BucketRecord, record_key};
use domain::finding::Finding;
use domain::slack::{already_decided, bucket_already_decided};

use crate::claim::Standing;
use crate::error::Error;
use crate::handler::{Press, RemediationHandler};

impl RemediationHandler {
    /// Tells whoever clicked, in private, who decided about the case, when, and how far it is.
    pub(crate) async fn tell_what_was_decided(
        &self,
        press: &Press<'_>,
        finding: &Finding,
        case_id: &str,
        standing: &Standing,
    ) -> Result<(), Error> {
        let claim = standing.claim();
        let message = if finding.is_policy() {
            let record = match BucketAct::of(&finding.kind) {
                Some(act) => self.records.read::<BucketRecord>(&record_key(case_id, act)).await,
                None => Ok(None),
            };
            let record = record.map_err(|source| Error::Claim { case_id: case_id.to_owned(), source })?;
            bucket_already_decided(claim, &finding.kind, record.as_ref())
        } else {
            already_decided(claim, standing.manifest.as_ref())
        };
        self.answer_privately(press.click, &message).await;
        Ok(())
    }
}
