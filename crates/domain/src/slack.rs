//! Messages to Slack: one function and one file each, made of Block Kit blocks.
//!
//! Everything that was written by strangers (keys, tags, names) passes through [`crate::text`] before it is part of a
//! message; the constructors in [`blocks`] keep Slack's limits whatever they are given.

mod already_decided;
mod automatic_paused;
pub mod blocks;
mod bucket_act;
mod bucket_finding;
pub mod button;
mod case_buttons;
mod digest;
mod digest_page;
mod dismissed;
mod facts;
mod in_progress;
mod not_remediated;
mod notice;
mod one_more_person;
mod other_versions;
mod refused;
mod remediated;
mod remediation_failed;
mod restored;
mod review_request;
mod tags;
mod task_failed;
mod under_way;
mod unreadable;

pub use already_decided::{already_decided, bucket_already_decided};
pub use automatic_paused::automatic_paused;
pub use blocks::Message;
pub use bucket_act::bucket_act;
pub use bucket_finding::bucket_finding;
pub use digest::digest;
pub use digest_page::{Listed, Reach, digest_page};
pub use dismissed::dismissed;
pub use in_progress::{in_progress, moving};
pub use not_remediated::not_remediated;
pub use notice::notice;
pub use one_more_person::{one_more_person, one_more_person_for_bucket};
pub use other_versions::{moving_versions, other_versions};
pub use refused::{Refusal, refused};
pub use remediated::{already_quarantined, remediated};
pub use remediation_failed::remediation_failed;
pub use restored::{already_restored, restoration, restored_before, restoring};
pub use review_request::{Approvals, review_request};
pub use task_failed::task_failed;
pub use under_way::under_way;
pub use unreadable::{Unreadable, unreadable_finding, unreadable_request};

/// The button that only opens the console. Slack reports such clicks as well; it has no value.
pub const OPEN_FINDING_ACTION: &str = "open-finding";

#[cfg(test)]
mod tests;
