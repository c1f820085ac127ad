use std::collections::BTreeMap;

use super::blocks::{Message, actions, fields, header, section};
use super::button::Signer;
use super::{case_buttons, facts, restored};
use crate::policy::Why;
use crate::quarantine::{Manifest, OtherVersion};
use crate::remediation::Outcome;

/// Versions that are listed one by one.
const MOST_LISTED: usize = 10;

/// Tells what became of the other versions of a case's key: how many were moved, which were not and why.
#[must_use]
pub fn other_versions(manifest: &Manifest, signer: &Signer<'_>) -> Message {
    let object = restored::object(manifest);
    let Some(others) = &manifest.other_versions else {
        return Message::private("Nobody asked for the other versions of this object yet.");
    };
    let (moved, left) = others.moved_and_left();
    let left: Vec<&OtherVersion> =
        left.into_iter().filter(|version| version.outcome != Some(Outcome::AlreadyGone)).collect();
    let title = match (moved, left.is_empty() && !others.more) {
        (0, true) => "No other version is left",
        (_, true) => "All versions quarantined",
        (0, false) => "Other versions not moved",
        (_, false) => "Some versions quarantined",
    };
    let mut blocks = vec![header(title), section(&format!("*Object*\n{object}"))];
    blocks.push(section(&what(moved, &left, others.more)));
    if !left.is_empty() {
        blocks.push(section(&list(&left)));
    }
    blocks.push(fields([("Decided by", facts::decided_by(&others.decision))]));
    let again = (others.more || !left.is_empty())
        .then(|| case_buttons::quarantine_versions(manifest, "Quarantine the rest", signer))
        .flatten();
    blocks.extend(actions(case_buttons::restore(manifest, signer).into_iter().chain(again)));
    blocks.push(restored::small_print(manifest));
    Message::new(&format!("{title}: {object}"), blocks)
}

/// For whoever pressed the button, while it is under way.
#[must_use]
pub fn moving_versions(manifest: &Manifest) -> Message {
    Message::private(&format!(
        "Moving the other versions of {} into quarantine. The channel is told once that is done.",
        restored::object(manifest)
    ))
}

/// Tells that the other versions were not looked at, because this deployment may not touch their bucket any more.
#[must_use]
pub fn other_versions_out_of_reach(manifest: &Manifest, why: Why, signer: &Signer<'_>) -> Message {
    let object = restored::object(manifest);
    let title = "Other versions not moved";
    let (what, next) = facts::out_of_reach(why);
    let mut blocks = vec![header(title), section(&format!("*Object*\n{object}"))];
    blocks.push(section(&format!("{what} Nothing was changed.\n*Next:* {next}")));
    let again = (why == Why::OutsideSources)
        .then(|| case_buttons::quarantine_versions(manifest, "Quarantine all versions", signer))
        .flatten();
    blocks.extend(actions(case_buttons::restore(manifest, signer).into_iter().chain(again)));
    blocks.push(restored::small_print(manifest));
    Message::new(&format!("{title}: {object}"), blocks)
}

fn what(moved: usize, left: &[&OtherVersion], more: bool) -> String {
    let moved = match moved {
        0 => "No other version was moved.".to_owned(),
        1 => "1 other version of the key was moved, exactly as the first.".to_owned(),
        count => format!("{count} other versions of the key were moved, each exactly as the first."),
    };
    let rest = if more { " There are more than one press of the button moves." } else { "" };
    let next = match (left.is_empty(), more) {
        (true, false) => "*Next:* find out how the data got there.",
        (true, true) => "*Next:* press the button for the rest.",
        (false, _) => "*Next:* remove what stands in the way, then press the button for the rest.",
    };
    format!("{moved}{rest}\n{next}")
}

/// The versions that are still in their bucket, by reason.
fn list(left: &[&OtherVersion]) -> String {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for version in left.iter().take(MOST_LISTED) {
        lines.entry(reason(version.outcome.as_ref())).or_default().push(facts::name(&version.version_id));
    }
    let lines = lines.into_iter().map(|(reason, versions)| format!("• {reason}: {}", versions.join(", ")));
    let more = left.len().saturating_sub(MOST_LISTED);
    let more = (more > 0).then(|| format!("• … and {more} more; the record lists them all"));
    format!("*Not moved*\n{}", lines.chain(more).collect::<Vec<_>>().join("\n"))
}

fn reason(outcome: Option<&Outcome>) -> String {
    match outcome {
        Some(Outcome::Quarantined { .. }) => "moved".to_owned(),
        Some(Outcome::AlreadyGone) => "gone already".to_owned(),
        Some(Outcome::ChangedSinceScan { .. }) => "changed meanwhile".to_owned(),
        Some(Outcome::Locked { legal_hold: true, .. }) => "under a legal hold".to_owned(),
        Some(Outcome::Locked { until: Some(until), .. }) => format!("locked until {}", facts::time(*until)),
        Some(Outcome::Locked { .. }) => "locked".to_owned(),
        Some(Outcome::AccessDenied { .. }) => "access denied".to_owned(),
        Some(Outcome::KeyUnusable) => "its encryption key may not be used".to_owned(),
        Some(Outcome::Archived { storage_class }) => format!("archived as {}", facts::name(storage_class)),
        Some(Outcome::OtherRegion) => "in another Region".to_owned(),
        Some(Outcome::OutOfReach { .. }) => "out of this deployment's reach".to_owned(),
        None => "failed, see the log".to_owned(),
    }
}
