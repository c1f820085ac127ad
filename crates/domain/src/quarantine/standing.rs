use jiff::Timestamp;

use super::{Claim, Manifest};
use crate::bucket::DEAD_AFTER;
use crate::finding::Finding;

/// How what was decided about an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody decided, or what was decided is about another type of finding, was taken back, or came to nothing; or the object
    /// is back.
    Open,
    Dismissed,
    /// The object was moved, and not put back since.
    Moved,
    /// Somebody decided, and no end is recorded. `is_begun` when anything was done since, `heard_at` when for the last time.
    UnderWay {
        is_begun: bool,
        heard_at: Timestamp,
    },
    /// The same, and nothing was heard for [`DEAD_AFTER`].
    Dead,
}

/// How the claim of a case stands for this finding. `manifest` is the case's, if anything was done.
#[must_use]
pub fn standing(finding: &Finding, claim: Option<&Claim>, manifest: Option<&Manifest>, now: Timestamp) -> Standing {
    let Some(claim) = claim else {
        return Standing::Open;
    };
    if claim.dismisses(finding) {
        return Standing::Dismissed;
    }
    if claim.dismissed.is_some() {
        return Standing::Open;
    }
    if manifest.is_some_and(|manifest| manifest.holds(finding)) {
        return Standing::Moved;
    }
    // What ended, or was put back, after this claim was made may be decided anew.
    if manifest.and_then(Manifest::settled_at).is_some_and(|at| at >= claim.at) {
        return Standing::Open;
    }
    let last = manifest.and_then(Manifest::heard_at);
    let heard_at = last.map_or(claim.at, |at| at.max(claim.at));
    if now.duration_since(heard_at) > DEAD_AFTER {
        return Standing::Dead;
    }
    Standing::UnderWay { is_begun: last.is_some_and(|at| at >= claim.at), heard_at }
}

/// Whether this decision may be taken about the finding's object: nobody decided, or what was decided may be taken over.
/// `button_made_at` is when the pressed button was offered; none for one that says nothing about its case.
#[must_use]
pub fn is_open_to(
    finding: &Finding,
    ours: &Claim,
    before: Option<&Claim>,
    manifest: Option<&Manifest>,
    button_made_at: Option<Timestamp>,
) -> bool {
    // "Nothing is to be done" is no answer to what was done, or may be half done.
    if ours.dismissed.is_some() && manifest.is_some_and(|manifest| manifest.may_hold(finding)) {
        return false;
    }
    before.is_none_or(|before| before.may_be_taken_over(finding, ours, manifest, button_made_at))
}

/// When an object was decided or acted on last: an approval from before that was for another attempt.
#[must_use]
pub fn last_end(claim: Option<&Claim>, manifest: Option<&Manifest>) -> Option<Timestamp> {
    claim.and_then(Claim::dismissed_at).max(manifest.and_then(Manifest::ended_at))
}

impl Claim {
    /// Whether our decision about the same object may take the place of this one; see [`is_open_to`].
    #[must_use]
    pub fn may_be_taken_over(
        &self,
        finding: &Finding,
        ours: &Self,
        manifest: Option<&Manifest>,
        button_made_at: Option<Timestamp>,
    ) -> bool {
        // What is under way, or about to be, can only be gone on with: that is harmless.
        let acts = ours.dismissed.is_none();
        match standing(finding, Some(self), manifest, ours.at) {
            Standing::Open => true,
            Standing::Dismissed | Standing::Moved => false,
            Standing::Dead => acts,
            Standing::UnderWay { is_begun, heard_at } => {
                // A button is offered once more only after the remediation failed for good.
                let was_offered_again = button_made_at.is_some_and(|made_at| made_at > heard_at);
                acts && (was_offered_again || (!is_begun && self.is_by_the_same_person(ours)))
            }
        }
    }

    /// The invocation may have failed, or taken longer than Slack waits: the same person was asked to press again.
    #[must_use]
    pub fn is_by_the_same_person(&self, other: &Self) -> bool {
        match (self.decision.click(), other.decision.click()) {
            (Some(one), Some(other)) => one.user_id == other.user_id,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Personal information, found at this second.
    fn found_at(second: i64) -> Finding {
        let kind = "SensitiveData:S3Object/Personal";
        serde_json::from_value(json!({"id": "f1", "type": kind, "createdAt": at(second)})).unwrap()
    }

    /// At second 100, about personal information.
    fn claim(changes: &Value) -> Claim {
        let mut claim = json!({"findingId": "f1", "findingType": "SensitiveData:S3Object/Personal", "at": at(100),
            "decision": {"by": "person", "userId": "U1", "channelId": "C1", "decidedAt": at(100)}});
        claim.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value(claim).unwrap()
    }

    fn by(user_id: &str) -> Value {
        json!({"by": "person", "userId": user_id, "channelId": "C1", "decidedAt": at(150)})
    }

    fn manifest(state: &Value, heard_at: i64) -> Manifest {
        serde_json::from_value(json!({"caseId": "c1", "findingId": "f1", "decision": {"by": "policy"},
            "findingType": "SensitiveData:S3Object/Personal", "quarantine": {"bucket": "q", "key": "k"}, "state": state,
            "transitions": [{"at": at(heard_at), "what": "x", "by": {"by": "policy"}}]}))
        .unwrap()
    }

    fn put_back() -> Manifest {
        let mut manifest = manifest(&ended(&quarantined(), 120), 120);
        let end = json!({"state": "ended", "outcome": "restored", "copy": "deleted", "at": at(130), "told": true});
        manifest.restoration =
            serde_json::from_value(json!({"decision": {"by": "policy"}, "startedAt": at(125), "state": end})).unwrap();
        manifest
    }

    fn quarantined() -> Value {
        json!({"outcome": "quarantined", "proof": {"compared": "size"}, "remainingVersions": 0})
    }

    fn ended(outcome: &Value, second: i64) -> Value {
        let mut state = json!({"state": "ended", "at": at(second), "told": true});
        state.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
        state
    }

    #[test]
    fn what_was_decided_holds_until_it_came_to_nothing_was_taken_back_or_is_dead() {
        let refused = json!({"outcome": "keyUnusable"});
        let started = || json!({"state": "started"});
        let acting = || claim(&json!({}));
        let dismissed = || claim(&json!({"dismissed": "test-data"}));
        let of_another_type =
            claim(&json!({"dismissed": "test-data", "findingType": "SensitiveData:S3Object/Financial"}));
        let reopened = claim(&json!({"dismissed": "test-data",
            "reopened": {"userId": "U1", "channelId": "C1", "decidedAt": at(110)}}));
        let under_way = |is_begun, second| Standing::UnderWay { is_begun, heard_at: at(second) };
        for (name, claim, manifest, now, expected) in vec![
            ("dismissed", dismissed(), None, 150, Standing::Dismissed),
            ("another type was dismissed", of_another_type, None, 150, Standing::Open),
            ("reopened", reopened, None, 150, Standing::Open),
            ("just decided", acting(), None, 150, under_way(false, 100)),
            ("tried before this decision", acting(), Some(manifest(&started(), 90)), 150, under_way(false, 100)),
            ("begun", acting(), Some(manifest(&started(), 120)), 150, under_way(true, 120)),
            ("never begun", acting(), None, 1_301, Standing::Dead),
            ("never ended", acting(), Some(manifest(&started(), 120)), 1_321, Standing::Dead),
            ("heard of since", acting(), Some(manifest(&started(), 1_300)), 1_321, under_way(true, 1_300)),
            ("moved", acting(), Some(manifest(&ended(&quarantined(), 120), 120)), 9_999, Standing::Moved),
            ("moved before", acting(), Some(manifest(&ended(&quarantined(), 90), 90)), 150, Standing::Moved),
            ("put back", acting(), Some(put_back()), 150, Standing::Open),
            ("put back before", claim(&json!({"at": at(140)})), Some(put_back()), 150, under_way(false, 140)),
            ("refused", acting(), Some(manifest(&ended(&refused, 120), 120)), 150, Standing::Open),
            ("refused before", acting(), Some(manifest(&ended(&refused, 90), 90)), 150, under_way(false, 100)),
        ] {
            assert_eq!(standing(&found_at(50), Some(&claim), manifest.as_ref(), at(now)), expected, "{name}");
        }
        assert_eq!(standing(&found_at(50), None, None, at(150)), Standing::Open);
    }

    #[test]
    fn only_what_goes_on_with_it_takes_over_what_may_be_under_way() {
        let begun = manifest(&json!({"state": "started"}), 120);
        let ours = |user, dismissed: Option<&str>, now| {
            claim(&json!({"decision": by(user), "dismissed": dismissed, "at": at(now)}))
        };
        let test_data = Some("test-data");
        for (name, ours, manifest, made_at, expected) in [
            ("another person", ours("U2", None, 150), None, Some(90), false),
            ("the same person, asked to press again", ours("U1", None, 150), None, Some(90), true),
            ("the same person, once it is begun", ours("U1", None, 150), Some(&begun), Some(90), false),
            ("a button that was offered since", ours("U2", None, 150), Some(&begun), Some(121), true),
            ("a button in a list", ours("U2", None, 150), Some(&begun), None, false),
            ("dead", ours("U2", None, 1_400), Some(&begun), None, true),
            ("dismissing it", ours("U1", test_data, 150), None, Some(121), false),
            ("dismissing what is dead", ours("U2", test_data, 1_400), None, None, false),
        ] {
            let made_at = made_at.map(at);
            assert_eq!(
                is_open_to(&found_at(50), &ours, Some(&claim(&json!({}))), manifest, made_at),
                expected,
                "{name}"
            );
        }
        // What the configuration moved, or is moving, has no claim.
        let moved = manifest(&ended(&quarantined(), 120), 120);
        for manifest in [&begun, &moved] {
            assert!(!is_open_to(&found_at(50), &ours("U1", test_data, 150), None, Some(manifest), None));
            assert!(is_open_to(&found_at(50), &ours("U1", None, 150), None, Some(manifest), None));
        }
        assert!(is_open_to(&found_at(50), &ours("U1", test_data, 150), None, None, None));
    }

    #[test]
    fn a_finding_that_is_newer_than_the_move_is_open_to_anything_until_somebody_decides_about_it() {
        let (acting, moved) = (claim(&json!({})), manifest(&ended(&quarantined(), 120), 120));
        let presses = [json!({"decision": by("U2"), "at": at(150)}), json!({"dismissed": "test-data", "at": at(150)})];
        for (finding, open) in [(found_at(119), false), (found_at(120), false), (found_at(121), true)] {
            for ours in &presses {
                let is_open = is_open_to(&finding, &claim(ours), Some(&acting), Some(&moved), Some(at(130)));
                assert_eq!(is_open, open, "{:?} {ours}", finding.created_at);
            }
        }
        let again = claim(&json!({"at": at(140)}));
        assert!(!is_open_to(&found_at(121), &claim(&presses[0]), Some(&again), Some(&moved), Some(at(130))));
    }
}
