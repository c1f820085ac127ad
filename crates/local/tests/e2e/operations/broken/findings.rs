//! What breaks in the Macie remediation.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use aws_sdk_lambda::types::{DestinationConfig, FunctionResponseType};
use aws_sdk_sqs::types::QueueAttributeName;
use local::{until::until, world::World};

use super::{Mending, physical};

const STACK: &str = "macie-remediation";
const LATEST: &str = "$LATEST";

pub(super) async fn secret<'a>(
    world: &'a World,
    logical_id: &'static str,
    value: &'static str,
) -> anyhow::Result<Mending<'a>> {
    let client = aws_sdk_secretsmanager::Client::new(&world.aws);
    let id = physical(world, STACK, logical_id).await?;
    let before = client.get_secret_value().secret_id(&id).send().await?.secret_string;
    client.put_secret_value().secret_id(&id).secret_string(value).send().await?;
    Ok(Box::pin(async move {
        client.put_secret_value().secret_id(&id).set_secret_string(before).send().await?;
        Ok(())
    }))
}

pub(super) async fn macie(world: &World) -> anyhow::Result<Mending<'_>> {
    world.macie.disable_macie().send().await?;
    Ok(Box::pin(async {
        world.macie.enable_macie().send().await?;
        Ok(())
    }))
}

pub(super) async fn rule(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_eventbridge::Client::new(&world.aws);
    let id = physical(world, STACK, "FindingRule").await?;
    client.disable_rule().name(&id).send().await?;
    Ok(Box::pin(async move {
        client.enable_rule().name(&id).send().await?;
        Ok(())
    }))
}

pub(super) async fn dead_letter(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_sqs::Client::new(&world.aws);
    let queue = world.deployment.output("FindingDeadLetterQueueUrl")?;
    client.send_message().queue_url(queue).message_body("a finding").send().await?;
    Ok(Box::pin(async move {
        client.purge_queue().queue_url(queue).send().await?;
        Ok(())
    }))
}

pub(super) async fn redrive(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_sqs::Client::new(&world.aws);
    let queue = world.deployment.output("FindingQueueUrl")?;
    let name = QueueAttributeName::RedrivePolicy;
    let answer = client.get_queue_attributes().queue_url(queue).attribute_names(name.clone()).send().await?;
    let before = answer.attributes.unwrap_or_default().remove(&name).context("the queue has no redrive policy")?;
    let set = move |value: String| {
        let attributes = HashMap::from([(QueueAttributeName::RedrivePolicy, value)]);
        client.set_queue_attributes().queue_url(queue).set_attributes(Some(attributes)).send()
    };
    // An empty value takes the attribute away.
    set(String::new()).await?;
    Ok(Box::pin(async move {
        set(before).await?;
        Ok(())
    }))
}

pub(super) async fn mapping(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_lambda::Client::new(&world.aws);
    let id = physical(world, STACK, "FindingHandlerQueueMapping").await?;
    let set = async move |enabled: bool| -> anyhow::Result<()> {
        client.update_event_source_mapping().uuid(&id).enabled(enabled).send().await?;
        let wanted = if enabled { "Enabled" } else { "Disabled" };
        until(Duration::from_secs(30), "the event source mapping", async || {
            let mapping = client.get_event_source_mapping().uuid(&id).send().await?;
            Ok((mapping.state() == Some(wanted)).then_some(()))
        })
        .await
    };
    set(false).await?;
    Ok(Box::pin(async move { set(true).await }))
}

pub(super) async fn whole_batches(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_lambda::Client::new(&world.aws);
    let id = physical(world, STACK, "FindingHandlerQueueMapping").await?;
    let set = async move |types: Vec<FunctionResponseType>| -> anyhow::Result<()> {
        client.update_event_source_mapping().uuid(&id).set_function_response_types(Some(types)).send().await?;
        Ok(())
    };
    set(Vec::new()).await?;
    Ok(Box::pin(async move { set(vec![FunctionResponseType::ReportBatchItemFailures]).await }))
}

/// As the console's *Throttle* does.
pub(super) async fn throttled(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_lambda::Client::new(&world.aws);
    let function = physical(world, STACK, "FindingRemediatorFunction").await?;
    client.put_function_concurrency().function_name(&function).reserved_concurrent_executions(0).send().await?;
    // The local cloud does not make the reservations of templates.
    Ok(Box::pin(async move {
        client.delete_function_concurrency().function_name(&function).send().await?;
        Ok(())
    }))
}

pub(super) async fn results(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_lambda::Client::new(&world.aws);
    let function = physical(world, STACK, "FindingRemediatorFunction").await?;
    let before = client.get_function_event_invoke_config().function_name(&function).qualifier(LATEST).send().await?;
    let (attempts, age) = (before.maximum_retry_attempts, before.maximum_event_age_in_seconds);
    let set = async move |to: Option<DestinationConfig>| -> anyhow::Result<()> {
        let put = client.put_function_event_invoke_config().function_name(&function).qualifier(LATEST);
        let put = put.set_maximum_retry_attempts(attempts);
        let put = put.set_maximum_event_age_in_seconds(age);
        put.set_destination_config(to).send().await?;
        Ok(())
    };
    set(None).await?;
    let before = before.destination_config.context("the results of remediations go nowhere")?;
    Ok(Box::pin(async move { set(Some(before)).await }))
}

pub(super) async fn alarm(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_cloudwatch::Client::new(&world.aws);
    let alarm = physical(world, STACK, "FindingDeadLettersAlarm").await?;
    client.disable_alarm_actions().alarm_names(&alarm).send().await?;
    Ok(Box::pin(async move {
        client.enable_alarm_actions().alarm_names(&alarm).send().await?;
        Ok(())
    }))
}

pub(super) async fn unsubscribed(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_sns::Client::new(&world.aws);
    let topic = physical(world, STACK, "AlarmTopic").await?;
    let answer = client.list_subscriptions_by_topic().topic_arn(&topic).send().await?;
    let subscription = answer.subscriptions.unwrap_or_default().pop().context("nobody listens to the alarms")?;
    client.unsubscribe().subscription_arn(subscription.subscription_arn().unwrap_or_default()).send().await?;
    Ok(Box::pin(async move {
        let subscribe = client.subscribe().topic_arn(&topic).set_protocol(subscription.protocol);
        subscribe.set_endpoint(subscription.endpoint).send().await?;
        Ok(())
    }))
}
