use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::remediation::{Decision, Outcome};

/// More versions than this are not moved by one press of the button: each takes about a second, and the function has
/// fifteen minutes.
pub const MOST_VERSIONS_AT_ONCE: usize = 300;

/// A version of the key beside the one that was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemainingVersion {
    pub version_id: String,
    /// In bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
    /// Whether this is what a reader gets who names no version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_current: bool,
}

/// What became of the other versions of a case's key. Each is a case of its own, with its own manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherVersions {
    /// Who decided; never with a `response_url`.
    pub decision: Decision,
    /// When everything that was listed had been tried; none while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Whether Slack took the message about it.
    #[serde(default)]
    pub told: bool,
    /// Whether there were more than one press moves.
    #[serde(default)]
    pub more: bool,
    /// Those that were tried, of all presses.
    pub versions: Vec<OtherVersion>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherVersion {
    pub version_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    pub case_id: String,
    /// None before the first attempt, and when the last failed in a way that may heal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl OtherVersions {
    /// Notes what became of a version, in place of what an earlier attempt noted.
    pub fn note(&mut self, version: OtherVersion) {
        self.versions.retain(|known| known.case_id != version.case_id);
        self.versions.push(version);
    }

    /// Those that are in quarantine, and those that are not.
    #[must_use]
    pub fn moved_and_left(&self) -> (Vec<&OtherVersion>, Vec<&OtherVersion>) {
        self.versions.iter().partition(|version| version.outcome.as_ref().is_some_and(Outcome::is_quarantined))
    }
}
