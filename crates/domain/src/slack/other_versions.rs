use std::collections::BTreeMap;

use super::blocks::{Message, actions, fields, header, section};
use super::button::Signer;
use super::{case_buttons, facts, restored};
use crate::policy::Why;
use crate::quarantine::{Manifest, OtherVersion, OtherVersions};
use crate::remediation::Outcome;

/// Versions that are listed one by one.
const MOST_LISTED: usize = 10;

/// Tells what became of the other versions of a case's key: how many were moved, which were not and why.
#[must_use]
pub fn other_versions(manifest: &Manifest, signer: &Signer<'_>) -> Message {
    let Some(others) = &manifest.other_versions else {
        return Message::private("Nobody asked for the other versions of this object yet.");
    };
    let (title, what, again) = match others.out_of_reach {
        Some(why) => out_of_reach(why, others.moved_and_left().0),
        None => tried(others),
    };
    let object = restored::object(manifest);
    let mut blocks = vec![header(title), section(&format!("*Object*\n{object}"))];
    blocks.extend(what.iter().map(|text| section(text)));
    blocks.push(fields([("Decided by", facts::decided_by(&others.decision))]));
    let again = again.and_then(|label| case_buttons::quarantine_versions(manifest, label, signer));
    blocks.extend(actions(case_buttons::restore(manifest, signer).into_iter().chain(again)));
    blocks.push(restored::small_print(manifest));
    Message::new(&format!("{title}: {object}"), blocks)
}

/// A headline, what is said, and the button to press again.
type Told = (&'static str, Vec<String>, Option<&'static str>);

fn out_of_reach(why: Why, moved: usize) -> Told {
    let (what, next) = facts::out_of_reach(why);
    // An earlier run may have begun before the reach was narrowed.
    let (title, changed) = match moved {
        0 => ("Other versions not moved", "Nothing was changed.".to_owned()),
        1 => ("Some versions quarantined", "1 other version had been moved before.".to_owned()),
        count => ("Some versions quarantined", format!("{count} other versions had been moved before.")),
    };
    let what = format!("{what} {changed}\n*Next:* {next}");
    (title, vec![what], why.can_be_lifted().then_some("Quarantine all versions"))
}

fn tried(others: &OtherVersions) -> Told {
    let (moved, left) = others.moved_and_left();
    let left: Vec<&OtherVersion> =
        left.into_iter().filter(|version| version.outcome != Some(Outcome::AlreadyGone)).collect();
    let is_all = left.is_empty() && !others.more;
    let title = match (moved, is_all) {
        (0, true) => "No other version is left",
        (_, true) => "All versions quarantined",
        (0, false) => "Other versions not moved",
        (_, false) => "Some versions quarantined",
    };
    let mut what = vec![what(moved, &left, others.more)];
    what.extend((!left.is_empty()).then(|| list(&left)));
    (title, what, (!is_all).then_some("Quarantine the rest"))
}

/// For whoever pressed the button, while it is under way.
#[must_use]
pub fn moving_versions(manifest: &Manifest) -> Message {
    Message::private(&format!(
        "Moving the other versions of {} into quarantine. The channel is told once that is done.",
        restored::object(manifest)
    ))
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
        Some(Outcome::KeyUnusable { .. }) => "its encryption key may not be used".to_owned(),
        Some(Outcome::Archived { storage_class, .. }) => format!("archived as {}", facts::name(storage_class)),
        Some(Outcome::OtherRegion) => "in another Region".to_owned(),
        Some(Outcome::OutOfReach { .. }) => "out of this deployment's reach".to_owned(),
        None => "failed, see the log".to_owned(),
    }
}
