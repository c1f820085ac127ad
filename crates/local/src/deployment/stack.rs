//! One CloudFormation stack: created, waited for, and explained when it fails.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, bail, ensure};
use aws_sdk_cloudformation::{
    Client,
    types::{Capability, OnFailure, Parameter, Stack, StackEvent, StackStatus},
};

use crate::{checkout, until::until};

const CREATED: Duration = Duration::from_mins(2);

/// `TemplateBody` takes no more.
const TEMPLATE_BYTES: usize = 51_200;

/// Creates a stack from a template of ours and returns its outputs.
pub(super) async fn create(
    cloudformation: &Client,
    name: &str,
    template: &str,
    parameters: BTreeMap<String, String>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let body = std::fs::read_to_string(checkout().join("templates").join(template))
        .with_context(|| format!("read the template {template}"))?;
    ensure!(body.len() <= TEMPLATE_BYTES, "{template} has {} bytes, CloudFormation takes {TEMPLATE_BYTES}", body.len());
    let parameters: Vec<Parameter> = parameters
        .into_iter()
        .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build())
        .collect();
    cloudformation
        .create_stack()
        .stack_name(name)
        .template_body(body)
        .set_parameters(Some(parameters))
        // No CAPABILITY_NAMED_IAM: the templates name no role.
        .capabilities(Capability::CapabilityIam)
        .on_failure(OnFailure::DoNothing)
        .send()
        .await
        .with_context(|| format!("create the stack {name}"))?;
    let stack = until(CREATED, &format!("the stack {name}"), async || {
        let stack = describe(cloudformation, name).await?;
        Ok((stack.stack_status() != Some(&StackStatus::CreateInProgress)).then_some(stack))
    })
    .await?;
    if stack.stack_status() != Some(&StackStatus::CreateComplete) {
        bail!("the stack {name} failed: {}", why(cloudformation, name, &stack).await);
    }
    let output = |output: &aws_sdk_cloudformation::types::Output| {
        Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
    };
    Ok(stack.outputs().iter().filter_map(output).collect())
}

async fn describe(cloudformation: &Client, name: &str) -> anyhow::Result<Stack> {
    let answer = cloudformation.describe_stacks().stack_name(name).send().await;
    let answer = answer.with_context(|| format!("look at the stack {name}"))?;
    answer.stacks.unwrap_or_default().into_iter().next().with_context(|| format!("the stack {name} is gone"))
}

/// What CloudFormation says about the resources that failed.
async fn why(cloudformation: &Client, name: &str, stack: &Stack) -> String {
    let events = cloudformation.describe_stack_events().stack_name(name).send().await;
    let events = events.map(|answer| answer.stack_events.unwrap_or_default()).unwrap_or_default();
    let failed = |event: &StackEvent| {
        let status = event.resource_status().is_some_and(|status| status.as_str().ends_with("_FAILED"));
        let resource = event.logical_resource_id().unwrap_or_default();
        status.then(|| format!("{resource}: {}", event.resource_status_reason().unwrap_or_default()))
    };
    let mut reasons: Vec<String> = events.iter().filter_map(failed).collect();
    reasons.extend(stack.stack_status_reason().map(str::to_owned));
    reasons.join("; ")
}
