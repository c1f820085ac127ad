//! What people and the channel know of a case: who decided, who agreed first, what was shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Manifest;
use crate::finding::{Finding, FindingType, Severity};
use crate::remediation::{Click, Decision};
use crate::slack::button::{self, DismissReason};

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
    /// Who took the dismissal back: the case is open again. Never with a `response_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened: Option<Click>,
    /// Lambda's id of the invocation that wrote this. By it the writer knows its own record, when the SDK has asked S3 a
    /// second time because the first answer was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    pub at: Timestamp,
    /// The dismissals of other types of findings in the same object that this decision found, and that hold beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Claim>,
}

impl Claim {
    /// The decision to act on the finding.
    #[must_use]
    pub fn of(finding: &Finding, decision: &Decision, request_id: &str, at: Timestamp) -> Self {
        Self {
            finding_id: finding.id.clone(),
            finding_type: finding.kind.clone(),
            decision: decision.recorded(),
            dismissed: None,
            reopened: None,
            request_id: Some(request_id.to_owned()),
            at,
            beside: Vec::new(),
        }
    }

    /// This decision in the place of an earlier one, without forgetting what was dismissed before: a dismissal of another
    /// type holds as long as nobody takes it back.
    #[must_use]
    pub fn in_place_of(mut self, before: &Self) -> Self {
        for one in before.all().filter(|one| one.dismissal().is_some()) {
            if !self.all().any(|known| known.finding_type == one.finding_type) {
                self.beside.push(Self { beside: Vec::new(), ..one.clone() });
            }
        }
        self
    }

    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.beside)
    }

    /// When somebody decided last that nothing is to be done, be that taken back or not.
    #[must_use]
    pub fn dismissed_at(&self) -> Option<Timestamp> {
        self.all().filter(|one| one.dismissed.is_some()).map(|one| one.at).max()
    }

    /// The dismissal of this type of finding, be it taken back or not.
    pub fn dismissed_as(&mut self, finding_type: &FindingType) -> Option<&mut Self> {
        let is_it = |one: &Self| one.dismissed.is_some() && one.finding_type == *finding_type;
        if is_it(self) {
            return Some(self);
        }
        self.beside.iter_mut().find(|one| is_it(one))
    }

    /// Whether something is to be done about this finding, and these people decided it. Somebody who was told that a press
    /// came to nothing presses again, and either of the two presses means it.
    #[must_use]
    pub fn is_for(&self, finding: &Finding, decision: &Decision) -> bool {
        self.dismissed.is_none() && self.finding_id == finding.id && self.decision.is_by_the_people_of(decision)
    }

    /// Why nothing is to be done, if that still holds.
    #[must_use]
    pub fn dismissal(&self) -> Option<DismissReason> {
        self.dismissed.filter(|_| self.reopened.is_none())
    }

    /// The decision that nothing is to be done about this finding, if one holds. A dismissal is about one type of finding:
    /// who dismissed made-up addresses has said nothing about a password that a later scan finds in the same object. An
    /// object's version stays what it was dismissed as; a bucket may be opened again next year, so that only an accepted
    /// risk holds for what happens later.
    #[must_use]
    pub fn dismissal_of(&self, finding: &Finding) -> Option<&Self> {
        self.all().filter(|one| one.finding_type == finding.kind).find(|one| {
            let happened_again = || finding.is_policy() && finding.changed_at().is_some_and(|at| at > one.at);
            one.dismissal().is_some_and(|reason| reason == DismissReason::AcceptedRisk || !happened_again())
        })
    }

    /// Whether somebody decided that nothing is to be done about this finding.
    #[must_use]
    pub fn dismisses(&self, finding: &Finding) -> bool {
        self.dismissal_of(finding).is_some()
    }
}

/// The first of two people agreed: `cases/<case-id>/first-approval.json`, and others beside it for what is done with an
/// object that was moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstApproval {
    pub finding_id: String,
    /// Never with a `response_url`.
    pub click: Click,
    /// As a claim has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl FirstApproval {
    /// Whether it still counts: given for this finding, after what was decided or done last (`after`), and no longer ago
    /// than a button holds. What somebody agreed to in winter says nothing about another finding in spring, and two
    /// people who agreed to one attempt have not agreed to the next.
    #[must_use]
    pub fn stands(&self, finding_id: &str, after: Option<Timestamp>, now: Timestamp) -> bool {
        let at = self.click.decided_at;
        self.finding_id == finding_id
            && after.is_none_or(|after| at >= after)
            && now.duration_since(at) < button::VALID_FOR
    }
}

/// That the channel was asked: `cases/<case-id>/shown.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub finding_id: String,
    #[serde(default)]
    pub finding_type: FindingType,
    /// None in records from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The finding's own last change: Macie counts what happens again under the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Whether it was shown without anything to press for its object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notice: bool,
    pub at: Timestamp,
}

impl Shown {
    /// Whether whoever saw this knows of the finding as well, which is no worse then. A worse one is another matter, whatever
    /// its type: a job that reads more of an object finds more of the same, and more people may have to agree.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        let is_same_of_unknown = self.severity.is_none() && self.finding_type == finding.kind;
        finding.severity() <= self.severity || is_same_of_unknown
    }
}

/// Whether a request to move the finding's object still is what was decided, when its run begins: it may have waited for
/// hours. The configuration does not overrule a person, who dismissed the finding or put the object back (`manifest`)
/// meanwhile. A press counts if the case was claimed by its people; where somebody else was first, it was only asked to be told.
#[must_use]
pub fn may_be_moved(
    finding: &Finding,
    decision: &Decision,
    claim: Option<&Claim>,
    manifest: Option<&Manifest>,
) -> bool {
    if *decision == Decision::Policy {
        return !claim.is_some_and(|claim| claim.dismisses(finding)) && !manifest.is_some_and(Manifest::is_restored);
    }
    claim.is_some_and(|claim| claim.is_for(finding, decision))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finding(kind: &str) -> Finding {
        serde_json::from_value(json!({"id": "f1", "type": kind})).unwrap()
    }

    fn press(user: &str) -> Decision {
        serde_json::from_value(json!({"by": "person", "userId": user, "channelId": "C1",
            "decidedAt": "2026-11-20T10:20:00Z", "responseUrl": "https://hooks.slack.com/actions/T1/1/a"}))
        .unwrap()
    }

    fn claim(decision: &Decision, dismissed: Option<&str>, reopened: bool) -> Claim {
        let click = reopened.then(|| json!({"userId": "U9", "channelId": "C1", "decidedAt": "2026-11-20T10:30:00Z"}));
        serde_json::from_value(json!({"findingId": "f1", "findingType": "SensitiveData:S3Object/Personal",
            "decision": decision.recorded(), "dismissed": dismissed, "reopened": click, "at": "2026-11-20T10:20:00Z"}))
        .unwrap()
    }

    #[test]
    fn what_was_dismissed_meanwhile_is_not_moved_unasked() {
        let by_ann = press("U1");
        let personal = finding("SensitiveData:S3Object/Personal");
        let holds = |finding: &Finding, claim: &Claim| may_be_moved(finding, &Decision::Policy, Some(claim), None);
        assert!(!holds(&personal, &claim(&by_ann, Some("test-data"), false)));
        assert!(holds(&personal, &claim(&by_ann, Some("test-data"), true)), "it was taken back");
        assert!(holds(&finding("SensitiveData:S3Object/Financial"), &claim(&by_ann, Some("test-data"), false)));
        assert!(holds(&personal, &claim(&by_ann, None, false)));
        assert!(may_be_moved(&personal, &Decision::Policy, None, None));
    }

    #[test]
    fn only_the_press_that_claimed_the_case_moves_the_object() {
        let (by_ann, by_bob) = (press("U1"), press("U2"));
        let finding = finding("SensitiveData:S3Object/Personal");
        let holds = |decision, claim: Option<&Claim>| may_be_moved(&finding, decision, claim, None);
        assert!(holds(&by_ann, Some(&claim(&by_ann, None, false))));
        let again = Decision::Person(Click { decided_at: Timestamp::UNIX_EPOCH, ..by_ann.click().unwrap().clone() });
        assert!(holds(&by_ann, Some(&claim(&again, None, false))), "she pressed twice");
        let of_another = Claim { finding_id: "f2".into(), ..claim(&by_ann, None, false) };
        assert!(!holds(&by_ann, Some(&of_another)));
        assert!(!holds(&by_bob, Some(&claim(&by_ann, None, false))));
        assert!(!holds(&by_ann, Some(&claim(&by_ann, Some("test-data"), false))));
        assert!(!holds(&by_ann, None));
    }

    #[test]
    fn a_dismissal_of_another_type_outlives_the_decisions_after_it() {
        let kinds =
            ["Personal", "Financial", "Multiple"].map(|kind| finding(&format!("SensitiveData:S3Object/{kind}")));
        let [personal, financial, multiple] = &kinds;
        let of = |finding: &Finding, reason| Claim {
            finding_type: finding.kind.clone(),
            ..claim(&press("U1"), reason, false)
        };
        let first = of(personal, Some("test-data"));
        let second = of(financial, Some("false-positive")).in_place_of(&first);
        let third = of(multiple, None).in_place_of(&second);
        for (claim, dismissed) in [(&first, [true, false]), (&second, [true, true]), (&third, [true, true])] {
            assert_eq!([claim.dismisses(personal), claim.dismisses(financial)], dismissed, "{claim:?}");
            assert!(!claim.dismisses(multiple));
        }
        assert_eq!(third.beside.len(), 2, "{third:?}");
        assert!(third.beside.iter().all(|one| one.beside.is_empty()));
        assert!(!may_be_moved(personal, &Decision::Policy, Some(&third), None));
        assert_eq!(third.dismissed_at(), Some(first.at));
        // What was taken back is not kept, and what is decided about the same type takes its place.
        let mut reopened = second;
        reopened.dismissed_as(&personal.kind).unwrap().reopened = press("U9").click().cloned();
        assert!(!reopened.dismisses(personal) && reopened.dismisses(financial));
        assert!(!of(multiple, None).in_place_of(&reopened).dismisses(personal));
        assert!(of(personal, None).in_place_of(&first).beside.is_empty());
        assert_eq!(reopened.clone().in_place_of(&third), reopened, "the record that is changed keeps what it has");
    }
}
