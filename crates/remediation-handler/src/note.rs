//! What people decided, noted in the record of the case, so that one record tells the whole story of an object or a bucket.

use domain::bucket::{BucketAct, BucketRecord};
use domain::finding::Finding;
use domain::quarantine::{Manifest, State, Transition, manifest_key};
use platform::records::RecordError;

use crate::handler::RemediationHandler;

impl RemediationHandler {
    /// Adds what somebody decided to the record of the finding's case, once. The claim has decided, and is the whole record
    /// where there is nothing that could be moved or turned on. `state` is what it means for an object.
    ///
    /// # Errors
    /// [`RecordError`]
    pub(crate) async fn note(
        &self,
        finding: &Finding,
        case_id: &str,
        state: &State,
        transition: &Transition,
    ) -> Result<(), RecordError> {
        if finding.is_policy() {
            return self.note_about_bucket(finding, transition).await;
        }
        let note = |found: Option<Manifest>| {
            let planned = || Manifest::planned(finding, &self.config.quarantine_bucket, &transition.by);
            let changed = found.or_else(planned).and_then(|mut manifest| {
                let is_new = manifest.note(state.clone(), transition.clone());
                // A run that has begun meanwhile must find the record as it left it.
                (is_new && manifest.run_at(transition.at).is_none()).then_some(manifest)
            });
            (changed, ())
        };
        self.records.update(&manifest_key(case_id), note).await
    }

    async fn note_about_bucket(&self, finding: &Finding, transition: &Transition) -> Result<(), RecordError> {
        let act = BucketAct::of(&finding.kind);
        let Some(untouched) = act.and_then(|act| BucketRecord::untouched(act, finding, &transition.by)) else {
            return Ok(());
        };
        let note = |found: Option<BucketRecord>| {
            let mut record = found.unwrap_or_else(|| untouched.clone());
            (record.note(transition.clone()).then_some(record), ())
        };
        self.records.update(&untouched.key(), note).await
    }
}
