//! How the functions are called: from a queue, and without anybody waiting for the answer.

use aws_sdk_lambda::Client;
use serde_json::json;

use super::{BY_HAND, GONE, Patient, compare};
use crate::check::{Check, chain};

/// Looks at what hands a queue's messages to a function.
pub(super) async fn from_queue(patient: &Patient<'_>, name: &str, id: &str) -> anyhow::Result<Check> {
    let what = format!("event source {name}");
    let answer = Client::new(&patient.account.aws).get_event_source_mapping().uuid(id).send().await;
    let mapping = match answer {
        Ok(mapping) => mapping,
        Err(error) => return Ok(Check::fails(what, chain(&error), GONE)),
    };
    let state = mapping.state().unwrap_or_default();
    if !["Enabled", "Enabling", "Creating", "Updating"].contains(&state) {
        let remedy = format!(
            "`aws lambda update-event-source-mapping --uuid {id} --enabled --region {}`",
            patient.account.region
        );
        return Ok(Check::fails(what, format!("it is {state}: nothing is taken from the queue"), remedy));
    }
    let types: Vec<&str> =
        mapping.function_response_types().iter().map(aws_sdk_lambda::types::FunctionResponseType::as_str).collect();
    let filters = mapping.filter_criteria().map(aws_sdk_lambda::types::FilterCriteria::filters).unwrap_or_default();
    let filters: Vec<_> = filters.iter().map(aws_sdk_lambda::types::Filter::pattern).collect();
    let found = json!({
        "BatchSize": mapping.batch_size(),
        "EventSourceArn": mapping.event_source_arn(),
        // What a filter does not let through is deleted from the queue.
        "FilterCriteria": filters,
        // Without it one finding that fails makes all ten of its batch come again.
        "FunctionResponseTypes": types,
        "MaximumBatchingWindowInSeconds": mapping.maximum_batching_window_in_seconds(),
        "ScalingConfig": {"MaximumConcurrency": mapping.scaling_config().and_then(aws_sdk_lambda::types::ScalingConfig::maximum_concurrency)},
    });
    let wanted = patient.template.properties(name)?;
    Ok(Check::that(&what, compare::members("its", &wanted, &found), BY_HAND))
}

/// Looks at where the results of a function go that nobody waits for.
pub(super) async fn without_waiting(patient: &Patient<'_>, name: &str) -> anyhow::Result<Check> {
    let what = format!("results {name}");
    let wanted = patient.template.properties(name)?;
    let function = wanted["FunctionName"].as_str().unwrap_or_default();
    let request = Client::new(&patient.account.aws).get_function_event_invoke_config().function_name(function);
    let answer = request.set_qualifier(wanted["Qualifier"].as_str().map(str::to_owned)).send().await;
    let config = match answer {
        Ok(config) => config,
        Err(error) => return Ok(Check::fails(what, chain(&error), GONE)),
    };
    let destinations = config.destination_config();
    let success = destinations.and_then(|to| to.on_success()?.destination());
    let failure = destinations.and_then(|to| to.on_failure()?.destination());
    // What is not set is left out in the template.
    let set = [("OnSuccess", success), ("OnFailure", failure)].into_iter();
    let set = set.filter_map(|(name, to)| Some((name.to_owned(), json!({"Destination": to?}))));
    let found = json!({
        "MaximumRetryAttempts": config.maximum_retry_attempts(),
        "MaximumEventAgeInSeconds": config.maximum_event_age_in_seconds(),
        "DestinationConfig": set.collect::<serde_json::Map<_, _>>(),
    });
    Ok(Check::that(&what, compare::members("its", &wanted, &found), BY_HAND))
}
