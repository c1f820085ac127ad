use super::blocks::Message;
use super::facts;
use crate::quarantine::Run;

/// Tells whoever pressed a button while the object is worked on, in private.
#[must_use]
pub fn under_way(run: &Run) -> Message {
    Message::private(&format!(
        "The object is being worked on, decided by {}. Nothing else was started. The channel is told once that is done; \
         press again then if it is still needed.",
        facts::decided_by(&run.decision)
    ))
}
