//! The two directions of Slack: requests that claim to come from it, and messages that go to it.

mod client;
mod pace;
mod verify;

pub use client::{Slack, SlackError};
pub use pace::Pace;
pub use verify::{VerifyError, verify};
