use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Location, Original};
use crate::policy::Why;
use crate::remediation::{Decision, Proof, Step};

/// An attempt to put the object of a case back where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restoration {
    /// Who decided; never with a `response_url`.
    pub decision: Decision,
    /// Nothing of this attempt is older in S3.
    pub started_at: Timestamp,
    /// The restored object, once it was compared with the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<RestoredTo>,
    pub state: RestorationState,
}

/// Where the object is again, and how that was compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredTo {
    pub at: Location,
    /// What S3 called the upload: without a version of its own, somebody else's may take its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    pub proof: Proof,
}

/// How far a restoration is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum RestorationState {
    /// It may be anywhere between its first and its last step.
    Started,
    Ended {
        #[serde(flatten)]
        outcome: RestoreOutcome,
        at: Timestamp,
        told: bool,
    },
}

/// How a restoration ended. What may heal by itself is no outcome but an error, and is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RestoreOutcome {
    /// The object is back, compared, and `copy` says what became of the one in quarantine.
    Restored { copy: CopyLeft },
    /// The case's object is not in quarantine.
    NotInQuarantine,
    /// Something newer lies under the key, and was left alone.
    Occupied { since: Option<Timestamp> },
    /// The copy in quarantine does not exist any more.
    CopyGone,
    /// A policy refuses one of the steps.
    AccessDenied { step: Step },
    /// The key that the object was or is encrypted with may not be used.
    KeyUnusable,
    /// The bucket that the object came from does not exist any more.
    BucketGone,
    /// What lies under the key after the copy back is not the original. Without a version of its own it may be what
    /// somebody has uploaded over it in the same moment, and was left there.
    Differs,
    /// This deployment may not touch the bucket any more.
    OutOfReach { why: Why },
}

/// What became of the copy in quarantine after the object was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CopyLeft {
    Deleted,
    /// Object Lock or a legal hold keeps it.
    Locked {
        until: Option<Timestamp>,
    },
    /// A policy refuses its deletion.
    Denied,
}

impl Restoration {
    /// How it ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&RestoreOutcome> {
        match &self.state {
            RestorationState::Started => None,
            RestorationState::Ended { outcome, .. } => Some(outcome),
        }
    }

    /// When it ended, if it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            RestorationState::Started => None,
            RestorationState::Ended { at, .. } => Some(at),
        }
    }

    /// Whether this attempt was this decision's, and has ended.
    #[must_use]
    pub fn has_ended_for(&self, decision: &Decision) -> bool {
        self.decision == decision.recorded() && self.outcome().is_some()
    }

    /// Whether Slack took the message about its end.
    #[must_use]
    pub fn was_told(&self) -> bool {
        matches!(self.state, RestorationState::Ended { told: true, .. })
    }
}

impl RestoreOutcome {
    #[must_use]
    pub fn is_restored(&self) -> bool {
        matches!(self, Self::Restored { .. })
    }

    /// Whether a person can remove the obstacle and press the button once more.
    #[must_use]
    pub fn can_be_tried_again(&self) -> bool {
        match self {
            Self::Occupied { .. }
            | Self::AccessDenied { .. }
            | Self::KeyUnusable
            | Self::BucketGone
            | Self::Differs => true,
            Self::OutOfReach { why } => why.can_be_lifted(),
            Self::Restored { .. } | Self::NotInQuarantine | Self::CopyGone => false,
        }
    }
}

/// What lies under the original's key now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupant {
    pub version_id: Option<String>,
    pub etag: Option<String>,
    pub last_modified: Option<Timestamp>,
}

/// Where a restored object may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nothing is there.
    Free,
    /// On top of an older version, known by its `ETag`, which stays below.
    OnTopOf { etag: String },
    /// Something newer is there.
    Occupied { since: Option<Timestamp> },
}

/// Decides where the original may be put back. An older version of the key comes to light when a newer one is
/// quarantined, and does not stand in the way; whatever was uploaded since does. In doubt, and where S3 would overwrite
/// (no versioning, or the version `null`), the key is occupied.
#[must_use]
pub fn place(occupant: Option<Occupant>, original: &Original) -> Place {
    let Some(occupant) = occupant else {
        return Place::Free;
    };
    let is_kept = occupant.version_id.as_deref().is_some_and(|id| id != "null");
    let is_older = occupant.last_modified.zip(original.last_modified).is_some_and(|(there, ours)| there < ours);
    match occupant.etag {
        Some(etag) if is_kept && is_older => Place::OnTopOf { etag },
        _ => Place::Occupied { since: occupant.last_modified },
    }
}

/// That a person put exactly this object version back: `cases/<case-id>/restored.json`, under the case that a new
/// finding about the restored version would open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// The case that the object was restored from.
    pub from_case_id: String,
    /// Never with a `response_url`.
    pub decision: Decision,
    pub at: Timestamp,
}

/// `cases/<case-id>/restored.json`
#[must_use]
pub fn restored_key(case_id: &str) -> String {
    format!("cases/{case_id}/restored.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn original(last_modified: Option<i64>) -> Original {
        Original { last_modified: last_modified.map(at), ..Original::default() }
    }

    #[test]
    fn only_an_older_version_that_stays_below_is_no_obstacle() {
        let there = |version: Option<&str>, second| {
            Some(Occupant {
                version_id: version.map(str::to_owned),
                etag: Some("e".into()),
                last_modified: Some(at(second)),
            })
        };
        let original_at_9 = original(Some(9));
        assert_eq!(place(None, &original_at_9), Place::Free);
        assert_eq!(place(there(Some("v1"), 8), &original_at_9), Place::OnTopOf { etag: "e".into() });
        for (occupant, original) in [
            (there(Some("v3"), 9), original(Some(9))),
            (there(Some("v3"), 10), original(Some(9))),
            (there(Some("null"), 8), original(Some(9))),
            (there(None, 8), original(Some(9))),
            (there(Some("v1"), 8), original(None)),
            (Some(Occupant { version_id: Some("v1".into()), ..Occupant::default() }), original(Some(9))),
        ] {
            assert!(matches!(place(occupant.clone(), &original), Place::Occupied { .. }), "{occupant:?}");
        }
    }
}
