//! `cases/<case-id>/claim.json`: the first decision wins, be it to act or to dismiss.

use domain::bucket::{self, BucketAct, BucketRecord, record_key};
use domain::finding::Finding;
use domain::quarantine::{self, Claim, Manifest, claim_key, manifest_key};
use jiff::Timestamp;
use platform::records::{RecordError, Records, State};

/// What is known of a case when somebody wants to decide about it.
pub(crate) struct Case {
    claim: Option<(Claim, State)>,
    /// Of a case about an object.
    pub(crate) manifest: Option<Manifest>,
    /// Of a case about a bucket.
    pub(crate) bucket: Option<BucketRecord>,
}

/// What came of a claim.
pub(crate) enum Claimed {
    /// The case is ours.
    Ours,
    /// It was decided before, and that stands.
    Before(Box<Case>),
}

impl Case {
    /// Reads the records of the finding's case.
    pub(crate) async fn read(records: &Records, case_id: &str, finding: &Finding) -> Result<Self, RecordError> {
        let key = claim_key(case_id);
        let claim = records.read_state(&key);
        if finding.is_policy() {
            let (claim, bucket) = tokio::try_join!(claim, bucket_record(records, case_id, finding))?;
            return Ok(Self { claim, manifest: None, bucket });
        }
        let key = manifest_key(case_id);
        let (claim, manifest) = tokio::try_join!(claim, records.read(&key))?;
        Ok(Self { claim, manifest, bucket: None })
    }

    /// Who decided before, if somebody pressed a button: the configuration claims nothing.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref().map(|(claim, _)| claim)
    }

    /// Who decided about this finding: its dismissal may hold beside a later decision about another type.
    pub(crate) fn claim_about(&self, finding: &Finding) -> Option<&Claim> {
        self.claim().map(|claim| claim.dismissal_of(finding).unwrap_or(claim))
    }

    /// Whether this decision may be taken. `button_made_at` is when the button was offered; none for a button that says
    /// nothing about its case.
    pub(crate) fn is_open_to(&self, finding: &Finding, ours: &Claim, button_made_at: Option<Timestamp>) -> bool {
        if finding.is_policy() {
            bucket::is_open_to(finding, ours, self.claim(), self.bucket.as_ref())
        } else {
            quarantine::is_open_to(finding, ours, self.claim(), self.manifest.as_ref(), button_made_at)
        }
    }

    /// When the case was decided or acted on last, or the bucket changed.
    pub(crate) fn last_end(&self, finding: &Finding) -> Option<Timestamp> {
        if finding.is_policy() {
            bucket::last_end(finding, self.claim(), self.bucket.as_ref())
        } else {
            quarantine::last_end(self.claim(), self.manifest.as_ref())
        }
    }

    /// Claims the case, if it still is as it was read; else answers how it is now.
    pub(crate) async fn claim_it(
        &self,
        records: &Records,
        case_id: &str,
        finding: &Finding,
        ours: &Claim,
    ) -> Result<Claimed, RecordError> {
        let state = self.claim.as_ref().map(|(_, state)| state);
        let ours = &self.claim().map_or_else(|| ours.clone(), |before| ours.clone().in_place_of(before));
        if records.write_if(&claim_key(case_id), ours, state).await?.is_some() {
            return Ok(Claimed::Ours);
        }
        let now = Self::read(records, case_id, finding).await?;
        // S3 may have taken it, and the SDK have asked once more because the answer was lost.
        Ok(if now.claim() == Some(ours) { Claimed::Ours } else { Claimed::Before(Box::new(now)) })
    }
}

/// The record of what a finding's button turns on; none when nothing was begun, or the finding has no such button.
pub(crate) async fn bucket_record(
    records: &Records,
    case_id: &str,
    finding: &Finding,
) -> Result<Option<BucketRecord>, RecordError> {
    match BucketAct::of(&finding.kind) {
        Some(act) => records.read(&record_key(case_id, act)).await,
        None => Ok(None),
    }
}
