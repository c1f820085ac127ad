use super::blocks::Message;
use super::facts;
use crate::bucket::{BucketAct, BucketOutcome, BucketRecord, BucketState, DEAD_AFTER};
use crate::finding::FindingType;
use crate::quarantine::{Claim, Manifest};

/// Tells whoever clicked second who decided, when, and how far it is. No claim when nobody pressed a button: the
/// configuration decided.
#[must_use]
pub fn already_decided(claim: Option<&Claim>, manifest: Option<&Manifest>) -> Message {
    let is_quarantined = manifest.is_some_and(Manifest::is_quarantined);
    if let Some(message) = claim.filter(|_| !is_quarantined).and_then(dismissed_already) {
        return message;
    }
    // Somebody decided once more since.
    let is_anew = claim.zip(manifest.and_then(Manifest::settled_at)).is_some_and(|(claim, at)| claim.at > at);
    let state = match manifest.filter(|_| is_quarantined || !is_anew) {
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

/// The same about the settings of a bucket. `kind` is the finding's, `record` what its button turned on or tried to, in
/// this attempt or an earlier one; none before the first.
#[must_use]
pub fn bucket_already_decided(claim: Option<&Claim>, kind: &FindingType, record: Option<&BucketRecord>) -> Message {
    if let Some(message) = claim.and_then(dismissed_already) {
        return message;
    }
    let record = record.filter(|record| claim.is_none_or(|claim| record.is_of(claim)));
    let by = claim.map(|claim| &claim.decision).or_else(|| record.map(|record| &record.decision));
    let by = by.map_or_else(|| "somebody else".to_owned(), facts::decided_by);
    let state = BucketAct::of(kind).map(|act| {
        let name = act.label();
        match record.and_then(BucketRecord::outcome) {
            None => format!(" {}", without_an_end(name, record)),
            Some(BucketOutcome::TurnedOn) => format!(" {name} was turned on."),
            Some(BucketOutcome::AlreadyOn) => format!(" {name} was on already."),
            Some(BucketOutcome::ChangedMeanwhile) => {
                format!(" {name} was turned on, and something else turned it off; see the message.")
            }
            Some(
                BucketOutcome::AccessDenied
                | BucketOutcome::BucketGone
                | BucketOutcome::OtherRegion
                | BucketOutcome::OutOfReach { .. },
            ) => {
                format!(" {name} could not be turned on; see the message.")
            }
        }
    });
    Message::private(&format!("Already decided by {by}.{}", state.unwrap_or_default()))
}

/// How far an act is of which no end is recorded.
fn without_an_end(name: &str, record: Option<&BucketRecord>) -> String {
    match record.and_then(|record| Some((&record.state, record.heard_at()?))) {
        Some((BucketState::Failed { error_type, at }, _)) => format!(
            "{name} failed at {} ({}), and may be tried again by itself. Press the button again.",
            facts::time(*at),
            facts::name(error_type)
        ),
        Some((BucketState::Started | BucketState::Ended { .. }, at)) => format!(
            "{name} was begun, and no end is recorded. The channel is told how it ends; if it hears nothing until {}, \
             press the button again.",
            facts::time(at.checked_add(DEAD_AFTER).unwrap_or(at))
        ),
        Some((BucketState::Untouched, _)) | None => {
            format!("{name} is being turned on; the channel is told once that is done.")
        }
    }
}

fn dismissed_already(claim: &Claim) -> Option<Message> {
    let reason = claim.dismissal()?;
    let by = facts::decided_by(&claim.decision);
    Some(Message::private(&format!(
        "Dismissed already, by {by}. {}. Nothing was changed.",
        reason.label(&claim.finding_type)
    )))
}
