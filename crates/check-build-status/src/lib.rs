//! CheckBuildStatus: what became of a scan, and who has to know.
//!
//! - **Started by** the state machine `code-scan`: before a scan, to claim the uploaded version for it; after it, be the
//!   build successful or failed, with a task token; and when another step has failed for good, to record that. And by
//!   EventBridge, when an execution has ended where none of its steps could tell: stopped, out of time, broken off.
//! - **Reads** the build in the request (or CodeBuild's, if it was cut off), the build's log, the SonarQube server, the
//!   records of the scan, and from Step Functions what its execution was started with and how it ended.
//! - **Changes** the evidence bucket (`scans/<scan id>/report.json`, `notified.json` and `failed.json` once, `task.json`, the
//!   project's state in `projects/`, the claims in `uploads/`), publishes one notification, and completes the task unless a
//!   person has to decide.
//! - **May** `s3:GetObject`, `s3:PutObject` on the records, `sns:Publish`, `states:SendTaskSuccess`, `SendTaskFailure` and
//!   `DescribeExecution` of this state machine, `secretsmanager:GetSecretValue` on the reader's token, `logs:GetLogEvents` on the build's log
//!   group, `codebuild:BatchGetBuilds` on the project.
//!
//! A version is claimed or judged only for a running execution that was started for it: the function asks Step Functions.
//! The verdict is the server's. What the build says about itself is a hint, because the scanned code runs beside it.

mod best_effort;
mod bind;
mod build_log;
mod claim;
mod config;
mod error;
mod failure;
mod handler;
mod project;
mod request;
mod sonarqube;
mod tell;
mod verdict;

pub use config::Config;
pub use error::Error;
pub use handler::{CheckBuildStatus, Outcome};
