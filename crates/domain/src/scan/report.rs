//! The record of a scan's verdict: `scans/<scan id>/report.json`, written once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ScanId, Upload, build::Build, diagnosis::Verdict, unjudged::Unjudged};

/// The name of the record in the evidence bucket.
pub const REPORT: &str = "report.json";
/// The name of the record that holds the token of the waiting execution.
pub const TASK: &str = "task.json";
/// The name of the mark that the channel was told.
pub const NOTIFIED: &str = "notified.json";
/// The name of the mark that the channel was told of a failure after the verdict.
pub const FAILED: &str = "failed.json";

/// What was scanned, and what came out. Everything that an approver, a mail or a pipeline says about a scan is read
/// from here.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The scan.
    pub scan_id: ScanId,
    /// The execution of the state machine.
    pub execution_arn: String,
    /// What was uploaded.
    pub upload: Upload,
    /// Who uploaded it, as far as S3 tells: an account or a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// The project on the SonarQube server.
    pub project_key: String,
    /// The build, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildRecord>,
    /// What the verdict does not cover, if the build counted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unjudged: Option<Unjudged>,
    /// The verdict, with what led to it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether the project's scan before this one failed its gate, and this one passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovered: bool,
    /// When the verdict was recorded.
    pub recorded_at: Timestamp,
}

impl Report {
    /// Whether this is the report of that scan, as far as a scan's id tells: an execution's name is used once only, for
    /// as long as Step Functions remembers it.
    #[must_use]
    pub fn is_of(&self, scan_id: &ScanId) -> bool {
        self.scan_id == *scan_id && scan_id.names(&self.execution_arn)
    }

    /// The mark that something about it was sent, under this id of SNS or SES.
    #[must_use]
    pub fn sent(&self, message_id: Option<String>) -> Sent<'_> {
        Sent { scan_id: &self.scan_id, upload: &self.upload, message_id }
    }

    /// Whether it is about exactly this execution and version.
    #[must_use]
    pub fn is_about(&self, execution_arn: &str, upload: &Upload) -> bool {
        self.execution_arn == execution_arn && self.upload.is_version_of(upload)
    }
}

/// The last confirmed verdict on a project: `projects/<project key>.json`. Scans that the pipeline failed are left
/// out: they say nothing about the code.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProjectState {
    /// Whether the gate was passed.
    pub passed: bool,
    /// Which scan found out.
    pub scan_id: ScanId,
    /// When what it scanned was uploaded. Scans of one project can end in another order.
    #[serde(flatten)]
    pub moment: Moment,
}

/// Orders the scans of a project: by their uploads, then by their begin. S3's events tell seconds only, and a version can
/// be scanned again.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// When the event of the upload was made.
    pub uploaded_at: Option<Timestamp>,
    /// When the execution began.
    pub started_at: Option<Timestamp>,
}

impl Moment {
    /// Of an upload whose event says when it was made, scanned since `started_at`. No upload is later than the begin of its
    /// scan, whatever the event says: a moment in the future would make its verdict the project's last one for ever.
    #[must_use]
    pub fn of(said: Option<&str>, started_at: Timestamp) -> Self {
        let said = said.and_then(|text| text.parse::<Timestamp>().ok());
        let uploaded_at = said.map_or(started_at, |said| said.min(started_at));
        Self { uploaded_at: Some(uploaded_at), started_at: Some(started_at) }
    }
}

impl ProjectState {
    /// Where the state of a project lies in the evidence bucket.
    #[must_use]
    pub fn key(project_key: &str) -> String {
        format!("projects/{project_key}.json")
    }

    /// What a report on an upload of that moment says about its project, if it says anything.
    #[must_use]
    pub fn of(report: &Report, moment: Moment) -> Option<Self> {
        let passed = match report.verdict {
            Verdict::Passed => true,
            Verdict::QualityGateFailed(_) => false,
            Verdict::PipelineFailed(_) => return None,
        };
        Some(Self { passed, scan_id: report.scan_id.clone(), moment })
    }

    /// Whether an upload of that moment is newer than what this state is about.
    #[must_use]
    pub fn is_older_than(&self, moment: Moment) -> bool {
        self.moment < moment
    }
}

/// Which scan has an uploaded version: [`Upload::index_key`]. Written before the scan begins.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct UploadIndex {
    /// The scan.
    pub scan_id: ScanId,
    /// Its execution. If that is dead, another scan may have the version.
    pub execution_arn: String,
}

impl UploadIndex {
    /// The scan that has the version, if it is another one than this.
    #[must_use]
    pub fn other_than(self, scan_id: &ScanId) -> Option<ScanId> {
        Some(self.scan_id).filter(|owner| owner != scan_id)
    }
}

/// Where to find the build and its log.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct BuildRecord {
    /// `project:uuid`.
    pub id: String,
    /// The build's ARN, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The log group, if logs exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// The log stream, if logs exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_stream: Option<String>,
}

impl BuildRecord {
    /// What the record keeps of a build; nothing of a build without an id.
    #[must_use]
    pub fn of(build: &Build) -> Option<Self> {
        Some(Self {
            id: build.id.clone()?,
            arn: build.arn.clone(),
            log_group: build.log_group.clone(),
            log_stream: build.log_stream.clone(),
        })
    }
}

/// The token with which the waiting execution is completed. Overwritten when the state machine tries again, because
/// every try has a new token.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WaitingTask {
    /// Up to 2,048 characters.
    pub task_token: String,
    /// What the state machine sends along when the time is over. Nobody else knows it.
    pub expiry_key: String,
    /// What is decided about. Missing in records of the first releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
}

/// The mark that something about a scan was sent: [`NOTIFIED`], [`FAILED`], [`MAIL`](super::decision::MAIL). It counts by
/// being there; what it says is for people.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Sent<'a> {
    scan_id: &'a ScanId,
    upload: &'a Upload,
    message_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_upload_is_later_than_the_begin_of_its_scan() {
        let started: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        for (said, expected) in [
            (Some("2026-11-21T09:59:58Z"), "2026-11-21T09:59:58Z"),
            (Some("9999-01-01T00:00:00Z"), "2026-11-21T10:00:00Z"),
            (Some("yesterday"), "2026-11-21T10:00:00Z"),
            (None, "2026-11-21T10:00:00Z"),
        ] {
            let moment = Moment::of(said, started);
            assert_eq!((moment.uploaded_at, moment.started_at), (expected.parse().ok(), Some(started)), "{said:?}");
        }
    }
}
