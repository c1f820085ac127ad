use super::blocks::{Message, section};
use super::{facts, restored};
use crate::bucket::BucketAct;
use crate::finding::Finding;
use crate::quarantine::Manifest;
use crate::remediation::Click;

/// Tells the channel that the first of two people pressed a button about an object in quarantine: `button` is its name.
/// The message with the button stays, and this one comes beside it.
#[must_use]
pub fn one_more_person(manifest: &Manifest, button: &str, first: &Click) -> Message {
    ask(button, &restored::object(manifest), first)
}

/// The same about a button that changes the settings of a finding's bucket.
#[must_use]
pub fn one_more_person_for_bucket(finding: &Finding, first: &Click) -> Message {
    let button = BucketAct::of(&finding.kind).map_or("The button", BucketAct::label);
    ask(button, &facts::object(finding), first)
}

fn ask(what: &str, subject: &str, first: &Click) -> Message {
    let agreed = facts::clicked_by(first);
    let text = format!("{what}: one more person has to agree, for {subject}");
    let blocks = [section(&format!(
        "*{what}* for {subject}\n*Agreed*\n{agreed}\n*Next:* one more person has to press the button, because the \
         severity is High."
    ))];
    Message::new(&text, blocks).beside_the_original()
}
