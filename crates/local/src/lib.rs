//! The world without AWS: starts the local cloud, deploys the real templates to it, plays Slack, and tells the stories.
//!
//! Knows the Lambda functions only as programs: what runs here is what is packaged for AWS, built for this machine.

mod announcements;
pub mod archive;
pub mod cloud;
pub mod deployment;
pub mod machine;
pub mod mail;
pub mod narrator;
pub mod permissions;
pub mod process;
pub mod run_folder;
pub mod samples;
pub mod slack;
pub mod stories;
pub mod until;
pub mod world;

use std::path::Path;

/// The checkout that this program was built from: templates, samples and the cloud's plug-in are read from it.
#[must_use]
pub fn checkout() -> &'static Path {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    crates.ancestors().nth(2).unwrap_or(crates)
}
