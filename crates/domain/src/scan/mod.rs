//! One scan of one uploaded zip: what failed, what the server decided, what people decided, and the texts about it.

pub mod build;
pub mod decision;
pub mod diagnosis;
pub mod links;
pub mod mail;
pub mod notification;
pub mod report;
pub mod scanner_log;
pub mod sonarqube;
pub mod unjudged;

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Names one scan everywhere: in the state machine (its execution's name), in the records, in the buttons and in the
/// mail.
///
/// 1 to 80 characters of `[A-Za-z0-9._:-]`, the form of an execution's name. The set matters: Amazon Q puts the value
/// of a button into its command as plain text (facts 1.3), and it becomes part of an object key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ScanId(String);

/// The text is no scan id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a scan id has 1 to 80 characters of A-Z, a-z, 0-9, `.`, `_`, `:` and `-`")]
pub struct InvalidScanId;

impl TryFrom<String> for ScanId {
    type Error = InvalidScanId;

    fn try_from(text: String) -> Result<Self, InvalidScanId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let dots = text.bytes().all(|byte| byte == b'.');
        if text.is_empty() || text.len() > 80 || dots || !text.bytes().all(allowed) {
            return Err(InvalidScanId);
        }
        Ok(Self(text))
    }
}

impl<'de> Deserialize<'de> for ScanId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for ScanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl ScanId {
    /// Where a record of this scan lies in the evidence bucket: `scans/<scan id>/<name>`.
    #[must_use]
    pub fn record_key(&self, name: &str) -> String {
        format!("scans/{}/{name}", self.0)
    }
}

/// The uploaded zip: exactly this version of this key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// The upload bucket.
    pub bucket: String,
    /// The object's key, literally as in the event.
    pub key: String,
    /// The version that was uploaded.
    pub version_id: String,
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The entity tag, without quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl Upload {
    /// Whether both are the same version of the same object.
    #[must_use]
    pub fn is_version_of(&self, other: &Self) -> bool {
        (&self.bucket, &self.key, &self.version_id) == (&other.bucket, &other.key, &other.version_id)
    }

    /// Where the evidence bucket says which scan has this version: `uploads/<SHA-256>.json`, of bucket, key and
    /// version with a line feed after each. `scripts/verify-approval` computes the same.
    #[must_use]
    pub fn index_key(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.bucket, &self.key, &self.version_id] {
            hash.update(part.as_bytes());
            hash.update(b"\n");
        }
        let mut hex = String::with_capacity(64);
        for byte in hash.finalize() {
            let _ = write!(hex, "{byte:02x}");
        }
        format!("uploads/{hex}.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_of_an_upload_has_its_own_place_in_the_index() {
        let upload = |key: &str, version: &str| Upload {
            bucket: "upload".into(),
            key: key.into(),
            version_id: version.into(),
            size: None,
            etag: None,
        };
        // printf '%s\n' upload 'a b.zip' v1 | sha256sum
        assert_eq!(
            upload("a b.zip", "v1").index_key(),
            "uploads/805537c8867a5f45a47c9d0b31f1854157327dabfa0767aab73d3548ed8472fe.json"
        );
        assert_ne!(upload("a", "bc").index_key(), upload("ab", "c").index_key());
    }

    #[test]
    fn a_scan_id_is_an_execution_name_and_nothing_else() {
        for good in ["a", "0948ba87-0000_8745a7a9:x.y", &"x".repeat(80)] {
            assert_eq!(ScanId::try_from(good.to_owned()).unwrap().to_string(), good);
        }
        let long = "x".repeat(81);
        for bad in ["", "a b", "a/b", "..", ".", "a\"", "$(id)", "ü", "a\n", long.as_str()] {
            assert_eq!(ScanId::try_from(bad.to_owned()), Err(InvalidScanId), "{bad}");
        }
    }
}
