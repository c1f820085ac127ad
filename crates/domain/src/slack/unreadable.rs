use super::blocks::{Message, actions, fields, header, section};
use super::facts;

/// What can be read of a record that cannot be acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// Names and values, as far as they are texts.
    pub facts: Vec<(&'static str, String)>,
}

/// Tells of a finding that Macie published in a form that this version does not know.
#[must_use]
pub fn unreadable_finding(unreadable: &Unreadable) -> Message {
    message(
        "A finding could not be read",
        "Macie published a finding that this version cannot read, so *nothing was done about it*. *Next:* look for it in \
         Macie's console, act by hand, and update this product.",
        unreadable,
    )
}

/// Tells of a remediation that failed and whose request cannot be read.
#[must_use]
pub fn unreadable_request(unreadable: &Unreadable) -> Message {
    message(
        "A remediation failed",
        "A request to the remediator failed, and it cannot be read any more, perhaps because of an update in between. \
         *Next:* look for the request's id in the log of the remediator; the records of cases in the quarantine bucket \
         say how far it came.",
        unreadable,
    )
}

fn message(title: &str, what: &str, unreadable: &Unreadable) -> Message {
    let fact = |wanted| unreadable.facts.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
    let open = fact("Region").zip(fact("Finding")).and_then(|(region, id)| facts::open_button_of(region, id));
    let known = unreadable.facts.iter().map(|(name, value)| (*name, facts::name(value)));
    let mut blocks = vec![header(title), section(what)];
    if !unreadable.facts.is_empty() {
        blocks.push(fields(known));
    }
    blocks.extend(actions(open));
    Message::new(title, blocks)
}
