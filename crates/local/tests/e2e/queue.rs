//! The queue of findings: garbage in it, and a Slack that cannot keep up.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use local::{
    cloud::http,
    narrator::Narrator,
    slack::Answer,
    stories::finding::{Upload, discover, remediate},
    until::until,
    world::World,
};
use serde_json::{Value, json};

pub(crate) async fn garbage_in_the_queue_is_not_retried(world: &World, _: &Narrator) -> anyhow::Result<()> {
    let queue = world.deployment.output("FindingQueueUrl")?;
    let before = world.slack.messages(&world.deployment.finding_channel).len();
    let finding = |detail: Value| json!({"source": "aws.macie", "detail-type": "Macie Finding", "detail": detail});
    for body in [
        "not JSON".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        json!({"source": "aws.s3", "detail-type": "Object Created", "detail": {"garbage": true}}).to_string(),
        finding(json!({})).to_string(),
        finding(json!({"id": "garbage", "type": "SensitiveData:S3Object/Personal"})).to_string(),
        finding(json!({"id": "garbage", "type": 7, "severity": "High"})).to_string(),
        json!({"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": "garbage"}).to_string(),
        "x".repeat(200_000),
    ] {
        sqs(world, "SendMessage", json!({"QueueUrl": queue, "MessageBody": body})).await?;
    }
    // Empty, and nobody is at work on it: what failed would be invisible for minutes and come again.
    until(Duration::from_secs(30), "an empty queue", async || Ok((depth(world, queue).await? == 0).then_some(())))
        .await?;
    let dead = depth(world, world.deployment.output("FindingDeadLetterQueueUrl")?).await?;
    ensure!(dead == 0, "{dead} records are in the dead-letter queue");
    let messages = world.slack.messages(&world.deployment.finding_channel);
    let told = messages.get(before..).unwrap_or_default().iter().filter(|message| message.words().contains("garbage"));
    for message in told {
        ensure!(
            message.buttons().iter().all(|button| button.url.is_some()),
            "garbage has a button: {}",
            message.words()
        );
    }
    Ok(())
}

pub(crate) async fn a_busy_slack_delays_a_message_and_loses_none(
    world: &World,
    narrator: &Narrator,
) -> anyhow::Result<()> {
    world.slack.script(&world.deployment.app, [Answer::rate_limited(1), Answer::rate_limited(2)]);
    let files = [("contacts.txt", local::samples::data("employee-records.txt")?)];
    let [file] = Upload::to_new_bucket(world, narrator, "busy-slack", files).await?;
    discover(world, narrator, &file.bucket).await?;
    file.message(world, narrator, "a question", |message| remediate(message).is_some()).await?;
    Ok(())
}

/// Messages that wait, are being handled, or come later.
async fn depth(world: &World, queue: &str) -> anyhow::Result<u64> {
    let names =
        ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
    let answer = sqs(world, "GetQueueAttributes", json!({"QueueUrl": queue, "AttributeNames": names})).await?;
    let count = |name: &str| answer["Attributes"][name].as_str().and_then(|count| count.parse::<u64>().ok());
    names.iter().map(|name| count(name).with_context(|| format!("the queue has no {name}: {answer}"))).sum()
}

/// SQS is asked by hand: one SDK less to build.
async fn sqs(world: &World, operation: &str, parameters: Value) -> anyhow::Result<Value> {
    let answer = http()?
        .post(&world.cloud_url)
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        .body(parameters.to_string())
        .send()
        .await
        .with_context(|| format!("ask SQS for {operation}"))?;
    let status = answer.status();
    let words = answer.text().await.context("read SQS's answer")?;
    ensure!(status.is_success(), "SQS answered {operation} with {status}: {words}");
    serde_json::from_str(&words).with_context(|| format!("SQS answered {operation} with {words}"))
}
