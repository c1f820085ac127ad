use super::blocks::Message;
use super::facts;
use crate::quarantine::{Claim, Manifest};

/// Tells whoever clicked second who decided, when, and how far it is.
#[must_use]
pub fn already_decided(claim: &Claim, manifest: Option<&Manifest>) -> Message {
    if let Some(reason) = claim.dismissed {
        return Message::private(&format!(
            "Dismissed already, by {}. {}. Nothing was changed.",
            facts::decided_by(&claim.decision),
            reason.label()
        ));
    }
    let state = match manifest {
        Some(manifest) if manifest.is_restored() => "The object was put back since.",
        Some(manifest) if manifest.is_quarantined() => "The object is in quarantine.",
        Some(manifest) if manifest.outcome().is_some() => "The object could not be moved; see the message.",
        _ => "The object is being moved; the message changes once that is done.",
    };
    Message::private(&format!("Already decided by {}. {state}", facts::decided_by(&claim.decision)))
}
