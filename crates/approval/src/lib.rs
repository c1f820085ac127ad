//! Approval: a press of Approve or Reject becomes one recorded decision, one mail, and the end of the wait.
//!
//! - **Started by** Amazon Q, which runs the command of a custom action and names a scan, nothing else; and by the state
//!   machine, when nobody decided in time and, after the wait, to learn what is recorded and to have everybody told.
//! - **Reads** the records of the scan in the evidence bucket: everything that a mail says comes from there. And whether
//!   the scan's execution still runs: from a decision on one that was stopped nothing would follow.
//! - **Changes** the evidence bucket (`decision.json` and `mail.json`, once), completes the waiting task, sends one mail,
//!   and publishes the notification of an expiry.
//! - **May** `s3:GetObject`, `s3:PutObject` on the records, `ses:SendEmail` as the stack's sender,
//!   `states:SendTaskSuccess`, `states:DescribeExecution` of this state machine, `sns:Publish`.
//!
//! The first decision wins, because its record can be created only once. The end of the wait that a crash leaves undone
//! is done by the next press or by the expiry, the mail by the state machine, which has the time to wait for SES. Neither
//! decides anew.

mod config;
mod error;
mod handler;
mod machine;
mod reply;
mod tell;

pub use config::Config;
pub use error::Error;
pub use handler::Approval;
pub use reply::{Answer, Recorded, Reply, Telling};
