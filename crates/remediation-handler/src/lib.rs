//! `RemediationHandler`: takes a click on a button in Slack and starts the remediation.
//!
//! - **Trigger**: `POST /slack/actions` of the HTTP API; Slack's interactivity request.
//! - **Reads**: the finding, from Macie and never from the button; `cases/<case-id>/manifest.json`; Slack's signing
//!   secret.
//! - **Changes**: writes `cases/<case-id>/claim.json` and `first-approval.json`, the latter also for Restore and Quarantine
//!   all versions, and, for a dismissal, `manifest.json` in the quarantine bucket; invokes `FindingRemediator` asynchronously; answers the person who clicked
//!   in private, or replaces the message.
//! - **IAM**: `macie2:GetFindings`; `s3:GetObject` on `cases/*`, digests' `closed.json` and `presses/*`, `s3:PutObject`
//!   on those records, `presses/*` and digests' `listed/*`, `s3:ListBucket` of the quarantine bucket; `lambda:InvokeFunction` on the remediator; `secretsmanager:GetSecretValue`.
//!
//! Slack waits three seconds for the answer. Nothing runs after it, since Lambda freezes the function then, so what takes
//! longer is the remediator's, the message about it included.

mod api;
mod approval;
mod before;
mod bucket;
mod case;
mod claim;
mod config;
mod decide;
mod dismiss;
mod error;
mod finding;
mod gate;
mod handler;
mod interaction;
mod note;
mod quarantine;
mod reopen;
mod show_more;

pub use config::Config;
pub use error::Error;
pub use handler::RemediationHandler;

#[cfg(test)]
mod tests;
