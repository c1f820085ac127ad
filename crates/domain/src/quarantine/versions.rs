use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::Why;
use crate::remediation::{Decision, Outcome};

/// More versions than this are not moved by one press of the button: each takes about a second, and the function has
/// fifteen minutes.
pub const MOST_VERSIONS_AT_ONCE: usize = 300;

/// How many of those that were moved a record names.
const MOST_NAMED: usize = 600;

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
    /// Why none was looked at, if this deployment may not touch the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_reach: Option<Why>,
    /// Whether there were more than one press moves.
    #[serde(default)]
    pub more: bool,
    /// How many were moved and are not named any more. Each has a record of its own.
    #[serde(default)]
    pub unnamed: usize,
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

impl OtherVersion {
    fn is_moved(&self) -> bool {
        self.outcome.as_ref().is_some_and(Outcome::is_quarantined)
    }
}

impl OtherVersions {
    /// What this decision begins with: what it came to before, if it had ended; else the versions that earlier ones moved,
    /// with all else forgotten.
    #[must_use]
    pub fn resume(earlier: Option<Self>, decision: &Decision) -> Self {
        let decision = decision.recorded();
        match earlier {
            Some(earlier) if earlier.decision == decision && earlier.ended_at.is_some() => {
                Self { told: false, ..earlier }
            }
            earlier => {
                let (unnamed, versions) =
                    earlier.map(|earlier| (earlier.unnamed, earlier.versions)).unwrap_or_default();
                Self { decision, ended_at: None, told: false, out_of_reach: None, more: false, unnamed, versions }
            }
        }
    }

    /// Whether this attempt was this decision's, and has ended.
    #[must_use]
    pub fn has_ended_for(&self, decision: &Decision) -> bool {
        self.decision == decision.recorded() && self.ended_at.is_some()
    }

    /// Notes what became of a version, in place of what an earlier attempt noted.
    pub fn note(&mut self, version: OtherVersion) {
        self.versions.retain(|known| known.case_id != version.case_id);
        self.versions.push(version);
    }

    /// How many are in quarantine, and those that are not.
    #[must_use]
    pub fn moved_and_left(&self) -> (usize, Vec<&OtherVersion>) {
        let (moved, left): (Vec<_>, Vec<_>) = self.versions.iter().partition(|version| version.is_moved());
        (self.unnamed + moved.len(), left)
    }

    /// Only counts those that were moved first, above a number: a key may have any number of versions, and a record only
    /// so many bytes.
    pub fn name_only_the_last_moved(&mut self) {
        let moved = self.versions.iter().filter(|version| version.is_moved()).count();
        let mut too_many = moved.saturating_sub(MOST_NAMED);
        self.unnamed += too_many;
        self.versions.retain(|version| {
            let forget = too_many > 0 && version.is_moved();
            too_many -= usize::from(forget);
            !forget
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remediation::Proof;

    #[test]
    fn a_decision_goes_on_where_it_stopped_and_another_only_keeps_the_versions() {
        let by = |user: &str| -> Decision {
            serde_json::from_value(serde_json::json!({"by": "person", "userId": user, "channelId": "C1",
                "decidedAt": "2026-11-20T10:20:00Z"}))
            .unwrap()
        };
        let version = OtherVersion {
            version_id: "v1".into(),
            etag: None,
            case_id: "c1".into(),
            outcome: Some(Outcome::AlreadyGone),
        };
        let ended = OtherVersions {
            ended_at: Some(Timestamp::UNIX_EPOCH),
            told: true,
            out_of_reach: Some(Why::OutsideSources),
            more: true,
            unnamed: 7,
            versions: vec![version.clone()],
            ..OtherVersions::resume(None, &by("U1"))
        };
        let same = OtherVersions::resume(Some(ended.clone()), &by("U1"));
        assert_eq!(same, OtherVersions { told: false, ..ended.clone() });
        let expected = |user: &str| OtherVersions {
            unnamed: 7,
            versions: vec![version.clone()],
            ..OtherVersions::resume(None, &by(user))
        };
        assert_eq!(OtherVersions::resume(Some(ended.clone()), &by("U2")), expected("U2"));
        // It died before it had ended.
        let unfinished = OtherVersions { ended_at: None, ..ended };
        assert_eq!(OtherVersions::resume(Some(unfinished), &by("U1")), expected("U1"));
    }

    #[test]
    fn a_record_counts_what_it_does_not_name_any_more_and_keeps_what_is_left() {
        let moved = Some(Outcome::Quarantined { proof: Proof::Size, remaining_versions: Some(0) });
        let version = |number: usize, outcome: Option<Outcome>| OtherVersion {
            version_id: format!("{number:0>32}"),
            etag: Some("07b21b45c9ed4a3fabf8173be102d9c2".into()),
            case_id: format!("{number:0>32}"),
            outcome,
        };
        let mut others = OtherVersions::resume(None, &Decision::Policy);
        for press in 0..20 {
            for number in 0..MOST_VERSIONS_AT_ONCE {
                let locked = Outcome::Locked { until: None, legal_hold: true, copied: false };
                let outcome = if number == 7 { Some(locked) } else { moved.clone() };
                others.note(version(press * MOST_VERSIONS_AT_ONCE + number, outcome));
            }
            others.name_only_the_last_moved();
            let (moved, left) = others.moved_and_left();
            assert_eq!((moved, left.len()), ((press + 1) * (MOST_VERSIONS_AT_ONCE - 1), press + 1));
        }
        let last = version(20 * MOST_VERSIONS_AT_ONCE - 1, moved);
        assert_eq!(others.versions.last(), Some(&last), "the last ones are named");
        let bytes = serde_json::to_vec_pretty(&others).unwrap().len();
        assert!(bytes < 500_000, "{bytes}");
    }
}
