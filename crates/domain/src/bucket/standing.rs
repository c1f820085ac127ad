use jiff::{SignedDuration, Timestamp};

use super::BucketRecord;
use crate::finding::Finding;
use crate::quarantine::Claim;

/// A remediation of which nothing was heard for this long is dead: the function may run for 15 minutes, and Lambda tries
/// again two minutes after it died. To act once more is harmless then, since the remediator goes on where an earlier run
/// stopped.
pub const DEAD_AFTER: SignedDuration = SignedDuration::from_mins(20);

/// Whether something may still be decided about the settings of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody decided, or what was decided is about an earlier occurrence, was taken back, or came to nothing.
    Open,
    Dismissed,
    /// It is turned on.
    Done,
    /// Somebody decided, and no end is recorded.
    UnderWay,
    /// The same, and nothing was heard for [`DEAD_AFTER`].
    Dead,
}

/// How the case of a finding about a bucket stands. `record` is that of the finding's act, if one was begun. Macie counts
/// what happens to a bucket again under the same id, so nothing holds for a change that is newer.
#[must_use]
pub fn standing(finding: &Finding, claim: Option<&Claim>, record: Option<&BucketRecord>, now: Timestamp) -> Standing {
    let Some(claim) = claim else {
        return Standing::Open;
    };
    if claim.dismissed.is_some() {
        return if claim.dismisses(finding) { Standing::Dismissed } else { Standing::Open };
    }
    let record = record.filter(|record| record.is_of(claim));
    let heard_at = record.and_then(BucketRecord::heard_at).unwrap_or(claim.at);
    if finding.changed_at().is_some_and(|changed_at| changed_at > heard_at) {
        return Standing::Open;
    }
    match record {
        Some(record) if record.came_to_nothing() => Standing::Open,
        Some(record) if record.outcome().is_some() => Standing::Done,
        _ if now.duration_since(heard_at) > DEAD_AFTER => Standing::Dead,
        _ => Standing::UnderWay,
    }
}

/// Whether this decision may be taken about the settings of a bucket. `before` is what was decided.
#[must_use]
pub fn is_open_to(finding: &Finding, ours: &Claim, before: Option<&Claim>, record: Option<&BucketRecord>) -> bool {
    let acts = ours.dismissed.is_none();
    match standing(finding, before, record, ours.at) {
        Standing::Open => true,
        Standing::Dismissed | Standing::Done => false,
        Standing::Dead => acts,
        Standing::UnderWay => {
            let was_begun = |before: &Claim| record.is_some_and(|record| record.is_of(before));
            acts && before.is_some_and(|before| !was_begun(before) && before.is_by_the_same_person(ours))
        }
    }
}

/// When a bucket was decided or acted on last, or changed: an approval from before that was for another attempt.
#[must_use]
pub fn last_end(finding: &Finding, claim: Option<&Claim>, record: Option<&BucketRecord>) -> Option<Timestamp> {
    claim.and_then(Claim::dismissed_at).max(record.and_then(BucketRecord::ended_at)).max(finding.changed_at())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn finding(changed_at: i64) -> Finding {
        serde_json::from_value(json!({"id": "f1", "type": "Policy:IAMUser/S3BucketPublic",
            "createdAt": at(0), "updatedAt": at(changed_at)}))
        .unwrap()
    }

    fn claim(dismissed: Option<&str>) -> Claim {
        serde_json::from_value(json!({"findingId": "f1", "findingType": "Policy:IAMUser/S3BucketPublic",
            "decision": {"by": "policy"}, "dismissed": dismissed, "at": at(100)}))
        .unwrap()
    }

    fn record(state: &serde_json::Value, heard_at: i64) -> BucketRecord {
        serde_json::from_value(
            json!({"caseId": "c1", "findingId": "f1", "findingType": "Policy:IAMUser/S3BucketPublic",
            "act": "block-public-access", "bucket": "acme-uploads", "decision": {"by": "policy"}, "state": state,
            "transitions": [{"at": at(heard_at), "what": "x", "by": {"by": "policy"}}]}),
        )
        .unwrap()
    }

    #[test]
    fn a_decision_holds_until_it_came_to_nothing_or_the_bucket_changed_again() {
        let ended = |outcome: &str| json!({"state": "ended", "outcome": outcome, "at": at(120), "told": true});
        let failed = json!({"state": "failed", "errorType": "BucketReadFailed", "at": at(120)});
        let started = json!({"state": "started"});
        let untouched = json!({"state": "untouched"});
        let early = json!({"state": "ended", "outcome": "accessDenied", "at": at(90), "told": true});
        for (name, changed_at, record, now, expected) in [
            ("just decided", 50, None, 110, Standing::UnderWay),
            ("begun", 50, Some(record(&started, 120)), 130, Standing::UnderWay),
            ("decided, and never begun", 50, None, 1_301, Standing::Dead),
            ("begun, and never ended", 50, Some(record(&started, 120)), 1_321, Standing::Dead),
            ("an attempt failed", 50, Some(record(&failed, 120)), 130, Standing::Open),
            ("refused", 50, Some(record(&ended("accessDenied"), 120)), 130, Standing::Open),
            ("refused before this decision", 50, Some(record(&early, 90)), 130, Standing::UnderWay),
            ("refused before this decision, told after it", 50, Some(record(&early, 110)), 130, Standing::UnderWay),
            ("opened again, and never begun", 50, Some(record(&untouched, 110)), 130, Standing::UnderWay),
            ("turned on", 50, Some(record(&ended("turnedOn"), 120)), 9_999, Standing::Done),
            (
                "turned off after the end, before it was told",
                130,
                Some(record(&ended("turnedOn"), 150)),
                160,
                Standing::Open,
            ),
            ("turned on, and turned off again", 121, Some(record(&ended("turnedOn"), 120)), 130, Standing::Open),
            (
                "happened again before it was turned on",
                110,
                Some(record(&ended("alreadyOn"), 120)),
                130,
                Standing::Done,
            ),
            ("happened again after the decision", 101, None, 110, Standing::Open),
        ] {
            assert_eq!(
                standing(&finding(changed_at), Some(&claim(None)), record.as_ref(), at(now)),
                expected,
                "{name}"
            );
        }
        assert_eq!(standing(&finding(50), None, None, at(110)), Standing::Open);
    }

    #[test]
    fn a_dismissal_is_about_what_had_happened_unless_the_risk_is_accepted() {
        for (reason, changed_at, expected) in [
            ("false-positive", 100, Standing::Dismissed),
            ("false-positive", 101, Standing::Open),
            ("handled-elsewhere", 101, Standing::Open),
            ("accepted-risk", 101, Standing::Dismissed),
        ] {
            let standing = standing(&finding(changed_at), Some(&claim(Some(reason))), None, at(200));
            assert_eq!(standing, expected, "{reason} {changed_at}");
        }
        let mut reopened = claim(Some("accepted-risk"));
        reopened.reopened =
            serde_json::from_value(json!({"userId": "U1", "channelId": "C1", "decidedAt": at(150)})).ok();
        assert!(reopened.reopened.is_some());
        assert_eq!(standing(&finding(50), Some(&reopened), None, at(200)), Standing::Open);
    }
}
