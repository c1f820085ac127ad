//! The events `Code Scan Decided`, as a delivery pipeline gets them: by a rule of its own, into a queue.

use std::{collections::BTreeMap, sync::Mutex, sync::PoisonError};

use anyhow::Context as _;
use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

/// Of the rule and of the queue.
const NAME: &str = "code-scan-decided";

/// A queue that gets the announcements of every code scan in the account.
#[derive(Debug)]
pub(crate) struct Announcements {
    sqs: aws_sdk_sqs::Client,
    queue: String,
    /// What came so far, by the event's id: a queue may deliver twice.
    heard: Mutex<BTreeMap<String, Value>>,
}

impl Announcements {
    /// Makes the queue and the rule.
    pub(crate) async fn listen(aws: &SdkConfig) -> anyhow::Result<Self> {
        let (sqs, events) = (aws_sdk_sqs::Client::new(aws), aws_sdk_eventbridge::Client::new(aws));
        let queue = sqs.create_queue().queue_name(NAME).send().await.context("make the queue")?;
        let queue = queue.queue_url.context("the queue has no address")?;
        let wanted = QueueAttributeName::QueueArn;
        let attributes = sqs.get_queue_attributes().queue_url(&queue).attribute_names(wanted.clone()).send().await;
        let attributes = attributes.context("look at the queue")?.attributes.unwrap_or_default();
        let arn = attributes.get(&wanted).context("the queue has no ARN")?;
        let pattern = json!({"source": ["security-chatops.code-scan"], "detail-type": ["Code Scan Decided"]});
        let rule = events.put_rule().name(NAME).event_pattern(pattern.to_string()).send().await;
        let rule = rule.context("make the rule")?.rule_arn.context("the rule has no ARN")?;
        // Without this EventBridge may not write into the queue.
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}]});
        let policy = sqs
            .set_queue_attributes()
            .queue_url(&queue)
            .attributes(QueueAttributeName::Policy, policy.to_string())
            .send();
        policy.await.context("let EventBridge write into the queue")?;
        let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(arn).build()?;
        events.put_targets().rule(NAME).targets(target).send().await.context("send the events into the queue")?;
        Ok(Self { sqs, queue, heard: Mutex::default() })
    }

    /// The announcements about one scan so far, whole events.
    pub(crate) async fn about(&self, scan_id: &str) -> anyhow::Result<Vec<Value>> {
        let taken = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10).send().await;
        for message in taken.context("look into the queue")?.messages.unwrap_or_default() {
            let event: Value = serde_json::from_str(message.body().unwrap_or_default()).context("read the event")?;
            let id = event["id"].as_str().context("the event has no id")?.to_owned();
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(id, event);
            let receipt = message.receipt_handle().unwrap_or_default();
            let deleted = self.sqs.delete_message().queue_url(&self.queue).receipt_handle(receipt).send().await;
            deleted.context("take the message out of the queue")?;
        }
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(heard.values().filter(|event| event["detail"]["scanId"] == scan_id).cloned().collect())
    }
}
