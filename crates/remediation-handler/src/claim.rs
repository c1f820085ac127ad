//! `cases/<case-id>/claim.json`: the first decision wins, be it to act or to dismiss.

use domain::quarantine::{Claim, Manifest, claim_key, manifest_key};
use jiff::{SignedDuration, Timestamp};
use platform::records::{RecordError, Records};

/// A remediation of which nothing was heard for this long is dead: the function may run for 15 minutes, and Lambda tries
/// again two minutes after it died. To act once more is harmless then, since the remediator goes on where an earlier run
/// stopped.
const DEAD_AFTER: SignedDuration = SignedDuration::from_mins(20);

/// What came of a claim.
#[derive(Debug, PartialEq)]
pub(crate) enum Claimed {
    /// The case is ours.
    Ours,
    /// Somebody decided before, and that stands.
    Before { claim: Box<Claim>, manifest: Option<Box<Manifest>> },
}

/// Claims the case for this decision. A claim whose remediation did not move the object, or never ended, is taken over.
/// `button_made_at` is when the button was offered; none for a button that says nothing about its case.
pub(crate) async fn claim(
    records: &Records,
    case_id: &str,
    ours: &Claim,
    button_made_at: Option<Timestamp>,
) -> Result<Claimed, RecordError> {
    let key = claim_key(case_id);
    if records.create(&key, ours).await? {
        return Ok(Claimed::Ours);
    }
    let Some((claim, state)) = records.read_state::<Claim>(&key).await? else {
        // Deleted by hand since: whoever clicks next creates it.
        return Ok(Claimed::Before { claim: Box::new(ours.clone()), manifest: None });
    };
    let manifest: Option<Manifest> = records.read(&manifest_key(case_id)).await?;
    if may_take_over(&claim, manifest.as_ref(), ours, button_made_at)
        && records.write_if(&key, ours, Some(&state)).await?.is_some()
    {
        return Ok(Claimed::Ours);
    }
    Ok(Claimed::Before { claim: Box::new(claim), manifest: manifest.map(Box::new) })
}

/// Reads who decided, if somebody has.
pub(crate) async fn read(records: &Records, case_id: &str) -> Result<Option<Claim>, RecordError> {
    records.read(&claim_key(case_id)).await
}

fn may_take_over(before: &Claim, manifest: Option<&Manifest>, ours: &Claim, button_made_at: Option<Timestamp>) -> bool {
    if before.dismissed.is_some() {
        // Another type of finding in the same object is another matter.
        return before.finding_type != ours.finding_type;
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
    let heard_at = manifest.and_then(Manifest::last_activity).map_or(before.at, |at| at.max(before.at));
    let is_dead = ours.at.duration_since(heard_at) > DEAD_AFTER;
    // A button is offered once more only after the remediation failed for good.
    let was_offered_again = button_made_at.is_some_and(|made_at| made_at > heard_at);
    is_dead || was_offered_again || (manifest.is_none() && is_same_person(before, ours))
}

/// The invocation may have failed: the same person may ask again.
fn is_same_person(before: &Claim, ours: &Claim) -> bool {
    match (before.decision.click(), ours.decision.click()) {
        (Some(before), Some(ours)) => before.user_id == ours.user_id,
        _ => false,
    }
}
