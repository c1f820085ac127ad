use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::restoration::{Restoration, RestoreOutcome};
use super::versions::{OtherVersions, RemainingVersion};
use super::{Checksum, Fingerprint};
use crate::finding::{Finding, FindingType};
use crate::remediation::{Click, Decision, Outcome};
use crate::slack::button::DismissReason;

/// The record of one case: where the object came from, where it is, who decided, and every step with its time.
///
/// It is written before the object is touched, so that a run that died is found out and finished by the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub case_id: String,
    pub finding_id: String,
    pub finding_type: FindingType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Who decided; never with a `response_url`.
    pub decision: Decision,
    /// As S3 described it before anything was done; none when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// Where the object goes, or is.
    pub quarantine: Location,
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
    pub transitions: Vec<Transition>,
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

/// The first decision about a case, to act on it or to dismiss it: `cases/<case-id>/claim.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    pub finding_id: String,
    #[serde(default)]
    pub finding_type: FindingType,
    /// Never with a `response_url`.
    pub decision: Decision,
    /// Why nothing is to be done; none when something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed: Option<DismissReason>,
    pub at: Timestamp,
}

impl Claim {
    /// Whether somebody decided that nothing is to be done about this finding. A dismissal is about one type of finding:
    /// who dismissed made-up addresses has said nothing about a password that a later scan finds in the same object.
    #[must_use]
    pub fn dismisses(&self, finding: &Finding) -> bool {
        self.dismissed.is_some() && self.finding_type == finding.kind
    }
}

/// The first of two people agreed: `cases/<case-id>/first-approval.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstApproval {
    pub finding_id: String,
    /// Never with a `response_url`.
    pub click: Click,
}

/// That the channel was asked: `cases/<case-id>/shown.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub finding_id: String,
    #[serde(default)]
    pub finding_type: FindingType,
    /// The finding's own last change: Macie counts what happens again under the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Whether it was shown without anything to press for its object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notice: bool,
    pub at: Timestamp,
}

impl Manifest {
    /// The record of a case of which nothing was done yet. None for a finding about nothing that could be moved.
    #[must_use]
    pub fn planned(finding: &Finding, quarantine_bucket: &str, decision: &Decision) -> Option<Self> {
        let plan = super::plan(finding).ok()?;
        Some(Self {
            case_id: plan.case_id,
            finding_id: finding.id.clone(),
            finding_type: finding.kind.clone(),
            region: finding.region.clone(),
            decision: decision.recorded(),
            original: None,
            quarantine: Location { bucket: quarantine_bucket.to_owned(), key: plan.destination_key, version_id: None },
            state: State::Started,
            remaining: Vec::new(),
            restoration: None,
            other_versions: None,
            transitions: Vec::new(),
        })
    }

    /// How the case ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Ended { outcome, .. } => Some(outcome),
            State::Started | State::Dismissed { .. } => None,
        }
    }

    /// Whether the object is in quarantine: it was moved there, and not put back since.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.outcome().is_some_and(Outcome::is_quarantined) && !self.is_restored()
    }

    /// Whether the object was put back.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.restoration.as_ref().and_then(Restoration::outcome).is_some_and(RestoreOutcome::is_restored)
    }

    /// When anything was last done.
    #[must_use]
    pub fn last_activity(&self) -> Option<Timestamp> {
        self.transitions.iter().map(|transition| transition.at).max()
    }

    /// When the case ended, if it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Ended { at, .. } => Some(at),
            State::Started | State::Dismissed { .. } => None,
        }
    }
}
