//! What a finding is about, and how grave it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The type of a finding. A type that Macie adds later is `Other` and keeps its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Option<String>", into = "String")]
pub enum FindingType {
    Credentials,
    CustomIdentifier,
    Financial,
    Multiple,
    Personal,
    BlockPublicAccessDisabled,
    BucketEncryptionDisabled,
    BucketPublic,
    BucketReplicatedExternally,
    BucketSharedExternally,
    BucketSharedWithCloudFront,
    Other(String),
}

/// Every type that is known, in Macie's spelling.
const NAMES: [(FindingType, &str); 11] = [
    (FindingType::Credentials, "SensitiveData:S3Object/Credentials"),
    (FindingType::CustomIdentifier, "SensitiveData:S3Object/CustomIdentifier"),
    (FindingType::Financial, "SensitiveData:S3Object/Financial"),
    (FindingType::Multiple, "SensitiveData:S3Object/Multiple"),
    (FindingType::Personal, "SensitiveData:S3Object/Personal"),
    (FindingType::BlockPublicAccessDisabled, "Policy:IAMUser/S3BlockPublicAccessDisabled"),
    (FindingType::BucketEncryptionDisabled, "Policy:IAMUser/S3BucketEncryptionDisabled"),
    (FindingType::BucketPublic, "Policy:IAMUser/S3BucketPublic"),
    (FindingType::BucketReplicatedExternally, "Policy:IAMUser/S3BucketReplicatedExternally"),
    (FindingType::BucketSharedExternally, "Policy:IAMUser/S3BucketSharedExternally"),
    (FindingType::BucketSharedWithCloudFront, "Policy:IAMUser/S3BucketSharedWithCloudFront"),
];

impl FindingType {
    /// Macie's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        NAMES.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name)
    }

    #[must_use]
    pub fn is_policy(&self) -> bool {
        self.as_str().starts_with("Policy:")
    }

    /// What was found, as it stands in a headline: `financial information`.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::CustomIdentifier => "data of a custom identifier",
            Self::Financial => "financial information",
            Self::Multiple => "several kinds of sensitive data",
            Self::Personal => "personal information",
            Self::BlockPublicAccessDisabled => "Block Public Access turned off",
            Self::BucketEncryptionDisabled => "default encryption turned off",
            Self::BucketPublic => "a public bucket",
            Self::BucketReplicatedExternally => "a bucket replicated to another organization",
            Self::BucketSharedExternally => "a bucket shared with another organization",
            Self::BucketSharedWithCloudFront => "a bucket shared with CloudFront",
            Self::Other(_) => "sensitive data",
        }
    }
}

impl Default for FindingType {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl From<&str> for FindingType {
    fn from(name: &str) -> Self {
        let known = NAMES.into_iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Self::Other(name.to_owned()), |(kind, _)| kind)
    }
}

impl From<Option<String>> for FindingType {
    fn from(name: Option<String>) -> Self {
        Self::from(name.unwrap_or_default().as_str())
    }
}

impl From<FindingType> for String {
    fn from(kind: FindingType) -> Self {
        kind.as_str().to_owned()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    Low,
    Medium,
    High,
}

impl Severity {
    pub(super) fn from_score(score: i64) -> Option<Self> {
        match score {
            1 => Some(Self::Low),
            2 => Some(Self::Medium),
            3 => Some(Self::High),
            _ => None,
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        name.to_ascii_uppercase().parse().ok()
    }
}

/// As Macie's console writes it.
impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        })
    }
}

/// As the template's parameter writes it; anything else is a mistake that must stop the start.
impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        match text {
            "LOW" => Ok(Self::Low),
            "MEDIUM" => Ok(Self::Medium),
            "HIGH" => Ok(Self::High),
            _ => Err(UnknownSeverity),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be LOW, MEDIUM or HIGH")]
pub struct UnknownSeverity;
