//! What is to be done about a finding.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, FindingType, ObjectRef, Severity};
use crate::quarantine::Original;
use crate::slack::Approvals;

/// The configuration of one deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub credentials: Action,
    pub custom_identifier: Action,
    pub financial: Action,
    pub multiple: Action,
    pub personal: Action,
    pub min_severity: Severity,
    pub second_approver: SecondApprover,
    pub policy_findings: PolicyFindings,
    pub sources: Sources,
    /// Findings about this bucket are never acted on: moving its objects into itself would go on for ever. Those about its
    /// settings are shown.
    pub quarantine_bucket: String,
}

/// What a deployment wants done about one type of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Quarantine at once.
    Auto,
    /// Ask in the channel.
    Review,
    /// Do nothing.
    Ignore,
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        match text {
            "AUTO" => Ok(Self::Auto),
            "REVIEW" => Ok(Self::Review),
            "IGNORE" => Ok(Self::Ignore),
            _ => Err(UnknownAction),
        }
    }
}

/// Whether findings about the settings of buckets are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyFindings {
    Show,
    Ignore,
}

impl FromStr for PolicyFindings {
    type Err = UnknownPolicyFindings;

    fn from_str(text: &str) -> Result<Self, UnknownPolicyFindings> {
        match text {
            "SHOW" => Ok(Self::Show),
            "IGNORE" => Ok(Self::Ignore),
            _ => Err(UnknownPolicyFindings),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be SHOW or IGNORE")]
pub struct UnknownPolicyFindings;

/// The buckets that the remediator may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Of this account only.
    pub account_id: String,
    /// A name, or the beginning of names before a star.
    pub bucket_pattern: String,
}

impl Sources {
    /// Why the remediator may not touch the finding's bucket; none when it may.
    #[must_use]
    pub fn obstacle(&self, finding: &Finding) -> Option<Why> {
        self.obstacle_at(finding.account_id.as_deref(), finding.bucket())
    }

    /// The same of the bucket that a case's object came from.
    #[must_use]
    pub fn obstacle_of(&self, original: &Original) -> Option<Why> {
        self.obstacle_at(original.account_id.as_deref(), Some(&original.bucket))
    }

    /// The same of a bucket, as far as it is known.
    #[must_use]
    pub fn obstacle_at(&self, account_id: Option<&str>, bucket: Option<&str>) -> Option<Why> {
        if account_id.is_some_and(|account| account != self.account_id) {
            return Some(Why::OtherAccount);
        }
        (!matches_pattern(&self.bucket_pattern, bucket?)).then_some(Why::OutsideSources)
    }
}

/// What may be done about the settings of a finding's bucket by a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketReach {
    /// They may be changed.
    Changeable,
    /// This deployment may not touch the bucket.
    OutOfReach,
    /// It is the quarantine bucket, which only the deployment of the stack changes.
    Quarantine,
}

impl Sources {
    #[must_use]
    pub fn bucket_reach(&self, finding: &Finding, quarantine_bucket: &str) -> BucketReach {
        if finding.bucket() == Some(quarantine_bucket) {
            BucketReach::Quarantine
        } else if self.obstacle(finding).is_some() {
            BucketReach::OutOfReach
        } else {
            BucketReach::Changeable
        }
    }
}

/// A star stands at the end only. IAM would let one anywhere else stand for a slash as well, and so for other buckets:
/// `*-inbox/*` matches `other/x-inbox/key`.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == pattern,
    }
}

/// Which findings two people have to agree on before the object is moved by a button, in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondApprover {
    None,
    /// Those of severity HIGH.
    High,
}

impl SecondApprover {
    #[must_use]
    pub fn is_needed(self, finding: &Finding) -> bool {
        self.is_needed_for(finding.severity())
    }

    /// How many people have to press the finding's button.
    #[must_use]
    pub fn approvals(self, finding: &Finding) -> Approvals<'static> {
        if self.is_needed(finding) { Approvals::Two } else { Approvals::One }
    }

    #[must_use]
    pub fn is_needed_for(self, severity: Option<Severity>) -> bool {
        self == Self::High && severity == Some(Severity::High)
    }
}

impl FromStr for SecondApprover {
    type Err = UnknownSecondApprover;

    fn from_str(text: &str) -> Result<Self, UnknownSecondApprover> {
        match text {
            "NONE" => Ok(Self::None),
            "HIGH" => Ok(Self::High),
            _ => Err(UnknownSecondApprover),
        }
    }
}

/// A misspelt value stops the start: it must not mean that one person is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be NONE or HIGH")]
pub struct UnknownSecondApprover;

/// A value that is none of the three. It stops the start: a misspelt `IGNORE` must not turn into something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be AUTO, REVIEW or IGNORE")]
pub struct UnknownAction;

/// What happens with a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing; the reason is logged.
    Ignore(Reason),
    /// The channel is told, without a button: there is nothing that can be moved.
    Inform(Why),
    /// The channel is told about the settings of a bucket, with a button where something can be turned on.
    ShowBucket,
    /// The channel is asked.
    Review,
    /// The object is quarantined at once.
    Remediate,
}

/// Why nothing is done about a finding, or why a click on its button is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("it is a sample finding, about a bucket that does not exist")]
    Sample,
    #[error("it is archived in Macie")]
    Archived,
    #[error("it is about the quarantine bucket itself")]
    QuarantineBucket,
    #[error("its severity {severity} is below the minimum {minimum}")]
    BelowMinimum { severity: Severity, minimum: Severity },
    #[error("findings of its type are configured to be ignored")]
    Configured,
    #[error("it is not about an object in S3")]
    NotAnObject,
    #[error("Macie recorded neither a version nor an ETag, so the scanned object cannot be told from a newer one")]
    Unpinned,
}

/// Why the channel is told without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Why {
    /// The bucket belongs to another account, which the remediator cannot reach.
    OtherAccount,
    /// The deployment is not allowed to move objects out of this bucket.
    OutsideSources,
    /// See [`Reason::Unpinned`].
    Unpinned,
}

impl Why {
    /// Whether whoever runs the deployment can remove the obstacle by its configuration.
    #[must_use]
    pub fn can_be_lifted(self) -> bool {
        self == Self::OutsideSources
    }
}

/// Decides about a new finding. A type that is not known yet, and a finding without a severity, are for a person to
/// decide: neither may be dropped silently or acted on unasked.
#[must_use]
pub fn decide(finding: &Finding, policy: &Policy) -> Decision {
    let action = policy.action(&finding.kind);
    if action == Some(Action::Ignore) {
        return Decision::Ignore(Reason::Configured);
    }
    if let Some(severity) = finding.severity()
        && severity < policy.min_severity
    {
        return Decision::Ignore(Reason::BelowMinimum { severity, minimum: policy.min_severity });
    }
    let obstacle = policy.sources.obstacle(finding);
    match (movable(finding, &policy.quarantine_bucket), obstacle) {
        (Ok(_), Some(why)) => Decision::Inform(why),
        (Ok(_), None) if action == Some(Action::Auto) && finding.severity().is_some() => Decision::Remediate,
        (Ok(_), None) => Decision::Review,
        // Of the quarantine bucket, too: that it is public must not be silent.
        (Err(Reason::NotAnObject | Reason::QuarantineBucket), _) if finding.is_policy() => match policy.policy_findings
        {
            PolicyFindings::Show => Decision::ShowBucket,
            PolicyFindings::Ignore => Decision::Ignore(Reason::Configured),
        },
        (Err(Reason::Unpinned), _) => Decision::Inform(Why::Unpinned),
        (Err(reason), _) => Decision::Ignore(reason),
    }
}

/// Whether anything may be done about this finding, to its object or to its bucket; asked once more when somebody clicks,
/// since the finding may have been archived after it was shown.
pub fn actionable(finding: &Finding, quarantine_bucket: &str) -> Result<(), Reason> {
    if finding.sample == Some(true) {
        return Err(Reason::Sample);
    }
    if finding.archived == Some(true) {
        return Err(Reason::Archived);
    }
    if finding.bucket() == Some(quarantine_bucket) {
        return Err(Reason::QuarantineBucket);
    }
    Ok(())
}

/// The object that may be quarantined for this finding.
pub fn movable(finding: &Finding, quarantine_bucket: &str) -> Result<ObjectRef, Reason> {
    actionable(finding, quarantine_bucket)?;
    if finding.is_policy() {
        return Err(Reason::NotAnObject);
    }
    let object = finding.object().ok_or(Reason::NotAnObject)?;
    if !object.is_pinned() {
        return Err(Reason::Unpinned);
    }
    Ok(object)
}

impl Policy {
    fn action(&self, kind: &FindingType) -> Option<Action> {
        match kind {
            FindingType::Credentials => Some(self.credentials),
            FindingType::CustomIdentifier => Some(self.custom_identifier),
            FindingType::Financial => Some(self.financial),
            FindingType::Multiple => Some(self.multiple),
            FindingType::Personal => Some(self.personal),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
