//! The two directions of Slack: requests that claim to come from it, and messages that go to it.

mod client;
mod verify;

pub use client::{Slack, SlackError};
pub use verify::{VerifyError, verify};
