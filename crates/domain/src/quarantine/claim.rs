//! What people and the channel know of a case: who decided, who agreed first, what was shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
        }
    }

    /// Why nothing is to be done, if that still holds.
    #[must_use]
    pub fn dismissal(&self) -> Option<DismissReason> {
        self.dismissed.filter(|_| self.reopened.is_none())
    }

    /// Whether somebody decided that nothing is to be done about this finding. A dismissal is about one type of finding:
    /// who dismissed made-up addresses has said nothing about a password that a later scan finds in the same object. An
    /// object's version stays what it was dismissed as; a bucket may be opened again next year, so that only an accepted
    /// risk holds for what happens later.
    #[must_use]
    pub fn dismisses(&self, finding: &Finding) -> bool {
        let happened_again = || finding.is_policy() && finding.changed_at().is_some_and(|at| at > self.at);
        self.finding_type == finding.kind
            && self.dismissal().is_some_and(|reason| reason == DismissReason::AcceptedRisk || !happened_again())
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
