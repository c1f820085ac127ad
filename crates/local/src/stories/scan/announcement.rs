//! The event `Code Scan Decided`, as a delivery pipeline gets it: by a rule of its own, into a queue.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{ENDED, Scan, verify::person};
use crate::{narrator::Narrator, until::until, world::World};

/// A queue that gets the announcements about one key.
pub(in crate::stories) struct Listener {
    queue: String,
}

impl Listener {
    pub(in crate::stories) async fn to(world: &World, key: &str) -> anyhow::Result<Self> {
        let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let queue = aws(world, &["sqs", "create-queue", "--queue-name", &name]).await?;
        let queue = queue["QueueUrl"].as_str().context("the queue has no address")?.to_owned();
        let attributes = ["sqs", "get-queue-attributes", "--queue-url", &queue, "--attribute-names", "QueueArn"];
        let arn = aws(world, &attributes).await?["Attributes"]["QueueArn"].as_str().unwrap_or_default().to_owned();
        let pattern = json!({"source": ["security-chatops.code-scan"], "detail-type": ["Code Scan Decided"],
            "detail": {"key": [key]}});
        let rule = ["events", "put-rule", "--name", &name, "--event-pattern", &pattern.to_string()];
        let rule = aws(world, &rule).await?["RuleArn"].as_str().unwrap_or_default().to_owned();
        // Without this EventBridge may not write into the queue.
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}]});
        let attributes = json!({"Policy": policy.to_string()}).to_string();
        aws(world, &["sqs", "set-queue-attributes", "--queue-url", &queue, "--attributes", &attributes]).await?;
        let targets = json!([{"Id": "queue", "Arn": arn}]).to_string();
        aws(world, &["events", "put-targets", "--rule", &name, "--targets", &targets]).await?;
        Ok(Self { queue })
    }

    /// Waits for the one announcement about this scan.
    pub(in crate::stories) async fn hears(
        &self,
        world: &World,
        narrator: &Narrator,
        scan: &Scan,
        outcome: &str,
    ) -> anyhow::Result<()> {
        let mut events = until(ENDED, "the announcement of the outcome", async || {
            let arguments = ["sqs", "receive-message", "--queue-url", &self.queue, "--max-number-of-messages", "10"];
            let answer = aws(world, &arguments).await?;
            let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
            Ok((!messages.is_empty()).then_some(messages))
        })
        .await?;
        ensure!(events.len() == 1, "{} announcements", events.len());
        let event: Value = serde_json::from_str(events.remove(0)["Body"].as_str().unwrap_or_default())
            .context("read the announcement")?;
        let detail = &event["detail"];
        let told = ["outcome", "scanId", "key", "versionId"].map(|name| detail[name].as_str().unwrap_or_default());
        ensure!(told == [outcome, &scan.id, &scan.key, &scan.version], "the announcement is {event}");
        let (verdict, decision) = match outcome {
            "PASSED" | "PIPELINE_FAILED" => (outcome, "NONE"),
            _ => ("QUALITY_GATE_FAILED", outcome),
        };
        let told = ["verdict", "decision"].map(|name| detail[name].as_str().unwrap_or_default());
        ensure!(told == [verdict, decision], "the announcement is {event}");
        narrator.fact(&format!("EventBridge announces `Code Scan Decided` with the outcome {outcome}"));
        Ok(())
    }
}

/// What the AWS CLI answers; null if that is nothing.
async fn aws(world: &World, arguments: &[&str]) -> anyhow::Result<Value> {
    let mut command = person(world, &world.programs().join("aws"))?;
    // For SQS, version 1 of the AWS CLI does not ask the environment.
    let output = command
        .args(["--endpoint-url", &world.cloud_url, "--output", "json"])
        .args(arguments)
        .output()
        .await
        .context("run the AWS CLI")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "aws {arguments:?}: {words}");
    if output.stdout.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&output.stdout).context("read the answer of the AWS CLI")
}
