use domain::digest::DigestId;
use domain::finding::Finding;
use domain::remediation::Request;
use domain::slack::Unreadable;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    /// The remediator ended a request, well or not.
    EndedRemediation(Box<Request>),
    /// A remediation failed after its retries. `error_type` is the remediator's name for it.
    FailedRemediation { request: Box<Request>, error_type: Option<String> },
    /// The window of a digest is over: `{"closeDigest": "20261120T1010Z"}`, from this function to itself.
    CloseDigest(DigestId),
    /// Macie's, and unreadable all the same. A person has to look at it.
    UnreadableFinding(Unreadable),
    /// A remediation failed, and its request cannot be read.
    UnreadableRequest(Unreadable),
}

/// Why a record is dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the body is no JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("the body is neither a Macie finding nor news of a remediation or digest")]
    NotOurs,
}

/// Reads a record's body. What is not ours cannot be ours tomorrow, so it is never retried; what is ours is never
/// dropped.
pub(crate) fn parse(body: &str) -> Result<Subject, Unusable> {
    let body: Value = serde_json::from_str(body).map_err(Unusable::NotJson)?;
    let text = |name| body.get(name).and_then(Value::as_str);
    if text("source") == Some("aws.macie") && text("detail-type") == Some("Macie Finding") {
        let detail = body.get("detail").cloned().unwrap_or_default();
        return Ok(match serde_path_to_error::deserialize(detail) {
            Ok(finding) => Subject::Finding(Box::new(finding)),
            Err(why) => {
                tracing::error!(error = platform::chain(&why), "a finding cannot be read");
                let named =
                    [("Finding", "/detail/id"), ("Type", "/detail/type"), ("Region", "/region"), ("Event", "/id")];
                Subject::UnreadableFinding(known(&body, named))
            }
        });
    }
    // The record of Lambda's destinations:
    // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    if let (Some(context), Some(request)) = (body.get("requestContext"), body.get("requestPayload")) {
        let succeeded = context.get("condition").and_then(Value::as_str) == Some("Success");
        return Ok(match serde_path_to_error::deserialize(request.clone()) {
            Ok(request) if succeeded => Subject::EndedRemediation(Box::new(request)),
            Ok(request) => {
                let error_type = body.pointer("/responsePayload/errorType").and_then(Value::as_str).map(str::to_owned);
                Subject::FailedRemediation { request: Box::new(request), error_type }
            }
            Err(why) => {
                tracing::error!(error = platform::chain(&why), "the request of a remediation cannot be read");
                let named = [
                    ("Request", "/requestContext/requestId"),
                    ("Error", "/responsePayload/errorType"),
                    ("Time", "/timestamp"),
                ];
                Subject::UnreadableRequest(known(&body, named))
            }
        });
    }
    if let Some(Ok(digest)) = body.get("closeDigest").map(DigestId::deserialize) {
        return Ok(Subject::CloseDigest(digest));
    }
    Err(Unusable::NotOurs)
}

/// The body of the message that closes a digest.
pub(crate) fn close_digest(digest: &DigestId) -> String {
    json!({"closeDigest": digest}).to_string()
}

fn known<const N: usize>(body: &Value, named: [(&'static str, &str); N]) -> Unreadable {
    let text = |pointer| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Unreadable { facts: named.into_iter().filter_map(|(name, pointer)| Some((name, text(pointer)?))).collect() }
}
