use super::blocks::{Message, section};
use super::{facts, restored};
use crate::quarantine::Manifest;
use crate::remediation::Click;

/// Tells the channel that the first of two people pressed a button about an object in quarantine: `button` is its name.
/// The message with the button stays, and this one comes beside it.
#[must_use]
pub fn one_more_person(manifest: &Manifest, button: &str, first: &Click) -> Message {
    let object = restored::object(manifest);
    let agreed = facts::clicked_by(first);
    let text = format!("{button}: one more person has to agree, for {object}");
    let blocks = [section(&format!(
        "*{button}* for {object}\n*Agreed*\n{agreed}\n*Next:* one more person has to press the button, because the \
         severity is High."
    ))];
    Message::new(&text, blocks).beside_the_original()
}
