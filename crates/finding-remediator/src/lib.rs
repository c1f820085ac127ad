//! `FindingRemediator`: moves the scanned version of an object into the quarantine bucket and tells Slack.
//!
//! - **Trigger**: asynchronous invocation by `FindingHandler` or `RemediationHandler` with a
//!   [`domain::remediation::Request`]. Lambda tries a failed one twice more, then hands it to `FindingQueue`.
//! - **Reads**: the object, its tags and the list of its versions; `cases/<case-id>/manifest.json`; the Slack webhook's
//!   secret.
//! - **Changes**: writes the copy and the manifest into the quarantine bucket, deletes exactly the scanned version from
//!   its bucket, replaces the clicked message or posts a new one.
//! - **IAM**: source buckets `s3:GetObject*`, `s3:GetObjectVersion*`, `s3:GetObject(Version)Tagging`,
//!   `s3:DeleteObject(Version)`, `s3:ListBucket(Versions)`; quarantine bucket `s3:PutObject`, `s3:GetObject*`,
//!   `s3:PutObjectTagging`, `s3:AbortMultipartUpload`, `s3:ListBucket`; `secretsmanager:GetSecretValue`.
//!
//! Every step may be the last one before a crash, so the order is fixed: record, copy, compare, delete, check, record,
//! tell, record. Whatever is missing is done by the next run, and the object is in at least one place at any time.

mod config;
mod copy;
mod error;
mod handler;
mod inspect;
mod record;
mod remove;
mod tell;

pub use config::Config;
pub use error::Error;
pub use handler::{Handled, Remediator};

#[cfg(test)]
mod tests;
