//! `FindingHandler`: decides about findings, and either has the object quarantined or asks the channel.
//!
//! - **Trigger**: `FindingQueue` (SQS), in batches, with partial batch failures. A body is an `EventBridge` event with a
//!   Macie finding, or Lambda's record of a remediation that failed after its retries.
//! - **Reads**: `cases/<case-id>/manifest.json` and `shown.json` in the quarantine bucket; the Slack webhook's secret.
//! - **Changes**: invokes `FindingRemediator` asynchronously, posts to Slack, writes `cases/<case-id>/shown.json`.
//! - **IAM**: `sqs:ReceiveMessage`, `sqs:DeleteMessage`, `sqs:GetQueueAttributes`; `lambda:InvokeFunction` on the
//!   remediator; `s3:GetObject`, `s3:PutObject` on `cases/*` and `s3:ListBucket` of the quarantine bucket;
//!   `secretsmanager:GetSecretValue`.
//!
//! A record has one of three fates: not ours or unusable (logged, deleted from the queue, since no retry could help),
//! handled, or failed (back to the queue, after its retries to the dead-letter queue and its alarm).

mod config;
mod error;
mod handler;
mod record;

pub use config::Config;
pub use error::Error;
pub use handler::FindingHandler;
pub use record::{Batch, BatchReport};

#[cfg(test)]
mod tests;
