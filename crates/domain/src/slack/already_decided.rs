use super::blocks::Message;
use super::facts;
use crate::quarantine::{Claim, Manifest};

/// Tells whoever clicked second who decided, when, and how far it is. No claim when nobody pressed a button: the
/// configuration decided.
#[must_use]
pub fn already_decided(claim: Option<&Claim>, manifest: Option<&Manifest>) -> Message {
    let is_quarantined = manifest.is_some_and(Manifest::is_quarantined);
    if let Some(claim) = claim
        && let Some(reason) = claim.dismissal().filter(|_| !is_quarantined)
    {
        return Message::private(&format!(
            "Dismissed already, by {}. {}. Nothing was changed.",
            facts::decided_by(&claim.decision),
            reason.label()
        ));
    }
    let state = match manifest {
        Some(manifest) if manifest.is_restored() => "The object was put back since.",
        _ if is_quarantined => "The object is in quarantine.",
        Some(manifest) if manifest.outcome().is_some() => "The object could not be moved; see the message.",
        _ => "The object is being moved; the message changes once that is done.",
    };
    // What the configuration decides has no claim, and its dismissal is not what moved the object.
    let decided = claim.filter(|claim| claim.dismissal().is_none()).map(|claim| &claim.decision);
    let by = decided.or_else(|| manifest.map(|manifest| &manifest.decision)).map(facts::decided_by);
    let by = by.unwrap_or_else(|| "somebody else".to_owned());
    Message::private(&format!("Already decided by {by}. {state}"))
}
