//! What people decide about a failed gate, and who may still change it: nobody.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InvalidScanId, ScanId};

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
    /// The request that brought the decision. Amazon Q does not say who pressed; its audit log does, by this request.
    pub request_id: String,
}

/// What a button asks for, `{"approve": "<scan id>"}`, or the state machine when the time is over, `{"expire": "<scan
/// id>", "key": "<its key>"}`.
///
/// The form is this short because Amazon Q's commands may have only 100 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to decide.
    pub outcome: Outcome,
    /// About which scan.
    pub scan_id: ScanId,
    /// Proves that the state machine asks, for an expiry only: whoever can press a button can send any payload.
    pub key: Option<String>,
}

/// The payload asks for nothing that we know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidRequest {
    /// Not an object with exactly one decision and what belongs to it.
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
    /// [`InvalidRequest`]: another shape, more than one decision, or no scan id.
    pub fn parse(payload: &serde_json::Value) -> Result<Self, InvalidRequest> {
        let fields = payload.as_object().ok_or(InvalidRequest::Shape)?;
        let text = |name: &str| fields.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let (outcome, scan_id, key) = match (text("approve"), text("reject"), text("expire"), text("key")) {
            (Some(scan), None, None, None) if fields.len() == 1 => (Outcome::Approved, scan, None),
            (None, Some(scan), None, None) if fields.len() == 1 => (Outcome::Rejected, scan, None),
            (None, None, Some(scan), Some(key)) if fields.len() == 2 => (Outcome::Expired, scan, Some(key)),
            _ => return Err(InvalidRequest::Shape),
        };
        let scan_id = ScanId::try_from(scan_id).map_err(InvalidRequest::Scan)?;
        Ok(Self { outcome, scan_id, key })
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

    #[test]
    fn each_request_names_one_decision_and_one_scan() {
        for (payload, outcome, key) in [
            (json!({"approve": "scan-1"}), Outcome::Approved, None),
            (json!({"reject": "scan-1"}), Outcome::Rejected, None),
            (json!({"expire": "scan-1", "key": "k"}), Outcome::Expired, Some("k")),
        ] {
            let request = Request::parse(&payload).unwrap();
            assert_eq!((request.outcome, request.scan_id.to_string().as_str()), (outcome, "scan-1"));
            assert_eq!(request.key.as_deref(), key);
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
            if let Ok(request) = Request::parse(&json!({"approve": text})) {
                let key = request.scan_id.record_key(DECISION);
                prop_assert_eq!(key.matches('/').count(), 2);
                prop_assert!(!key.contains("/../") && !key.contains("/./"));
            }
        }
    }
}
