//! The buttons of a case whose object is, or was, in quarantine.

use super::blocks::{Button, Confirm};
use super::button::{Action, Signer};
use crate::quarantine::{MOST_VERSIONS_AT_ONCE, Manifest};
use crate::text::{cut, visible};

/// Characters of a key in a dialog, which takes 300 in all.
const KEY: usize = 80;

/// Puts the object back, or only takes the copy out of quarantine where the original could not be deleted. None while
/// there is nothing in quarantine.
pub(super) fn restore(manifest: &Manifest, signer: &Signer<'_>) -> Option<Button> {
    let original = manifest.original.as_ref().filter(|_| manifest.has_copy())?;
    let value = signer.value(Action::Restore, &manifest.case_id)?;
    let question = format!(
        "Put {} back into {}, where it was? Whoever can read that bucket can read the data again.",
        cut(&visible(&original.key), KEY),
        original.bucket,
    );
    let confirm = Confirm::new("Restore this object?", &question, "Restore", "Cancel");
    Some(Button::danger("Restore", Action::Restore.action_id(), value, confirm))
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
