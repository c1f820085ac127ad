//! Approval: a press of Approve or Reject becomes one recorded decision, one mail, and the end of the wait.
//!
//! - **Started by** Amazon Q, which runs the command of a custom action, and by the state machine when nobody decided
//!   in time. The request names a scan and nothing else.
//! - **Reads** the records of the scan in the evidence bucket: everything that a mail says comes from there.
//! - **Changes** the evidence bucket (`decision.json` and `mail.json`, once), sends one mail, publishes the
//!   notification of an expiry, and completes the waiting task.
//! - **May** `s3:GetObject`, `s3:PutObject` on the records, `ses:SendEmail` as the stack's sender,
//!   `states:SendTaskSuccess`, `sns:Publish`.
//!
//! The first decision wins, because its record can be created only once. Whatever a crash leaves undone, the mail or
//! the end of the wait, is done by the next press or by the expiry, and never decides anew.

mod config;
mod error;
mod handler;
mod reply;

pub use config::Config;
pub use error::Error;
pub use handler::Approval;
pub use reply::Reply;
