//! The edges that every function shares: environment, AWS configuration, secrets, Slack, error reports.
//!
//! Nothing here decides anything about a scan or a finding; decisions live in `domain`. Nothing here is done at
//! start-up either: clients and secrets are made at their first use, because a function must answer its first event
//! within milliseconds of its start.

mod aws;
pub mod env;
pub mod execution;
pub mod http;
pub mod invoke;
mod logging;
pub mod metrics;
pub mod records;
mod report;
pub mod secret;
pub mod slack;
pub mod task;

pub use aws::aws_config;
pub use logging::init_logging;
pub use report::{chain, diagnostic, start_up};
