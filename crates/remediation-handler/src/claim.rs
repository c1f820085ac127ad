//! `cases/<case-id>/claim.json`: the first click wins.

use domain::finding::Finding;
use domain::quarantine::{Claim, Manifest, claim_key, manifest_key};
use domain::remediation::Decision;
use jiff::{SignedDuration, Timestamp};
use platform::records::{RecordError, Records};

/// A claim without a result after this time was left behind by a run that died. To act on it once more is harmless,
/// since the remediator goes on where an earlier run stopped.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// What came of a claim.
#[derive(Debug, PartialEq)]
pub(crate) enum Claimed {
    /// The case is ours.
    Ours,
    /// Somebody decided before, and the remediator has nothing more to do for it.
    Before { claim: Box<Claim>, manifest: Option<Box<Manifest>> },
}

/// Claims the case for this decision. A claim whose remediation did not move the object, or never ended, is taken over.
pub(crate) async fn claim(
    records: &Records,
    case_id: &str,
    finding: &Finding,
    decision: &Decision,
    now: Timestamp,
) -> Result<Claimed, RecordError> {
    let key = claim_key(case_id);
    let ours = Claim { finding_id: finding.id.clone(), decision: decision.recorded(), at: now };
    if records.create(&key, &ours).await? {
        return Ok(Claimed::Ours);
    }
    let Some((claim, state)) = records.read_state::<Claim>(&key).await? else {
        // Deleted by hand since: whoever clicks next creates it.
        return Ok(Claimed::Before { claim: Box::new(ours), manifest: None });
    };
    let manifest: Option<Manifest> = records.read(&manifest_key(case_id)).await?;
    if may_take_over(&claim, manifest.as_ref(), decision, now)
        && records.write_if(&key, &ours, Some(&state)).await?.is_some()
    {
        return Ok(Claimed::Ours);
    }
    Ok(Claimed::Before { claim: Box::new(claim), manifest: manifest.map(Box::new) })
}

fn may_take_over(claim: &Claim, manifest: Option<&Manifest>, decision: &Decision, now: Timestamp) -> bool {
    let ended = manifest.and_then(|manifest| manifest.outcome().zip(manifest.ended_at()));
    match ended {
        Some((outcome, _)) if outcome.is_quarantined() => false,
        // It ended without a move after this claim was made: the claim is used up.
        Some((_, at)) if at >= claim.at => true,
        // It is under way. The same person may ask again, for example because the invocation failed.
        _ => now.duration_since(claim.at) > STALE_AFTER || (manifest.is_none() && is_same_person(claim, decision)),
    }
}

fn is_same_person(claim: &Claim, decision: &Decision) -> bool {
    match (&claim.decision, decision) {
        (Decision::Person(before), Decision::Person(now)) => before.user_id == now.user_id,
        _ => false,
    }
}
