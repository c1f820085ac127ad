//! One scan of one uploaded zip: what failed, what the server decided, what people decided, and the texts about it.

pub mod build;
pub mod conclusion;
pub mod decision;
pub mod diagnosis;
pub mod execution;
pub mod failure;
pub mod links;
pub mod mail;
pub mod notification;
pub mod report;
pub mod scanner_log;
pub mod sonarqube;
pub mod unjudged;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::text::hex;

/// Names one scan everywhere: in the state machine (its execution's name), in the records, in the buttons and in the
/// mail.
///
/// 1 to 80 characters of `[A-Za-z0-9._-]`, the form of an execution's name. The set matters: Amazon Q puts the value
/// of a button into its command as plain text (facts 1.3), and it becomes part of an object key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ScanId(String);

/// The text is no scan id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a scan id has 1 to 80 characters of A-Z, a-z, 0-9, `.`, `_` and `-`")]
pub struct InvalidScanId;

impl TryFrom<String> for ScanId {
    type Error = InvalidScanId;

    fn try_from(text: String) -> Result<Self, InvalidScanId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
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

    /// The scan of an execution: its name, the eighth part of its ARN. `None` if there is none, or more than that: names
    /// have no colons (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>).
    #[must_use]
    pub fn of_execution(execution_arn: &str) -> Option<Self> {
        let name = execution_arn.splitn(8, ':').nth(7)?;
        Self::try_from(name.to_owned()).ok()
    }

    /// Whether that execution runs this scan.
    #[must_use]
    pub fn names(&self, execution_arn: &str) -> bool {
        Self::of_execution(execution_arn).as_ref() == Some(self)
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
    /// The version that an event of S3 is about, `{"detail": {"bucket": {"name": …}, "object": {"key": …, "version-id": …}}}`.
    #[must_use]
    pub fn of_event(event: &Value) -> Option<Self> {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            bucket: text("/detail/bucket/name")?,
            key: text("/detail/object/key")?,
            version_id: text("/detail/object/version-id")?,
            size: event.pointer("/detail/object/size").and_then(Value::as_u64),
            etag: text("/detail/object/etag"),
        })
    }

    /// Whether both are the same version of the same object.
    #[must_use]
    pub fn is_version_of(&self, other: &Self) -> bool {
        (&self.bucket, &self.key, &self.version_id) == (&other.bucket, &other.key, &other.version_id)
    }

    /// Where the evidence bucket says which scan has this version: `uploads/<SHA-256>.json`, of bucket, key and
    /// version with a line feed after each. `scripts/verify-approval` computes the same.
    #[must_use]
    pub fn index_key(&self) -> String {
        let Self { bucket, key, version_id, .. } = self;
        format!("uploads/{}.json", sha256(&format!("{bucket}\n{key}\n{version_id}\n")))
    }

    /// The project on the SonarQube server: the key's folder, or else the zip's own name, in the characters that a project
    /// key may have, and eight digits of a hash that keeps apart what would become the same.
    ///
    /// State `Identify` of the state machine computes the same before anything else can fail; this is for what comes
    /// without it.
    #[must_use]
    pub fn project_key(&self) -> String {
        let (name, place) = if let Some((folder, _)) = self.key.rsplit_once('/') {
            (folder, format!("{}/{folder}/", self.bucket))
        } else {
            let end = self.key.len().saturating_sub(".zip".len());
            let suffix = self.key.get(end..).filter(|suffix| suffix.eq_ignore_ascii_case(".zip"));
            let name = self.key.get(..end).filter(|_| suffix.is_some()).unwrap_or(&self.key);
            (name, format!("{}/{name}", self.bucket))
        };
        let allowed = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
        let readable = name.chars().map(|character| if allowed(character) { character } else { '-' }).take(200);
        readable.chain(['-']).chain(sha256(&place).chars().take(8)).collect()
    }
}

/// In 64 hexadecimal digits.
fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(key: &str, version: &str) -> Upload {
        let [bucket, key, version_id] = ["upload", key, version].map(str::to_owned);
        Upload { bucket, key, version_id, size: None, etag: None }
    }

    /// The expected ones are from the state machine's own expression; the story `scan-aborted` compares once more.
    #[test]
    fn a_project_is_named_after_its_folder_or_its_zip() {
        for (key, project) in [
            ("api.zip", "api-87001f10"),
            ("API.ZIP", "API-4ee0dd89"),
            ("team a/api/scan.zip", "team-a-api-0974864c"),
            ("a/b", "a-87004fc7"),
            ("api", "api-87001f10"),
            ("/x.zip", "-4e15de9d"),
            ("ü.zip", "--e66f6384"),
        ] {
            assert_eq!(upload(key, "v1").project_key(), project, "{key}");
        }
        let long = upload(&"x".repeat(900), "v1").project_key();
        assert_eq!((long.len(), long.is_char_boundary(200)), (209, true));
    }

    #[test]
    fn an_event_without_a_version_is_about_no_upload() {
        let event =
            |object: serde_json::Value| serde_json::json!({"detail": {"bucket": {"name": "upload"}, "object": object}});
        let full = event(serde_json::json!({"key": "a.zip", "version-id": "v1", "size": 5, "etag": "b194"}));
        let expected = Upload { size: Some(5), etag: Some("b194".into()), ..upload("a.zip", "v1") };
        assert_eq!(Upload::of_event(&full), Some(expected));
        for object in
            [serde_json::json!({"key": "a.zip"}), serde_json::json!({"key": 1, "version-id": "v1"}), Value::Null]
        {
            assert_eq!(Upload::of_event(&event(object.clone())), None, "{object}");
        }
    }

    #[test]
    fn a_scan_is_named_by_its_execution() {
        let arn = "arn:aws:states:eu-west-1:111122223333:execution:code-scan:a.b";
        let scan = ScanId::of_execution(arn).unwrap();
        assert!(scan.to_string() == "a.b" && scan.names(arn));
        let other = ScanId::try_from("b".to_owned()).unwrap();
        assert!(!other.names(arn));
        let machine = "arn:aws:states:eu-west-1:111122223333:stateMachine:code-scan";
        let longer = "arn:aws:states:eu-west-1:111122223333:execution:code-scan:a:b";
        for wrong in ["", "b", "a:b", machine, longer, "1:2:3:4:5:6:7:"] {
            assert_eq!(ScanId::of_execution(wrong), None, "{wrong}");
            assert!(!other.names(wrong), "{wrong}");
        }
    }

    #[test]
    fn each_version_of_an_upload_has_its_own_place_in_the_index() {
        // printf '%s\n' upload 'a b.zip' v1 | sha256sum
        assert_eq!(
            upload("a b.zip", "v1").index_key(),
            "uploads/805537c8867a5f45a47c9d0b31f1854157327dabfa0767aab73d3548ed8472fe.json"
        );
        assert_ne!(upload("a", "bc").index_key(), upload("ab", "c").index_key());
    }

    #[test]
    fn a_scan_id_is_an_execution_name_and_nothing_else() {
        for good in ["a", "0948ba87-0000_8745a7a9.x", &"x".repeat(80)] {
            assert_eq!(ScanId::try_from(good.to_owned()).unwrap().to_string(), good);
        }
        let long = "x".repeat(81);
        for bad in ["", "a b", "a/b", "a:b", "..", ".", "a\"", "$(id)", "ü", "a\n", long.as_str()] {
            assert_eq!(ScanId::try_from(bad.to_owned()), Err(InvalidScanId), "{bad}");
        }
    }
}
