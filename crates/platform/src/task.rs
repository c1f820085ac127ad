//! Completes a task of Step Functions that waits for its token.
//!
//! A token can be used once. Whoever comes later, after a crash or a timeout, finds the task over; that is no error,
//! because every caller has recorded its result before.

use aws_sdk_sfn::Client;

/// The execution could not be told. Worth another try.
#[derive(Debug, thiserror::Error)]
#[error("could not complete the task of the state machine")]
pub struct TaskError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Whether a call changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// The execution goes on with our answer.
    Completed,
    /// Somebody answered before, or the task ran out of time.
    Over,
}

/// Ends the task with an output.
///
/// # Errors
/// [`TaskError`]
pub async fn succeed(sfn: &Client, token: &str, output: &serde_json::Value) -> Result<Completion, TaskError> {
    match sfn.send_task_success().task_token(token).output(output.to_string()).send().await {
        Ok(_) => Ok(Completion::Completed),
        Err(error) => match error.as_service_error() {
            Some(service) if service.is_task_timed_out() || service.is_task_does_not_exist() => Ok(Completion::Over),
            _ => Err(TaskError(Box::new(error))),
        },
    }
}

/// Ends the task with an error that the state machine knows by name; the cause is for people.
///
/// # Errors
/// [`TaskError`]
pub async fn fail(sfn: &Client, token: &str, name: &str, cause: &str) -> Result<Completion, TaskError> {
    match sfn.send_task_failure().task_token(token).error(name).cause(cause).send().await {
        Ok(_) => Ok(Completion::Completed),
        Err(error) => match error.as_service_error() {
            Some(service) if service.is_task_timed_out() || service.is_task_does_not_exist() => Ok(Completion::Over),
            _ => Err(TaskError(Box::new(error))),
        },
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::{
        operation::{send_task_failure::SendTaskFailureError, send_task_success::SendTaskSuccessOutput},
        types::error::{InvalidToken, TaskTimedOut},
    };
    use aws_smithy_mocks::{mock, mock_client};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_waiting_task_is_completed_with_the_output() {
        let success = mock!(Client::send_task_success)
            .match_requests(|request| request.output() == Some("{\"outcome\":\"PASSED\"}"))
            .then_output(|| SendTaskSuccessOutput::builder().build());
        let sfn = mock_client!(aws_sdk_sfn, [&success]);
        assert_eq!(succeed(&sfn, "token", &json!({"outcome": "PASSED"})).await.unwrap(), Completion::Completed);
    }

    #[tokio::test]
    async fn a_task_that_is_over_is_no_error_but_a_wrong_token_is() {
        let over = mock!(Client::send_task_failure)
            .then_error(|| SendTaskFailureError::TaskTimedOut(TaskTimedOut::builder().build()));
        let sfn = mock_client!(aws_sdk_sfn, [&over]);
        assert_eq!(fail(&sfn, "token", "PipelineFailed", "words").await.unwrap(), Completion::Over);

        let wrong = mock!(Client::send_task_failure)
            .then_error(|| SendTaskFailureError::InvalidToken(InvalidToken::builder().build()));
        assert!(fail(&mock_client!(aws_sdk_sfn, [&wrong]), "token", "PipelineFailed", "words").await.is_err());
    }
}
