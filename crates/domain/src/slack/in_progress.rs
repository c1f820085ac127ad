use super::blocks::{Message, header, section};
use super::facts;
use crate::finding::Finding;
use crate::remediation::Decision;

/// Takes the place of the review request while the object is moved: its button is gone at once.
#[must_use]
pub fn in_progress(finding: &Finding, decision: &Decision) -> Message {
    let object = facts::object(finding);
    Message::new(
        &format!("Moving {object} into quarantine"),
        [
            header("Quarantine in progress"),
            section(&format!("*Object*\n{object}")),
            section(&format!(
                "*Decided by*\n{}\n\nThis message changes once the object is moved. Large objects take minutes.",
                facts::decided_by(decision)
            )),
        ],
    )
}

/// For whoever pressed Remediate in a list of findings, which stays.
#[must_use]
pub fn moving(finding: &Finding) -> Message {
    Message::private(&format!(
        "Moving {} into quarantine. The channel is told once that is done; large objects take minutes.",
        facts::object(finding)
    ))
}
