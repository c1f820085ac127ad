//! What a person can have done to the settings of a bucket, and the record of it.

mod standing;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, FindingType};
use crate::policy::Why;
use crate::quarantine::{Claim, Transition};
use crate::remediation::Decision;
use crate::slack::button::Action;

pub use self::standing::{DEAD_AFTER, Standing, is_open_to, last_end, standing};

/// What is turned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BucketAct {
    /// All four settings of Block Public Access.
    BlockPublicAccess,
    /// Encryption of new objects with keys that S3 manages.
    EncryptByDefault,
}

impl BucketAct {
    /// What the button on a finding of this type turns on; none where only a person can know what is right.
    #[must_use]
    pub fn of(kind: &FindingType) -> Option<Self> {
        match kind {
            FindingType::BucketPublic | FindingType::BlockPublicAccessDisabled => Some(Self::BlockPublicAccess),
            FindingType::BucketEncryptionDisabled => Some(Self::EncryptByDefault),
            _ => None,
        }
    }

    /// The button that turns it on.
    #[must_use]
    pub fn action(self) -> Action {
        match self {
            Self::BlockPublicAccess => Action::BlockPublicAccess,
            Self::EncryptByDefault => Action::EncryptByDefault,
        }
    }

    /// What is turned on, as the beginning of a sentence.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::BlockPublicAccess => "Block Public Access",
            Self::EncryptByDefault => "Default encryption",
        }
    }

    /// The name in the record's key.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BlockPublicAccess => "block-public-access",
            Self::EncryptByDefault => "encrypt-by-default",
        }
    }
}

/// A bucket's settings, as far as an act changes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Settings {
    /// None when the bucket has no configuration of its own.
    PublicAccess(Option<PublicAccessBlock>),
    /// The algorithm that new objects are encrypted with, if any.
    Encryption(Option<String>),
}

/// The four settings of Block Public Access.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "so S3 has them")]
pub struct PublicAccessBlock {
    pub block_public_acls: bool,
    pub ignore_public_acls: bool,
    pub block_public_policy: bool,
    pub restrict_public_buckets: bool,
}

impl Settings {
    /// Whether there is nothing left to turn on.
    #[must_use]
    pub fn are_on(&self) -> bool {
        match self {
            Self::PublicAccess(block) => block.is_some_and(|block| {
                block.block_public_acls
                    && block.ignore_public_acls
                    && block.block_public_policy
                    && block.restrict_public_buckets
            }),
            Self::Encryption(algorithm) => algorithm.is_some(),
        }
    }
}

/// The record of one act: `cases/<case-id>/<act>.json`. It is written before the bucket is touched, so that what was set
/// before is never lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketRecord {
    pub case_id: String,
    pub finding_id: String,
    pub finding_type: FindingType,
    pub act: BucketAct,
    pub bucket: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Who decided; never with a `response_url`.
    pub decision: Decision,
    /// How the bucket was set before anything was changed; none when that could not be read, or S3 refused to change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Settings>,
    pub state: BucketState,
    pub transitions: Vec<Transition>,
}

/// How far an act is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BucketState {
    /// It was only dismissed, or opened again.
    Untouched,
    Started,
    /// An attempt failed in a way that may heal; Lambda may try again.
    Failed {
        error_type: String,
        at: Timestamp,
    },
    Ended {
        #[serde(flatten)]
        outcome: BucketOutcome,
        at: Timestamp,
        told: bool,
    },
}

/// How an act ended. What may heal by itself is no outcome but an error, and is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum BucketOutcome {
    /// Turned on, and read back.
    TurnedOn,
    /// It was on, and nothing was changed.
    AlreadyOn,
    /// It was turned on, and somebody else changed it at the same time.
    ChangedMeanwhile,
    /// A policy refuses to read or to change the settings.
    AccessDenied,
    /// The bucket does not exist any more.
    BucketGone,
    /// The bucket is in another Region than this deployment.
    OtherRegion,
    /// This deployment may not touch the bucket, or not any more.
    OutOfReach { why: Why },
}

impl BucketOutcome {
    /// Whether it is turned on.
    #[must_use]
    pub fn is_on(self) -> bool {
        matches!(self, Self::TurnedOn | Self::AlreadyOn)
    }

    /// Whether a person can remove the obstacle and press the button once more.
    #[must_use]
    pub fn can_be_tried_again(self) -> bool {
        match self {
            Self::ChangedMeanwhile | Self::AccessDenied => true,
            Self::OutOfReach { why } => why.can_be_lifted(),
            Self::TurnedOn | Self::AlreadyOn | Self::BucketGone | Self::OtherRegion => false,
        }
    }
}

impl BucketRecord {
    /// The record of an act of which nothing was done yet; none for a finding that names no bucket.
    #[must_use]
    pub fn untouched(act: BucketAct, finding: &Finding, decision: &Decision) -> Option<Self> {
        Some(Self {
            case_id: case_id(finding)?,
            finding_id: finding.id.clone(),
            finding_type: finding.kind.clone(),
            act,
            bucket: finding.bucket()?.to_owned(),
            account_id: finding.account_id.clone(),
            region: finding.region.clone(),
            decision: decision.recorded(),
            before: None,
            state: BucketState::Untouched,
            transitions: Vec::new(),
        })
    }

    /// Notes what somebody decided, once; `false` when it is noted already. How an act began or ended stays as it is.
    #[must_use]
    pub fn note(&mut self, transition: Transition) -> bool {
        let is_new = !self.transitions.contains(&transition);
        if is_new {
            self.transitions.push(transition);
        }
        is_new
    }

    /// How the act ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<BucketOutcome> {
        match self.state {
            BucketState::Ended { outcome, .. } => Some(outcome),
            BucketState::Untouched | BucketState::Started | BucketState::Failed { .. } => None,
        }
    }

    /// Whether the last attempt was this decision's, and ended with an outcome.
    #[must_use]
    pub fn has_ended_for(&self, decision: &Decision) -> bool {
        self.decision == decision.recorded() && self.outcome().is_some()
    }

    /// When the last attempt ended, well or not, if it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            BucketState::Ended { at, .. } | BucketState::Failed { at, .. } => Some(at),
            BucketState::Untouched | BucketState::Started => None,
        }
    }

    /// Whether the last attempt did not leave it turned on.
    #[must_use]
    pub fn came_to_nothing(&self) -> bool {
        self.ended_at().is_some() && !self.outcome().is_some_and(BucketOutcome::is_on)
    }

    /// When the last attempt ended, or, until it has, when it was last heard of. What is noted after an end, such as that
    /// Slack was told, is no sign of the bucket.
    #[must_use]
    pub fn heard_at(&self) -> Option<Timestamp> {
        self.ended_at().or_else(|| self.transitions.iter().map(|transition| transition.at).max())
    }

    /// Whether the last attempt came of this decision, not of an earlier one.
    #[must_use]
    pub fn is_of(&self, claim: &Claim) -> bool {
        self.state != BucketState::Untouched && self.heard_at().is_some_and(|at| at >= claim.at)
    }

    /// Whether Slack took the message about its end.
    #[must_use]
    pub fn was_told(&self) -> bool {
        matches!(self.state, BucketState::Ended { told: true, .. })
    }

    /// `cases/<case-id>/<act>.json`
    #[must_use]
    pub fn key(&self) -> String {
        record_key(&self.case_id, self.act)
    }

    /// The command that sets the bucket as it was, for the AWS CLI. None while nothing is known to have been changed.
    #[must_use]
    pub fn undo(&self) -> Option<String> {
        if !matches!(self.outcome(), Some(BucketOutcome::TurnedOn | BucketOutcome::ChangedMeanwhile)) {
            return None;
        }
        // The characters of a bucket's name mean nothing to a shell.
        let bucket = &self.bucket;
        Some(match self.before.as_ref()? {
            Settings::PublicAccess(None) => format!("aws s3api delete-public-access-block --bucket {bucket}"),
            Settings::PublicAccess(Some(block)) => format!(
                "aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration \
                 BlockPublicAcls={},IgnorePublicAcls={},BlockPublicPolicy={},RestrictPublicBuckets={}",
                block.block_public_acls,
                block.ignore_public_acls,
                block.block_public_policy,
                block.restrict_public_buckets
            ),
            Settings::Encryption(_) => format!("aws s3api delete-bucket-encryption --bucket {bucket}"),
        })
    }
}

/// `cases/<case-id>/<act>.json`
#[must_use]
pub fn record_key(case_id: &str, act: BucketAct) -> String {
    format!("cases/{case_id}/{}.json", act.name())
}

/// The case of a finding whose bucket is to be changed: the object's, or one of the finding's own. None for a finding
/// that names no bucket.
#[must_use]
pub fn case_id(finding: &Finding) -> Option<String> {
    finding.case_id().or_else(|| finding.bucket_case_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(before: Option<Settings>, outcome: BucketOutcome) -> BucketRecord {
        BucketRecord {
            case_id: "c1".into(),
            finding_id: "f1".into(),
            finding_type: FindingType::Financial,
            act: BucketAct::BlockPublicAccess,
            bucket: "acme-uploads".into(),
            account_id: Some("111122223333".into()),
            region: None,
            decision: Decision::Policy,
            before,
            state: BucketState::Ended { outcome, at: Timestamp::UNIX_EPOCH, told: false },
            transitions: Vec::new(),
        }
    }

    #[test]
    fn what_was_changed_can_be_undone_to_exactly_what_it_was() {
        let undo = |before, outcome| record(Some(before), outcome).undo();
        let some = PublicAccessBlock { block_public_acls: true, ..PublicAccessBlock::default() };
        assert_eq!(
            undo(Settings::PublicAccess(Some(some)), BucketOutcome::TurnedOn).unwrap(),
            "aws s3api put-public-access-block --bucket acme-uploads --public-access-block-configuration \
             BlockPublicAcls=true,IgnorePublicAcls=false,BlockPublicPolicy=false,RestrictPublicBuckets=false"
        );
        assert_eq!(
            undo(Settings::PublicAccess(None), BucketOutcome::TurnedOn).unwrap(),
            "aws s3api delete-public-access-block --bucket acme-uploads"
        );
        assert_eq!(
            undo(Settings::Encryption(None), BucketOutcome::TurnedOn).unwrap(),
            "aws s3api delete-bucket-encryption --bucket acme-uploads"
        );
        assert_eq!(undo(Settings::PublicAccess(None), BucketOutcome::AlreadyOn), None);
        assert_eq!(record(None, BucketOutcome::AccessDenied).undo(), None);
    }

    #[test]
    fn only_what_can_do_no_harm_has_a_button() {
        for (kind, expected) in [
            (FindingType::BucketPublic, Some(Action::BlockPublicAccess)),
            (FindingType::BlockPublicAccessDisabled, Some(Action::BlockPublicAccess)),
            (FindingType::BucketEncryptionDisabled, Some(Action::EncryptByDefault)),
            (FindingType::BucketSharedExternally, None),
            (FindingType::BucketReplicatedExternally, None),
            (FindingType::BucketSharedWithCloudFront, None),
            (FindingType::Personal, None),
        ] {
            assert_eq!(BucketAct::of(&kind).map(BucketAct::action), expected, "{kind:?}");
        }
    }

    #[test]
    fn public_access_is_blocked_by_all_four_settings_only() {
        let all = PublicAccessBlock {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        };
        assert!(Settings::PublicAccess(Some(all)).are_on());
        assert!(!Settings::PublicAccess(Some(PublicAccessBlock { ignore_public_acls: false, ..all })).are_on());
        assert!(!Settings::PublicAccess(None).are_on());
        assert!(Settings::Encryption(Some("aws:kms".into())).are_on());
        assert!(!Settings::Encryption(None).are_on());
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for before in [Some(Settings::PublicAccess(None)), Some(Settings::Encryption(Some("AES256".into()))), None] {
            let record = record(before, BucketOutcome::TurnedOn);
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<BucketRecord>(&text).unwrap(), record, "{text}");
        }
    }
}
