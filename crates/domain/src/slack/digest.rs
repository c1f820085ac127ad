use super::blocks::{Block, Button, Message, actions, context, fields, header, section};
use super::button::{Action, Signer};
use super::facts;
use crate::digest::{Count, DigestId, Kind, PAGE, Progress};
use crate::finding::Severity;

const MOST_LINES: usize = 20;

/// Tells how many findings came that were not shown in messages of their own, and lets people open them page by page.
/// `closed` once its window is over: the counts are final then.
#[must_use]
pub fn digest(digest: &DigestId, progress: &Progress, closed: bool, signer: &Signer<'_>) -> Message {
    let total = progress.total();
    let findings = if total == 1 { "finding" } else { "findings" };
    let title = format!("{total} more {findings}");
    let more = if closed { "" } else { " More may come; the final count follows in some minutes." };
    let mut blocks = vec![
        header(&title),
        section(&format!(
            "Macie found more at once than a channel can read. The first and the worst were shown; the others are kept \
             here, none is lost.{more}"
        )),
        section(&counts(progress)),
        fields([
            ("Since", facts::time(digest.start())),
            ("Listed so far", format!("{} of {total}", progress.listed())),
        ]),
    ];
    blocks.extend(next(digest, progress, signer));
    blocks.push(context([format!("Digest {}", facts::name(digest.as_str()))]));
    Message::new(&format!("{title} since {}", facts::time(digest.start())), blocks)
}

fn counts(progress: &Progress) -> String {
    let counts = progress.counts();
    let mut lines: Vec<String> = counts
        .iter()
        .take(MOST_LINES)
        .map(|Count { kind, severity, finding_type, count }| {
            let severity = match severity {
                Some(Severity::High) => format!("*{}*", Severity::High),
                Some(other) => other.to_string(),
                None => "Unknown severity".to_owned(),
            };
            let waits = match kind {
                Kind::Review => "*to be decided*",
                Kind::Notice => "*to be looked at*",
                Kind::Quarantined => "in quarantine",
            };
            format!("• {count} × {severity}: {}, {waits}", finding_type.subject())
        })
        .collect();
    if counts.len() > MOST_LINES {
        lines.push(format!("• … and {} more kinds", counts.len() - MOST_LINES));
    }
    lines.join("\n")
}

/// The button, with what it will do.
fn next(digest: &DigestId, progress: &Progress, signer: &Signer<'_>) -> Vec<Block> {
    let count = progress.next_page().len();
    let button = match count {
        0 => None,
        _ => signer.value(Action::ShowMore, digest.as_str()).map(|value| {
            let label = if count < PAGE { format!("Show the last {count}") } else { format!("Show the next {PAGE}") };
            Button::plain(&label, Action::ShowMore.action_id(), value)
        }),
    };
    let hint = match button {
        Some(_) => {
            "*Next:* press the button. It lists the worst of the rest, each with its own button, and updates the counts here."
        }
        None => "All of them were listed.",
    };
    let mut blocks = vec![section(hint)];
    blocks.extend(actions(button));
    blocks
}
