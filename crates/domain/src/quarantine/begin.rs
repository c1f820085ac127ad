//! How the record of a move begins, and begins again.

use jiff::Timestamp;

use super::{Location, Manifest, Plan, State, Transition};
use crate::finding::{Finding, FindingType, Severity};
use crate::remediation::Decision;

/// What a move is for: a finding, or the other versions of the key of one.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub finding_id: &'a str,
    pub finding_type: &'a FindingType,
    pub severity: Option<Severity>,
    pub region: Option<&'a str>,
}

impl<'a> Subject<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            finding_id: &finding.id,
            finding_type: &finding.kind,
            severity: finding.severity(),
            region: finding.region.as_deref(),
        }
    }
}

impl Manifest {
    /// The record of a case of which nothing was done yet. None for a finding about nothing that could be moved.
    #[must_use]
    pub fn planned(finding: &Finding, quarantine_bucket: &str, decision: &Decision) -> Option<Self> {
        let plan = super::plan(finding).ok()?;
        Some(Self::untouched(&plan, &Subject::of(finding), quarantine_bucket, decision))
    }

    fn untouched(plan: &Plan, subject: &Subject<'_>, quarantine_bucket: &str, decision: &Decision) -> Self {
        let quarantine =
            Location { bucket: quarantine_bucket.to_owned(), key: plan.destination_key.clone(), version_id: None };
        Self {
            case_id: plan.case_id.clone(),
            finding_id: subject.finding_id.to_owned(),
            finding_type: subject.finding_type.clone(),
            severity: subject.severity,
            region: subject.region.map(str::to_owned),
            decision: decision.recorded(),
            original: None,
            quarantine,
            copied_at: None,
            state: State::Started,
            remaining: Vec::new(),
            restoration: None,
            other_versions: None,
            run: None,
            transitions: Vec::new(),
        }
    }

    /// The record of a case whose first move begins now.
    #[must_use]
    pub fn begin(
        plan: &Plan,
        subject: &Subject<'_>,
        quarantine_bucket: &str,
        decision: &Decision,
        now: Timestamp,
    ) -> Self {
        let begun = Transition { at: now, what: "Quarantine decided".to_owned(), by: decision.recorded() };
        Self { transitions: vec![begun], ..Self::untouched(plan, subject, quarantine_bucket, decision) }
    }

    /// Notes that a move begins anew, or goes on where an earlier run left it. A copy that was begun keeps its place, so
    /// that no second one is left behind; once the object was moved or put back, the move is another one.
    pub fn begin_again(&mut self, plan: &Plan, subject: &Subject<'_>, decision: &Decision, now: Timestamp) {
        let what = if self.is_of(subject.finding_id, decision) { "Run again" } else { "Quarantine decided again" };
        if self.is_quarantined() || self.is_restored() {
            // The object is back: what lies in quarantine from before is not touched.
            self.original = None;
            self.restoration = None;
            self.quarantine.key.clone_from(&plan.destination_key);
            self.quarantine.version_id = None;
            self.copied_at = None;
        }
        subject.finding_id.clone_into(&mut self.finding_id);
        self.finding_type.clone_from(subject.finding_type);
        self.severity = self.severity.max(subject.severity);
        self.decision = decision.recorded();
        self.state = State::Started;
        self.transitions.push(Transition { at: now, what: what.to_owned(), by: decision.recorded() });
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::quarantine::{Original, plan};
    use crate::remediation::{Outcome, Proof};

    fn finding(id: &str, severity: i64) -> Finding {
        serde_json::from_value(json!({"id": id, "severity": {"score": severity}, "resourcesAffected": {
            "s3Bucket": {"name": "acme-uploads"}, "s3Object": {"key": "k", "versionId": "v1"}}}))
        .unwrap()
    }

    fn ended(outcome: Outcome) -> Manifest {
        let (finding, at) = (finding("f1", 3), Timestamp::UNIX_EPOCH);
        let begun = Manifest::begin(&plan(&finding).unwrap(), &Subject::of(&finding), "q", &Decision::Policy, at);
        let copy = Location { version_id: Some("q1".into()), ..begun.quarantine.clone() };
        let original = Some(Original::default());
        let state = State::Ended { outcome, at, told: true };
        Manifest { original, quarantine: copy, copied_at: Some(at), state, ..begun }
    }

    fn begun_again(mut manifest: Manifest, finding: &Finding) -> Manifest {
        let plan = plan(finding).unwrap();
        manifest.begin_again(&plan, &Subject::of(finding), &Decision::Policy, Timestamp::UNIX_EPOCH);
        manifest
    }

    #[test]
    fn an_attempt_that_moved_nothing_leaves_its_copy_to_the_next() {
        let before = ended(Outcome::KeyUnusable { copied: true });
        let after = begun_again(before.clone(), &finding("f2", 1));
        assert_eq!(
            (&after.quarantine, &after.original, after.copied_at),
            (&before.quarantine, &before.original, before.copied_at)
        );
        assert_eq!((after.finding_id.as_str(), after.severity), ("f2", before.severity), "the highest severity stays");
        assert_eq!(after.state, State::Started);
        assert_eq!(after.transitions.last().unwrap().what, "Quarantine decided again");
        assert_eq!(begun_again(before, &finding("f1", 3)).transitions.last().unwrap().what, "Run again");
    }

    #[test]
    fn after_a_move_the_next_one_forgets_its_copy_and_its_place() {
        let before = ended(Outcome::Quarantined { proof: Proof::Size, remaining_versions: None });
        let after = begun_again(before.clone(), &finding("f2", 3));
        assert_ne!(after.quarantine.key, before.quarantine.key);
        assert_eq!((after.quarantine.version_id, after.original, after.copied_at), (None, None, None));
    }

    #[test]
    fn a_copy_is_fresh_for_a_day() {
        let manifest = ended(Outcome::AlreadyGone);
        let after = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        assert!(manifest.copy_is_fresh(after(23)) && !manifest.copy_is_fresh(after(24)));
        assert!(!Manifest { copied_at: None, ..manifest }.copy_is_fresh(after(0)));
    }
}
