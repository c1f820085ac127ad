//! `cases/<case-id>/claim.json`: the first decision wins, be it to act or to dismiss.

use domain::bucket::{self, BucketAct, BucketRecord, DEAD_AFTER, record_key};
use domain::finding::Finding;
use domain::quarantine::{Claim, Manifest, claim_key, manifest_key};
use jiff::Timestamp;
use platform::records::{RecordError, Records, State};

/// What is known of a case when somebody wants to decide about it.
pub(crate) struct Standing {
    claim: Option<(Claim, State)>,
    /// Of a case about an object.
    pub(crate) manifest: Option<Manifest>,
    /// Of a case about a bucket.
    pub(crate) bucket: Option<BucketRecord>,
}

impl Standing {
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

    /// Whether this decision may be taken. A claim is taken over whose remediation did not move the object, or never
    /// ended. `button_made_at` is when the button was offered; none for a button that says nothing about its case.
    pub(crate) fn is_open_to(&self, finding: &Finding, ours: &Claim, button_made_at: Option<Timestamp>) -> bool {
        if finding.is_policy() {
            return self.bucket_is_open_to(finding, ours);
        }
        let manifest = self.manifest.as_ref();
        // "Nothing is to be done" is no answer to what was done, or may be half done.
        if ours.dismissed.is_some() && manifest.is_some_and(Manifest::may_be_quarantined) {
            return false;
        }
        self.claim().is_none_or(|before| may_take_over(before, manifest, ours, button_made_at))
    }

    fn bucket_is_open_to(&self, finding: &Finding, ours: &Claim) -> bool {
        match bucket::standing(finding, self.claim(), self.bucket.as_ref(), ours.at) {
            bucket::Standing::Open => true,
            bucket::Standing::Dismissed | bucket::Standing::Done => false,
            bucket::Standing::Dead => ours.dismissed.is_none(),
            bucket::Standing::UnderWay => {
                let was_begun = |before: &Claim| self.bucket.as_ref().is_some_and(|record| record.is_of(before));
                ours.dismissed.is_none()
                    && self.claim().is_some_and(|before| !was_begun(before) && is_same_person(before, ours))
            }
        }
    }

    /// When the case was decided or acted on last, or the bucket changed: an approval from before that was for another
    /// attempt.
    pub(crate) fn last_end(&self, finding: &Finding) -> Option<Timestamp> {
        let dismissed_at = self.claim().filter(|claim| claim.dismissed.is_some()).map(|claim| claim.at);
        let ended_at = self.manifest.as_ref().and_then(Manifest::ended_at);
        let changed_at = finding.changed_at().filter(|_| finding.is_policy());
        let bucket = self.bucket.as_ref().and_then(BucketRecord::ended_at);
        dismissed_at.max(ended_at).max(bucket).max(changed_at)
    }

    /// Claims the case, if it still is as it was read. `false` when somebody was faster.
    pub(crate) async fn claim_it(&self, records: &Records, case_id: &str, ours: &Claim) -> Result<bool, RecordError> {
        let (key, state) = (claim_key(case_id), self.claim.as_ref().map(|(_, state)| state));
        if records.write_if(&key, ours, state).await?.is_some() {
            return Ok(true);
        }
        // S3 may have taken it, and the SDK have asked once more because the answer was lost.
        Ok(records.read::<Claim>(&key).await?.as_ref() == Some(ours))
    }
}

/// What came of a claim.
pub(crate) enum Claimed {
    /// The case is ours.
    Ours,
    /// It was decided before, and that stands.
    Before(Box<Standing>),
}

/// Claims the case for this decision, which is to do nothing, if it is open to it.
pub(crate) async fn claim(
    records: &Records,
    case_id: &str,
    finding: &Finding,
    ours: &Claim,
) -> Result<Claimed, RecordError> {
    let standing = Standing::read(records, case_id, finding).await?;
    if !standing.is_open_to(finding, ours, None) {
        return Ok(Claimed::Before(Box::new(standing)));
    }
    if standing.claim_it(records, case_id, ours).await? {
        return Ok(Claimed::Ours);
    }
    Ok(Claimed::Before(Box::new(Standing::read(records, case_id, finding).await?)))
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

fn may_take_over(before: &Claim, manifest: Option<&Manifest>, ours: &Claim, button_made_at: Option<Timestamp>) -> bool {
    if before.dismissed.is_some() {
        // Another type of finding in the same object is another matter.
        return before.dismissal().is_none() || before.finding_type != ours.finding_type;
    }
    let ended = manifest.and_then(|manifest| manifest.outcome().zip(manifest.ended_at()));
    match ended {
        // What was put back may be decided anew.
        Some((outcome, _)) if outcome.is_quarantined() => return manifest.is_some_and(Manifest::is_restored),
        // It ended without a move after this claim was made: the claim is used up.
        Some((_, at)) if at >= before.at => return true,
        _ => {}
    }
    // It is under way, or about to be: only to go on with it is harmless.
    if ours.dismissed.is_some() {
        return false;
    }
    let last_activity = manifest.and_then(Manifest::last_activity);
    let heard_at = last_activity.map_or(before.at, |at| at.max(before.at));
    let is_dead = ours.at.duration_since(heard_at) > DEAD_AFTER;
    // A button is offered once more only after the remediation failed for good.
    let was_offered_again = button_made_at.is_some_and(|made_at| made_at > heard_at);
    let nothing_came_of_it = last_activity.is_none_or(|at| at < before.at);
    is_dead || was_offered_again || (nothing_came_of_it && is_same_person(before, ours))
}

/// The invocation may have failed, or taken longer than Slack waits: the same person was asked to press again.
fn is_same_person(before: &Claim, ours: &Claim) -> bool {
    match (before.decision.click(), ours.decision.click()) {
        (Some(before), Some(ours)) => before.user_id == ours.user_id,
        _ => false,
    }
}
