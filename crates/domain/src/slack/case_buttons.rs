//! The buttons of a case whose object is, or was, in quarantine.

use jiff::Timestamp;

use super::blocks::{Button, Confirm};
use super::button::{Action, Signer};
use super::facts;
use crate::quarantine::{MOST_VERSIONS_AT_ONCE, Manifest};
use crate::text::{cut, visible};

/// Characters of a key in a dialog, which takes 300 in all.
const KEY: usize = 80;

/// Puts the object back, or only takes the copy out of quarantine where the original could not be deleted. None while
/// there is nothing in quarantine.
pub(super) fn restore(manifest: &Manifest, signer: &Signer<'_>) -> Option<Button> {
    let original = manifest.original.as_ref().filter(|_| manifest.has_copy())?;
    let value = signer.value(Action::Restore, &manifest.case_id)?;
    // The time of a dialog is no markup, which Slack would show in the reader's zone.
    let until =
        until(manifest, signer).map(|until| format!(" Possible until {}.", until.strftime("%Y-%m-%d %H:%M UTC")));
    let question = format!(
        "Put {} back into {}, where it was? Whoever can read that bucket can read the data again.{}",
        cut(&visible(&original.key), KEY),
        original.bucket,
        until.unwrap_or_default(),
    );
    let confirm = Confirm::new("Restore this object?", &question, "Restore", "Cancel");
    Some(Button::danger("Restore", Action::Restore.action_id(), value, confirm))
}

/// Until when the button puts the object back, and what becomes of it then. None where there is no such button.
pub(super) fn how_long(manifest: &Manifest, signer: &Signer<'_>) -> Option<String> {
    restore(manifest, signer)?;
    let until = until(manifest, signer)?;
    let then = match manifest.quarantined_since().and_then(|since| signer.retention().ends_at(since)) {
        None => "It stays in quarantine after that.".to_owned(),
        Some(end) if end <= until => "It is deleted for good then, unless Object Lock keeps it longer.".to_owned(),
        Some(end) => format!(
            "It stays in quarantine until {}, and is deleted for good then, unless Object Lock keeps it longer.",
            facts::time(end)
        ),
    };
    Some(format!("*Restore* puts the object back until {}. {then}", facts::time(until)))
}

fn until(manifest: &Manifest, signer: &Signer<'_>) -> Option<Timestamp> {
    manifest.quarantined_since().map(|since| signer.restorable_until(since))
}

/// Moves the other versions of the key into quarantine too.
pub(super) fn quarantine_versions(manifest: &Manifest, label: &str, signer: &Signer<'_>) -> Option<Button> {
    let original = manifest.original.as_ref()?;
    let value = signer.value(Action::QuarantineVersions, &manifest.case_id)?;
    let question = format!(
        "Move every other version of {} out of {}, the current one included? At most {MOST_VERSIONS_AT_ONCE} at once. \
         Each can be restored on its own.",
        cut(&visible(&original.key), KEY),
        original.bucket,
    );
    let confirm = Confirm::new("Quarantine all versions?", &question, "Quarantine all", "Cancel");
    Some(Button::danger(label, Action::QuarantineVersions.action_id(), value, confirm))
}
