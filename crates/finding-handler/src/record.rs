use domain::finding::Finding;
use domain::remediation::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What SQS hands over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Batch {
    #[serde(rename = "Records")]
    pub records: Vec<QueueRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueRecord {
    pub message_id: String,
    pub body: String,
}

/// Which records go back to the queue: `{"batchItemFailures": [{"itemIdentifier": "…"}]}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchReport {
    pub batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    pub item_identifier: String,
}

/// What a record is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subject {
    /// Macie published a finding.
    Finding(Box<Finding>),
    /// A remediation failed after its retries. `error_type` is the remediator's name for it.
    FailedRemediation { request: Box<Request>, error_type: Option<String> },
}

/// Why a record is dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the body is no JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("the body is neither a Macie finding nor a failed remediation")]
    NotOurs,
    #[error("the finding cannot be read")]
    Finding(#[source] serde_path_to_error::Error<serde_json::Error>),
    #[error("the failed request cannot be read")]
    Request(#[source] serde_path_to_error::Error<serde_json::Error>),
}

/// Reads a record's body. What cannot be read today cannot be read tomorrow, so it is never retried.
pub(crate) fn parse(body: &str) -> Result<Subject, Unusable> {
    let body: Value = serde_json::from_str(body).map_err(Unusable::NotJson)?;
    let text = |name| body.get(name).and_then(Value::as_str);
    if text("source") == Some("aws.macie") && text("detail-type") == Some("Macie Finding") {
        let detail = body.get("detail").cloned().unwrap_or_default();
        let finding = serde_path_to_error::deserialize(detail).map_err(Unusable::Finding)?;
        return Ok(Subject::Finding(Box::new(finding)));
    }
    // The record of Lambda's on-failure destination:
    // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    if let (Some(_), Some(request)) = (body.get("requestContext"), body.get("requestPayload")) {
        let request = serde_path_to_error::deserialize(request.clone()).map_err(Unusable::Request)?;
        let error_type = body.pointer("/responsePayload/errorType").and_then(Value::as_str).map(str::to_owned);
        return Ok(Subject::FailedRemediation { request: Box::new(request), error_type });
    }
    Err(Unusable::NotOurs)
}
