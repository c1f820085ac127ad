use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::restoration::{Restoration, RestoreOutcome, Restored};
use super::versions::{OtherVersions, RemainingVersion};
use super::{Checksum, Fingerprint};
use crate::finding::{Finding, FindingType, Severity};
use crate::remediation::{Decision, Outcome};
use crate::slack::button::DismissReason;

/// S3 counts a copy's age in days. A younger one than this is not made anew.
const COPY_IS_FRESH_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The record of one case: where the object came from, where it is, who decided, and every step with its time.
///
/// It is written before the object is touched, so that a run that died is found out and finished by the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub case_id: String,
    pub finding_id: String,
    pub finding_type: FindingType,
    /// The highest severity of the findings that the object was to be moved for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Who decided; never with a `response_url`.
    pub decision: Decision,
    /// As S3 described it before anything was done; none when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// Where the object goes, or is.
    pub quarantine: Location,
    /// When the copy there was made: S3 counts from then until it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_at: Option<Timestamp>,
    pub state: State,
    /// The newest of the key's other versions, as they were when the move ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remaining: Vec<RemainingVersion>,
    /// The latest attempt to put the object back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restoration: Option<Restoration>,
    /// What became of the other versions of the key, once somebody asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_versions: Option<OtherVersions>,
    /// The run that works on the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    pub transitions: Vec<Transition>,
}

/// A run of the remediator. While it lasts, no other run touches the object: two that copy and delete the same object
/// at the same time leave copies behind that no record knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The id of Lambda's invocation, which its retries share: the same request goes on at once after a crash.
    pub id: String,
    /// When Lambda stops it.
    pub until: Timestamp,
    /// Who decided; never with a `response_url`.
    pub decision: Decision,
}

/// How far a case is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum State {
    /// The move has begun and may be anywhere between its first and its last step.
    Started,
    /// The move has ended. `told` once Slack took the message about it, or when nobody waits for one from the remediator:
    /// `shown.json` says when the channel heard of an automatic one.
    Ended {
        #[serde(flatten)]
        outcome: Outcome,
        at: Timestamp,
        told: bool,
    },
    /// Somebody decided that nothing is to be done.
    Dismissed { reason: DismissReason, at: Timestamp },
    /// Somebody took that back.
    Reopened { at: Timestamp },
}

/// One step in the life of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    pub at: Timestamp,
    /// A sentence: what happened.
    pub what: String,
    pub by: Decision,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Original {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    pub bucket: String,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// In bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Whether an S3 Bucket Key stood between the object and its KMS key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bucket_key: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checksums: Vec<Checksum>,
    #[serde(flatten)]
    pub properties: Properties,
}

/// What an object carries besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// As it was set, which need not be a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website_redirect_location: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    pub bucket: String,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

impl Original {
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            size: self.size,
            etag: self.etag.clone(),
            under_kms: self.encryption.as_deref().is_some_and(|encryption| encryption.starts_with("aws:kms")),
            checksums: self.checksums.clone(),
        }
    }
}

impl Manifest {
    /// Whether the record is about this very request, not about an earlier finding or decision of the same case.
    #[must_use]
    pub fn is_of(&self, finding_id: &str, decision: &Decision) -> bool {
        self.finding_id == finding_id && self.decision == decision.recorded()
    }

    /// Whether S3 will keep the copy for about as long as a new one. That of a move that failed weeks ago may be deleted by
    /// its age as soon as it is the only one.
    #[must_use]
    pub fn copy_is_fresh(&self, now: Timestamp) -> bool {
        self.copied_at.is_some_and(|at| now.duration_since(at) < COPY_IS_FRESH_FOR)
    }

    /// Notes what somebody decided about the case, once; `false` when it is noted already. How a move began or ended
    /// stays as it is: it says where the object is, and whether it can be put back.
    #[must_use]
    pub fn note(&mut self, state: State, transition: Transition) -> bool {
        if self.transitions.contains(&transition) {
            return false;
        }
        let is_untouched = self.state == State::Started && self.transitions.is_empty();
        if is_untouched || matches!(self.state, State::Dismissed { .. } | State::Reopened { .. }) {
            self.state = state;
        }
        self.transitions.push(transition);
        true
    }

    /// How the case ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Ended { outcome, .. } => Some(outcome),
            State::Started | State::Dismissed { .. } | State::Reopened { .. } => None,
        }
    }

    /// Whether the object is in quarantine: it was moved there, and not put back since.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.outcome().is_some_and(Outcome::is_quarantined) && !self.is_restored()
    }

    /// Whether the object that the finding is about is in quarantine. A finding that is newer than the end of the move says
    /// that the same bytes lie where they were once more.
    #[must_use]
    pub fn holds(&self, finding: &Finding) -> bool {
        let is_newer = finding.created_at.zip(self.ended_at()).is_some_and(|(created, end)| created > end);
        self.is_quarantined() && !is_newer
    }

    /// Whether a copy of the object lies in quarantine, be the original gone or not.
    #[must_use]
    pub fn has_copy(&self) -> bool {
        self.outcome().is_some_and(Outcome::left_a_copy) && !self.is_restored()
    }

    /// Whether the finding's object may be in quarantine: it is, or a move has begun of which no end is recorded.
    #[must_use]
    pub fn may_hold(&self, finding: &Finding) -> bool {
        self.holds(finding) || self.state == State::Started
    }

    /// The run that works on the case at this time, if one does.
    #[must_use]
    pub fn run_at(&self, now: Timestamp) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.until > now)
    }

    /// Whether the object was put back.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.restoration.as_ref().and_then(Restoration::outcome).is_some_and(RestoreOutcome::is_restored)
    }

    /// Who put the object back, and when, if somebody has.
    #[must_use]
    pub fn restored(&self) -> Option<Restored> {
        let restoration = self.restoration.as_ref().filter(|_| self.is_restored())?;
        let (from_case_id, decision) = (self.case_id.clone(), restoration.decision.clone());
        Some(Restored { from_case_id, decision, at: restoration.ended_at()? })
    }

    /// When it was last heard of: when anything was done or decided.
    #[must_use]
    pub fn heard_at(&self) -> Option<Timestamp> {
        self.transitions.iter().map(|transition| transition.at).max()
    }

    /// Since when the object is in quarantine, as S3 counts until it expires: a move may end long after its copy was made.
    #[must_use]
    pub fn quarantined_since(&self) -> Option<Timestamp> {
        self.copied_at.or_else(|| self.ended_at())
    }

    /// When the case ended, or the object was put back after that.
    #[must_use]
    pub fn settled_at(&self) -> Option<Timestamp> {
        self.ended_at().max(self.restored().map(|restored| restored.at))
    }

    /// When the case ended, if it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Ended { at, .. } => Some(at),
            State::Started | State::Dismissed { .. } | State::Reopened { .. } => None,
        }
    }
}
