//! What the remediator is asked to do, who decided it, and how it ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bucket::BucketAct;
use crate::finding::Finding;
use crate::policy::Why;

/// The payload of the remediator's asynchronous invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub task: Task,
    pub decision: Decision,
}

/// What the remediator is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Task {
    /// Move the finding's object, exactly the scanned version, into quarantine.
    Quarantine { finding: Finding },
    /// Move the object of a case back to where it came from.
    Restore { case_id: String },
    /// Quarantine the other versions of the case's key as well.
    QuarantineVersions { case_id: String },
    /// Turn Block Public Access on for the finding's bucket.
    BlockPublicAccess { finding: Finding },
    /// Turn default encryption on for the finding's bucket.
    EncryptByDefault { finding: Finding },
}

impl Task {
    /// What the task is about, for logs: the id of a finding, or of a case where that is all there is.
    #[must_use]
    pub fn subject_id(&self) -> &str {
        match self {
            Self::Quarantine { finding } | Self::BlockPublicAccess { finding } | Self::EncryptByDefault { finding } => {
                &finding.id
            }
            Self::Restore { case_id } | Self::QuarantineVersions { case_id } => case_id,
        }
    }

    /// What the task turns on for a bucket; none for one about objects.
    #[must_use]
    pub fn bucket_act(&self) -> Option<BucketAct> {
        match self {
            Self::BlockPublicAccess { .. } => Some(BucketAct::BlockPublicAccess),
            Self::EncryptByDefault { .. } => Some(BucketAct::EncryptByDefault),
            Self::Quarantine { .. } | Self::Restore { .. } | Self::QuarantineVersions { .. } => None,
        }
    }

    /// The case that the task belongs to; none for a finding that has no case.
    #[must_use]
    pub fn case_id(&self) -> Option<String> {
        match self {
            Self::Quarantine { finding } | Self::BlockPublicAccess { finding } | Self::EncryptByDefault { finding } => {
                finding.case_id()
            }
            Self::Restore { case_id } | Self::QuarantineVersions { case_id } => Some(case_id.clone()),
        }
    }
}

/// Who decided that the object be moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "camelCase")]
pub enum Decision {
    /// The deployment's configuration.
    Policy,
    /// Somebody pressed a button.
    Person(Click),
    /// Two people pressed it, one after the other, as the deployment asks for.
    TwoPeople(Box<TwoClicks>),
}

/// Two people, who are different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwoClicks {
    pub first: Click,
    pub second: Click,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Click {
    /// Slack's id of the person: names can be changed, ids cannot.
    pub user_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    pub channel_id: String,
    pub decided_at: Timestamp,
    /// Where the clicked message can be replaced, for 30 minutes and five times. It works like a password for the
    /// message, so it is never recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_url: Option<String>,
}

impl Decision {
    /// The decision as it may be kept: without the `response_url`.
    #[must_use]
    pub fn recorded(&self) -> Self {
        match self {
            Self::Policy => Self::Policy,
            Self::Person(click) => Self::Person(click.recorded()),
            Self::TwoPeople(clicks) => Self::TwoPeople(Box::new(TwoClicks {
                first: clicks.first.recorded(),
                second: clicks.second.recorded(),
            })),
        }
    }

    /// Whether the same person decided, or the same two, in whatever order and whenever.
    #[must_use]
    pub fn is_by_the_people_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Policy, Self::Policy) => true,
            (Self::Person(one), Self::Person(other)) => one.user_id == other.user_id,
            (Self::TwoPeople(one), Self::TwoPeople(other)) => {
                let one = [&one.first.user_id, &one.second.user_id];
                [&other.first.user_id, &other.second.user_id].iter().all(|user| one.contains(user))
            }
            _ => false,
        }
    }

    /// The click that settled it.
    #[must_use]
    pub fn click(&self) -> Option<&Click> {
        match self {
            Self::Policy => None,
            Self::Person(click) => Some(click),
            Self::TwoPeople(clicks) => Some(&clicks.second),
        }
    }

    /// Where the clicked message can be replaced.
    #[must_use]
    pub fn response_url(&self) -> Option<&str> {
        self.click()?.response_url.as_deref()
    }
}

impl Click {
    /// The click as it may be kept: without the `response_url`.
    #[must_use]
    pub fn recorded(&self) -> Self {
        Self { response_url: None, ..self.clone() }
    }
}

/// How a remediation ended. What may heal by itself is no outcome but an error, and is tried again.
///
/// `copied` says that a copy of the scanned content lies in quarantine, be it of this attempt or of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// The scanned version is in the quarantine bucket and nowhere else.
    ///
    /// `remaining_versions` counts the key's other versions; none when they could not be listed.
    Quarantined { proof: Proof, remaining_versions: Option<u32> },
    /// The object was gone before anything was done.
    AlreadyGone,
    /// The key holds something else than what was scanned. With `copied`, the scanned content is in quarantine and the
    /// newer one was left alone.
    ChangedSinceScan { copied: bool },
    /// Object Lock keeps the version: a retention period, or a legal hold.
    Locked { until: Option<Timestamp>, legal_hold: bool, copied: bool },
    /// A policy refuses one of the steps.
    AccessDenied { step: Step, copied: bool },
    /// The object is encrypted with a key that may not be used here.
    KeyUnusable {
        #[serde(default)]
        copied: bool,
    },
    /// The object is in an archive and has to be restored first.
    Archived {
        storage_class: String,
        #[serde(default)]
        copied: bool,
    },
    /// The bucket is in another Region than this deployment.
    OtherRegion,
    /// This deployment may not touch the bucket, or not any more.
    OutOfReach { why: Why, copied: bool },
}

/// Which step a policy refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    Read,
    Copy,
    Delete,
}

/// What was compared before the original was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "compared", rename_all = "camelCase")]
pub enum Proof {
    /// Size and a checksum over the whole object.
    Checksum { algorithm: String, value: String },
    /// Size and `ETag`.
    Etag { value: String },
    /// Size only: S3 has nothing more in common for the two, as after a copy in parts or to another KMS key. S3 itself
    /// checks the bytes while it copies.
    Size,
}

impl Outcome {
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        matches!(self, Self::Quarantined { .. })
    }

    /// Whether a copy of the scanned content lies in quarantine: the object was moved, or copied and then not deleted.
    #[must_use]
    pub fn left_a_copy(&self) -> bool {
        match self {
            Self::Quarantined { .. } => true,
            Self::ChangedSinceScan { copied }
            | Self::Locked { copied, .. }
            | Self::AccessDenied { copied, .. }
            | Self::KeyUnusable { copied }
            | Self::Archived { copied, .. }
            | Self::OutOfReach { copied, .. } => *copied,
            Self::AlreadyGone | Self::OtherRegion => false,
        }
    }

    /// The same end, where a copy lies in quarantine or not.
    #[must_use]
    pub fn with_copy(mut self, is_there: bool) -> Self {
        match &mut self {
            Self::ChangedSinceScan { copied }
            | Self::Locked { copied, .. }
            | Self::AccessDenied { copied, .. }
            | Self::KeyUnusable { copied }
            | Self::Archived { copied, .. }
            | Self::OutOfReach { copied, .. } => *copied = is_there,
            // The one always, the others never: their copy would be all that is left, and the move complete.
            Self::Quarantined { .. } | Self::AlreadyGone | Self::OtherRegion => {}
        }
        self
    }

    /// Whether a person can remove the obstacle and press the button once more.
    #[must_use]
    pub fn can_be_tried_again(&self) -> bool {
        match self {
            Self::Locked { .. } | Self::AccessDenied { .. } | Self::KeyUnusable { .. } | Self::Archived { .. } => true,
            Self::OutOfReach { why, .. } => why.can_be_lifted(),
            Self::Quarantined { .. } | Self::AlreadyGone | Self::ChangedSinceScan { .. } | Self::OtherRegion => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_written_as_the_remediator_reads_it() {
        let text = r#"{"task":{"quarantine":{"finding":{"id":"f1","type":"SensitiveData:S3Object/Financial"}}},
            "decision":{"by":"person","userId":"U1","channelId":"C1","decidedAt":"2026-11-20T10:15:02Z","responseUrl":"https://hooks.slack.com/a"}}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&request).unwrap(), serde_json::from_str::<serde_json::Value>(text).unwrap());
        let policy: Decision = serde_json::from_str(r#"{"by":"policy"}"#).unwrap();
        assert_eq!(policy, Decision::Policy);
        for task in [
            r#"{"restore":{"caseId":"c1"}}"#,
            r#"{"quarantineVersions":{"caseId":"c1"}}"#,
            r#"{"blockPublicAccess":{"finding":{"id":"f1","type":"Policy:IAMUser/S3BucketPublic"}}}"#,
            r#"{"encryptByDefault":{"finding":{"id":"f1","type":"Policy:IAMUser/S3BucketEncryptionDisabled"}}}"#,
        ] {
            let read: Task = serde_json::from_str(task).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), task);
            assert!(matches!(read.subject_id(), "c1" | "f1"));
        }
    }

    #[test]
    fn the_sample_request_asks_for_quarantine_by_a_person() {
        let sample = include_str!("../../../samples/events/finding-remediator.quarantine.json");
        let request: Request = serde_json::from_str(sample).unwrap();
        assert!(matches!(request.task, Task::Quarantine { .. }), "{:?}", request.task);
        assert!(matches!(request.decision, Decision::Person(_)), "{:?}", request.decision);
    }

    #[test]
    fn what_is_recorded_holds_no_response_url() {
        let click = Click {
            user_id: "U1".into(),
            user_name: None,
            channel_id: "C1".into(),
            decided_at: Timestamp::UNIX_EPOCH,
            response_url: Some("https://hooks.slack.com/actions/secret".into()),
        };
        let recorded = serde_json::to_string(&Decision::Person(click).recorded()).unwrap();
        assert!(!recorded.contains("secret"), "{recorded}");
    }
}
