//! What Step Functions says about an execution.

use aws_sdk_sfn::{
    Client,
    operation::describe_execution::{DescribeExecutionError, DescribeExecutionOutput},
    types::{ExecutionStatus, IncludedData},
};
use serde_json::Value;

/// Step Functions did not describe the execution. Worth another try.
#[derive(Debug, thiserror::Error)]
#[error("could not ask Step Functions about the execution")]
pub struct ExecutionError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// How far an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It runs, or waits.
    Running,
    /// It has come to its end.
    Succeeded,
    /// Somebody stopped it.
    Aborted,
    /// It failed, ran out of time, or ended so long ago that Step Functions has forgotten it (90 days).
    Dead,
    /// Anything else, such as a redrive that is about to begin.
    Unclear,
}

/// How far the execution of that ARN is.
///
/// # Errors
/// [`ExecutionError`]
pub async fn progress(sfn: &Client, arn: &str) -> Result<Progress, ExecutionError> {
    let execution = describe(sfn, arn, IncludedData::MetadataOnly).await?;
    Ok(execution.map_or(Progress::Dead, |execution| match execution.status() {
        ExecutionStatus::Running => Progress::Running,
        ExecutionStatus::Succeeded => Progress::Succeeded,
        ExecutionStatus::Aborted => Progress::Aborted,
        ExecutionStatus::Failed | ExecutionStatus::TimedOut => Progress::Dead,
        _ => Progress::Unclear,
    }))
}

/// What a running execution was started with; `None` if it does not run, is unknown, or has no JSON.
///
/// One that was started a moment ago may still be unknown: the answer is eventually consistent.
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
///
/// # Errors
/// [`ExecutionError`]
pub async fn input_while_running(sfn: &Client, arn: &str) -> Result<Option<Value>, ExecutionError> {
    let execution = describe(sfn, arn, IncludedData::AllData).await?;
    let running = execution.filter(|execution| *execution.status() == ExecutionStatus::Running);
    Ok(running.and_then(|execution| serde_json::from_str(execution.input()?).ok()))
}

async fn describe(
    sfn: &Client,
    arn: &str,
    included: IncludedData,
) -> Result<Option<DescribeExecutionOutput>, ExecutionError> {
    match sfn.describe_execution().execution_arn(arn).included_data(included).send().await {
        Ok(execution) => Ok(Some(execution)),
        Err(error) if error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist) => {
            Ok(None)
        }
        Err(error) => Err(ExecutionError(Box::new(error))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testing::Aws;

    use super::*;

    const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:code-scan:scan-1";

    #[tokio::test]
    async fn an_execution_that_step_functions_has_forgotten_is_dead_and_has_no_input() {
        let aws = Aws::default();
        let sfn = Client::new(&aws.config());
        assert_eq!(progress(&sfn, ARN).await.unwrap(), Progress::Dead);
        assert_eq!(input_while_running(&sfn, ARN).await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_a_running_execution_shows_its_input() {
        let aws = Aws::default();
        let sfn = Client::new(&aws.config());
        aws.start_execution(ARN, &json!({"detail": 1}));
        for (status, expected) in [
            ("RUNNING", Progress::Running),
            ("SUCCEEDED", Progress::Succeeded),
            ("FAILED", Progress::Dead),
            ("TIMED_OUT", Progress::Dead),
            ("ABORTED", Progress::Aborted),
            ("PENDING_REDRIVE", Progress::Unclear),
        ] {
            aws.set_execution(ARN, status);
            assert_eq!(progress(&sfn, ARN).await.unwrap(), expected, "{status}");
            let input = input_while_running(&sfn, ARN).await.unwrap();
            assert_eq!(input, (status == "RUNNING").then(|| json!({"detail": 1})), "{status}");
        }
        aws.dies_after(Some(0));
        assert!(progress(&sfn, ARN).await.is_err());
        assert!(input_while_running(&sfn, ARN).await.is_err());
    }
}
