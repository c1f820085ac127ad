//! `cases/<case-id>/claim.json`: the first decision wins, be it to act or to dismiss.

use domain::quarantine::{Claim, Manifest, claim_key, manifest_key};
use jiff::{SignedDuration, Timestamp};
use platform::records::{RecordError, Records, State};

/// A remediation of which nothing was heard for this long is dead: the function may run for 15 minutes, and Lambda tries
/// again two minutes after it died. To act once more is harmless then, since the remediator goes on where an earlier run
/// stopped.
const DEAD_AFTER: SignedDuration = SignedDuration::from_mins(20);

/// What is known of a case when somebody wants to decide about it.
pub(crate) struct Standing {
    claim: Option<(Claim, State)>,
    pub(crate) manifest: Option<Manifest>,
}

impl Standing {
    pub(crate) async fn read(records: &Records, case_id: &str) -> Result<Self, RecordError> {
        let (claim_key, manifest_key) = (claim_key(case_id), manifest_key(case_id));
        let (claim, manifest) = tokio::try_join!(records.read_state(&claim_key), records.read(&manifest_key))?;
        Ok(Self { claim, manifest })
    }

    /// Who decided before, if somebody pressed a button: the configuration claims nothing.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref().map(|(claim, _)| claim)
    }

    /// Whether this decision may be taken. A claim is taken over whose remediation did not move the object, or never
    /// ended. `button_made_at` is when the button was offered; none for a button that says nothing about its case.
    pub(crate) fn is_open_to(&self, ours: &Claim, button_made_at: Option<Timestamp>) -> bool {
        let manifest = self.manifest.as_ref();
        // "Nothing is to be done" is no answer to what was done, or may be half done.
        if ours.dismissed.is_some() && manifest.is_some_and(Manifest::may_be_quarantined) {
            return false;
        }
        self.claim().is_none_or(|before| may_take_over(before, manifest, ours, button_made_at))
    }

    /// Claims the case, if it still is as it was read. `false` when somebody was faster.
    pub(crate) async fn claim_it(&self, records: &Records, case_id: &str, ours: &Claim) -> Result<bool, RecordError> {
        let state = self.claim.as_ref().map(|(_, state)| state);
        Ok(records.write_if(&claim_key(case_id), ours, state).await?.is_some())
    }
}

/// What came of a claim.
pub(crate) enum Claimed {
    /// The case is ours.
    Ours,
    /// It was decided before, and that stands.
    Before(Box<Standing>),
}

/// Claims the case for this decision, if it is open to it.
pub(crate) async fn claim(
    records: &Records,
    case_id: &str,
    ours: &Claim,
    button_made_at: Option<Timestamp>,
) -> Result<Claimed, RecordError> {
    let standing = Standing::read(records, case_id).await?;
    if !standing.is_open_to(ours, button_made_at) {
        return Ok(Claimed::Before(Box::new(standing)));
    }
    if standing.claim_it(records, case_id, ours).await? {
        return Ok(Claimed::Ours);
    }
    Ok(Claimed::Before(Box::new(Standing::read(records, case_id).await?)))
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
