//! Starts another function of the deployment.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde::Serialize;

/// The function was not started. Worth another try.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    #[error("could not write the request for `{function}`")]
    Request {
        function: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("could not invoke `{function}`")]
    Call {
        function: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Has Lambda run the function with this request, and does not wait for its end: Lambda keeps the request, and tries
/// again if the function fails.
///
/// # Errors
/// [`InvokeError`]
pub async fn start(lambda: &Client, function: &str, request: &(impl Serialize + Sync)) -> Result<(), InvokeError> {
    let payload =
        serde_json::to_vec(request).map_err(|source| InvokeError::Request { function: function.to_owned(), source })?;
    let invoke = lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
    let answer = invoke.payload(Blob::new(payload)).send().await;
    answer.map(|_| ()).map_err(|error| InvokeError::Call { function: function.to_owned(), source: error.into() })
}
