//! `FindingRemediator`: moves the scanned version of an object into the quarantine bucket, or back, moves the other
//! versions of its key, turns protections of a bucket on, and tells Slack what became of a click.
//!
//! - **Trigger**: asynchronous invocation by `FindingHandler` or `RemediationHandler` with a
//!   [`domain::remediation::Request`]. Lambda tries a failed one twice more. Once it has ended, well or not, Lambda puts
//!   it into `FindingQueue`: what nobody clicked for is told from there.
//! - **Reads**: the object, its tags and the list of its versions; Block Public Access and default encryption of its
//!   bucket; the case's records; the Slack webhook's secret and the key that signs buttons.
//! - **Changes**: writes copies and records into the quarantine bucket, deletes exactly the version that was copied,
//!   writes a restored object only where nothing newer is, turns the two protections on; replaces the clicked message or
//!   posts a new one.
//! - **IAM**: source buckets `s3:GetObject`, `s3:GetObjectVersion`, their `Tagging`, `s3:GetObjectLegalHold`,
//!   `s3:GetObjectRetention`, `s3:PutObject`, `s3:PutObjectTagging`, `s3:AbortMultipartUpload`, `s3:DeleteObject`,
//!   `s3:DeleteObjectVersion`, `s3:ListBucket`, `s3:ListBucketVersions`, and reading and writing of
//!   `BucketPublicAccessBlock` and `EncryptionConfiguration`; quarantine bucket the same for objects, but
//!   `s3:DeleteObjectVersion` only below `objects/` and `s3:DeleteObject` not at all; `secretsmanager:GetSecretValue`;
//!   `sqs:SendMessage` for the destinations; `kms:Decrypt` and `kms:GenerateDataKey` on the keys of the
//!   parameters.
//!
//! Of two runs about one object, the second does nothing: the first notes itself in the record, until when Lambda lets it
//! run, and only its own retries go on with it.
//!
//! Every step may be the last one before a crash, so the order is fixed: record, copy, compare, delete, check, record,
//! tell, record. Whatever is missing is done by the next run, and the object is in at least one place at any time.

mod bucket;
mod config;
mod copy;
mod error;
mod handler;
mod inspect;
mod listing;
mod quarantine;
mod record;
mod remove;
mod restore;
mod tell;
mod versions;

pub use config::Config;
pub use error::Error;
pub use handler::{Ended, Handled, Invocation, Remediator};

#[cfg(test)]
mod tests;
