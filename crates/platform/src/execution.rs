//! What Step Functions says about an execution.

use aws_sdk_sfn::{
    Client,
    operation::describe_execution::{DescribeExecutionError, DescribeExecutionOutput},
    types::IncludedData,
};
use domain::scan::execution::Ending;
use serde_json::Value;

/// Step Functions did not describe the execution. Worth another try.
#[derive(Debug, thiserror::Error)]
#[error("could not ask Step Functions about the execution")]
pub struct ExecutionError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// An execution, as far as Step Functions describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Whether it runs, and how it ended: never [`Ending::Forgotten`].
    pub ending: Ending,
    /// What it was started with; `None` if that is no JSON.
    pub input: Option<Value>,
    /// The name of the error that it ended with.
    pub error: Option<String>,
    /// What was said about that.
    pub cause: Option<String>,
}

/// How the execution of that ARN stands.
///
/// # Errors
/// [`ExecutionError`]
pub async fn ending(sfn: &Client, arn: &str) -> Result<Ending, ExecutionError> {
    let execution = describe(sfn, arn, IncludedData::MetadataOnly).await?;
    Ok(execution.map_or(Ending::Forgotten, |execution| Ending::of(execution.status().as_str())))
}

/// The execution of that ARN with its input; `None` if it is unknown.
///
/// One that was started a moment ago may still be unknown: the answer is eventually consistent.
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
///
/// # Errors
/// [`ExecutionError`]
pub async fn look_at(sfn: &Client, arn: &str) -> Result<Option<Execution>, ExecutionError> {
    let execution = describe(sfn, arn, IncludedData::AllData).await?;
    Ok(execution.map(|execution| Execution {
        ending: Ending::of(execution.status().as_str()),
        input: execution.input().and_then(|input| serde_json::from_str(input).ok()),
        error: execution.error,
        cause: execution.cause,
    }))
}

/// What a running execution was started with; `None` if it does not run, is unknown, or has no JSON.
///
/// # Errors
/// [`ExecutionError`]
pub async fn input_while_running(sfn: &Client, arn: &str) -> Result<Option<Value>, ExecutionError> {
    let execution = look_at(sfn, arn).await?;
    Ok(execution.filter(|execution| execution.ending == Ending::Running).and_then(|execution| execution.input))
}

async fn describe(
    sfn: &Client,
    arn: &str,
    included: IncludedData,
) -> Result<Option<DescribeExecutionOutput>, ExecutionError> {
    // In a box: the compiler computes only so many futures within futures, and these are at the bottom of many.
    match Box::pin(sfn.describe_execution().execution_arn(arn).included_data(included).send()).await {
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
    async fn an_execution_that_step_functions_has_forgotten_is_told_from_others_and_has_no_input() {
        let aws = Aws::default();
        let sfn = Client::new(&aws.config());
        assert_eq!(ending(&sfn, ARN).await.unwrap(), Ending::Forgotten);
        assert_eq!(look_at(&sfn, ARN).await.unwrap(), None);
        assert_eq!(input_while_running(&sfn, ARN).await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_a_running_execution_counts_as_running() {
        let aws = Aws::default();
        let sfn = Client::new(&aws.config());
        let started_with = json!({"detail": 1});
        aws.start_execution(ARN, &started_with);
        for name in ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"] {
            aws.set_execution(ARN, name);
            assert_eq!(ending(&sfn, ARN).await.unwrap(), Ending::of(name));
            let input = input_while_running(&sfn, ARN).await.unwrap();
            assert_eq!(input, (name == "RUNNING").then(|| started_with.clone()), "{name}");
            let execution = look_at(&sfn, ARN).await.unwrap().unwrap();
            assert_eq!((execution.ending, execution.input), (Ending::of(name), Some(started_with.clone())));
        }
        aws.dies_after(Some(0));
        assert!(ending(&sfn, ARN).await.is_err());
        assert!(look_at(&sfn, ARN).await.is_err());
    }
}
