//! `FindingHandler`: decides about findings, and either has the object quarantined or asks the channel.
//!
//! - **Trigger**: `FindingQueue` (SQS), in batches, with partial batch failures. A body is an `EventBridge` event with a
//!   Macie finding, Lambda's record of a remediation that ended or failed, or `{"closeDigest": "<digest id>"}`.
//! - **Reads**: `cases/<case-id>/manifest.json` and `shown.json`, `digests/`, `auto/` and `breaker/` in the quarantine
//!   bucket; the Slack webhook's secret and the key that signs buttons.
//! - **Changes**: invokes `FindingRemediator` asynchronously, posts to Slack, writes `cases/<case-id>/shown.json`,
//!   `digests/`, `auto/` and `breaker/`, sends the message that closes a digest to its own queue.
//! - **IAM**: `sqs:ReceiveMessage`, `sqs:DeleteMessage`, `sqs:GetQueueAttributes`, `sqs:SendMessage`;
//!   `lambda:InvokeFunction` on the remediator; `s3:GetObject`, `s3:PutObject` on those prefixes and `s3:ListBucket` of
//!   the quarantine bucket; `secretsmanager:GetSecretValue`.
//!
//! A record has one of three fates: not ours (logged, deleted from the queue), handled, which for something of ours that
//! cannot be read means told to the channel, or failed (back to the queue, after its retries to the dead-letter queue
//! and its alarm).

mod breaker;
mod config;
mod digest;
mod error;
mod handler;
mod record;
mod show;
mod tell;

pub use config::Config;
pub use error::Error;
pub use handler::FindingHandler;
pub use record::{Batch, BatchReport};
pub use show::Remembered;

#[cfg(test)]
mod tests;
