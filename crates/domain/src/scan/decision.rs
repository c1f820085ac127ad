//! What people decide about a failed gate, and who may still change it: nobody.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InvalidScanId, ScanId, Upload};

/// The name of the record in the evidence bucket; created once, so the first decision wins.
pub const DECISION: &str = "decision.json";
/// The name of the record that the mail was sent.
pub const MAIL: &str = "mail.json";

/// What was decided.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The failed gate is accepted.
    Approved,
    /// It is not.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

/// The record of a decision.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// About which scan.
    pub scan_id: ScanId,
    /// What.
    pub outcome: Outcome,
    /// When.
    pub decided_at: Timestamp,
    /// The invocation that brought the decision. Amazon Q does not say who pressed; its audit log does, by the scan's id
    /// in the command and the moment above.
    pub request_id: String,
    /// Exactly what was decided about. Missing in records of the first releases, which name the scan alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
}

impl Decision {
    /// Whether it is about that scan of that version.
    #[must_use]
    pub fn is_about(&self, scan_id: &ScanId, upload: &Upload) -> bool {
        self.scan_id == *scan_id && self.upload.as_ref().is_none_or(|own| own.is_version_of(upload))
    }
}

/// What a button asks for, `{"approve": "<scan id>"}` or `{"reject": …}`; and the state machine: when the time is over,
/// `{"expire": "<scan id>", "key": "<its key>"}`, and after the wait, `{"confirm": "<scan id>", "executionArn": "…",
/// "object": {…}}` and `{"tell": …}` of the same form.
///
/// The form is this short because Amazon Q's commands may have only 100 characters. Whoever can press a button can send
/// any of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A person decides.
    Decide {
        /// What: never [`Outcome::Expired`].
        outcome: Outcome,
        /// About which scan.
        scan_id: ScanId,
    },
    /// Nobody has decided in time.
    Expire {
        /// Which scan.
        scan_id: ScanId,
        /// Proves that the state machine asks.
        key: String,
    },
    /// What is recorded about this scan?
    Confirm(Subject),
    /// Tell the developers, or the channel, of the decision, if nobody has.
    Tell(Subject),
}

/// Which scan of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The scan.
    pub scan_id: ScanId,
    /// Its execution.
    pub execution_arn: String,
    /// What it scanned.
    pub upload: Upload,
}

/// The payload asks for nothing that we know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidRequest {
    /// Not an object with exactly one request and what belongs to it.
    #[error("expected {{\"approve\": \"<scan id>\"}} or {{\"reject\": \"<scan id>\"}}")]
    Shape,
    /// The text is no scan id.
    #[error("the request names no scan")]
    Scan(#[source] InvalidScanId),
}

impl Request {
    /// Reads the payload of the function.
    ///
    /// # Errors
    /// [`InvalidRequest`]: another shape, more than one request, or no scan id.
    pub fn parse(payload: &serde_json::Value) -> Result<Self, InvalidRequest> {
        let fields = payload.as_object().ok_or(InvalidRequest::Shape)?;
        let text = |name: &str| fields.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let scan = |id: String| ScanId::try_from(id).map_err(InvalidRequest::Scan);
        let verbs = ["approve", "reject", "expire", "confirm", "tell"];
        let mut asked = verbs.into_iter().filter_map(|verb| Some((verb, text(verb)?)));
        let (Some((verb, id)), None) = (asked.next(), asked.next()) else { return Err(InvalidRequest::Shape) };
        match (verb, fields.len()) {
            ("approve", 1) => Ok(Self::Decide { outcome: Outcome::Approved, scan_id: scan(id)? }),
            ("reject", 1) => Ok(Self::Decide { outcome: Outcome::Rejected, scan_id: scan(id)? }),
            ("expire", 2) => {
                let key = text("key").ok_or(InvalidRequest::Shape)?;
                Ok(Self::Expire { scan_id: scan(id)?, key })
            }
            ("confirm" | "tell", 3) => {
                let execution_arn = text("executionArn").ok_or(InvalidRequest::Shape)?;
                let upload = fields.get("object").ok_or(InvalidRequest::Shape)?;
                let upload = Upload::deserialize(upload).map_err(|_| InvalidRequest::Shape)?;
                let subject = Subject { scan_id: scan(id)?, execution_arn, upload };
                Ok(if verb == "tell" { Self::Tell(subject) } else { Self::Confirm(subject) })
            }
            _ => Err(InvalidRequest::Shape),
        }
    }
}

impl Outcome {
    /// In a sentence: "was approved".
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "left undecided until it expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn subject(verb: &str) -> serde_json::Value {
        json!({verb: "scan-1", "executionArn": "arn:1",
            "object": {"bucket": "upload", "key": "a.zip", "versionId": "v1", "size": null, "etag": null}})
    }

    #[test]
    fn a_decision_is_about_one_version_and_an_old_one_about_its_scan() {
        let old =
            json!({"scanId": "scan-1", "outcome": "APPROVED", "decidedAt": "2026-11-21T11:00:00Z", "requestId": "r"});
        let old: Decision = serde_json::from_value(old).unwrap();
        let upload: Upload = serde_json::from_value(subject("tell")["object"].clone()).unwrap();
        let new = Decision { upload: Some(upload.clone()), ..old.clone() };
        let written = serde_json::to_value(&new).unwrap();
        assert_eq!(written["upload"], json!({"bucket": "upload", "key": "a.zip", "versionId": "v1"}));
        let other = Upload { version_id: "v2".into(), ..upload.clone() };
        let [scan, another] = ["scan-1", "scan-2"].map(|scan| ScanId::try_from(scan.to_owned()).unwrap());
        for (decision, scan, upload, expected) in [
            (&new, &scan, &upload, true),
            (&new, &scan, &other, false),
            (&new, &another, &upload, false),
            (&old, &scan, &upload, true),
            (&old, &another, &upload, false),
        ] {
            assert_eq!(decision.is_about(scan, upload), expected, "{decision:?} {scan} {upload:?}");
        }
    }

    #[test]
    fn each_request_names_one_verb_and_one_scan() {
        let scan_id = ScanId::try_from("scan-1".to_owned()).unwrap();
        let upload =
            Upload { bucket: "upload".into(), key: "a.zip".into(), version_id: "v1".into(), size: None, etag: None };
        let about = Subject { scan_id: scan_id.clone(), execution_arn: "arn:1".into(), upload };
        for (payload, expected) in [
            (json!({"approve": "scan-1"}), Request::Decide { outcome: Outcome::Approved, scan_id: scan_id.clone() }),
            (json!({"reject": "scan-1"}), Request::Decide { outcome: Outcome::Rejected, scan_id: scan_id.clone() }),
            (json!({"expire": "scan-1", "key": "k"}), Request::Expire { scan_id, key: "k".into() }),
            (subject("confirm"), Request::Confirm(about.clone())),
            (subject("tell"), Request::Tell(about)),
        ] {
            assert_eq!(Request::parse(&payload), Ok(expected), "{payload}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for payload in [
            json!(null),
            json!([]),
            json!({}),
            json!("approve"),
            json!({"approve": 1}),
            json!({"approve": ["scan-1"]}),
            json!({"Approve": "scan-1"}),
            json!({"approve": "scan-1", "reject": "scan-1"}),
            json!({"delete": "scan-1"}),
            json!({"expire": "scan-1"}),
            json!({"expire": "scan-1", "key": 1}),
            json!({"expire": "scan-1", "key": "k", "approve": "scan-1"}),
            json!({"approve": "scan-1", "key": "k"}),
            json!({"approve": "scan-1", "other": 1}),
            json!({"confirm": "scan-1"}),
            json!({"tell": "scan-1", "executionArn": "arn:1"}),
            json!({"tell": "scan-1", "executionArn": "arn:1", "object": {"bucket": "upload"}}),
            json!({"confirm": "scan-1", "executionArn": 1, "object": {}}),
        ] {
            assert_eq!(Request::parse(&payload), Err(InvalidRequest::Shape), "{payload}");
        }
        for scan in ["", "../x", "$scanId", "a b"] {
            let error = Request::parse(&json!({"approve": scan})).unwrap_err();
            assert_eq!(error, InvalidRequest::Scan(InvalidScanId), "{scan}");
        }
    }

    proptest! {
        #[test]
        fn no_text_can_leave_the_folder_of_its_scan(text in ".*") {
            if let Ok(Request::Decide { scan_id, .. }) = Request::parse(&json!({"approve": text})) {
                let key = scan_id.record_key(DECISION);
                prop_assert_eq!(key.matches('/').count(), 2);
                prop_assert!(!key.contains("/../") && !key.contains("/./"));
            }
        }
    }
}
