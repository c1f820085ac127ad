//! The queues: what waits in them, what could not be handled, and where that goes.

use std::collections::HashMap;

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use serde_json::Value;

use super::{BY_HAND, GONE, Patient, compare};
use crate::{
    account::Account,
    check::{Check, chain},
};

/// The messages in a queue.
pub(crate) async fn messages(account: &Account, url: &str) -> Result<u64, String> {
    count(&attributes(account, url).await?)
}

/// Looks at a queue of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, url: &str) -> anyhow::Result<Check> {
    let holds_dead_letters = name.contains("DeadLetter");
    let what = format!("{} {name}", if holds_dead_letters { "dead letters" } else { "queue" });
    let attributes = match attributes(patient.account, url).await {
        Ok(attributes) => attributes,
        Err(why) => return Ok(Check::fails(what, why, GONE)),
    };
    let settings = Check::that(&what, wrong(patient, name, url, &attributes)?, BY_HAND);
    if settings.has_failed() {
        return Ok(settings);
    }
    // SQS moves messages back only where they came from a queue:
    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    let remedy = if is_of_a_queue(patient, &attributes)? {
        "read one (`aws sqs receive-message`), repair what its function's log names, then let SQS send them all again \
         (`aws sqs start-message-move-task`)"
    } else {
        "read one (`aws sqs receive-message`): it names the object or the execution and the error; repair that, upload the \
         object again or start an execution with the same input, then delete the message"
    };
    Ok(match count(&attributes) {
        Ok(waiting) if !holds_dead_letters => Check::well(what, format!("{waiting} waiting")),
        Ok(0) => Check::well(what, ""),
        Ok(1) => Check::fails(what, "1 message could not be handled", remedy),
        Ok(dead) => Check::fails(what, format!("{dead} messages could not be handled"), remedy),
        Err(why) => Check::fails(what, why, GONE),
    })
}

type Attributes = HashMap<QueueAttributeName, String>;

/// Whether these are the dead letters of another queue of the stack.
fn is_of_a_queue(patient: &Patient<'_>, found: &Attributes) -> anyhow::Result<bool> {
    let own = found.get(&QueueAttributeName::QueueArn).map(String::as_str);
    for queue in patient.template.of_type("AWS::SQS::Queue")? {
        let target = &patient.template.properties(&queue)?["RedrivePolicy"]["deadLetterTargetArn"];
        if own.is_some() && target.as_str() == own {
            return Ok(true);
        }
    }
    Ok(false)
}

fn wrong(patient: &Patient<'_>, name: &str, url: &str, found: &Attributes) -> anyhow::Result<Vec<String>> {
    let wanted = patient.template.properties(name)?;
    let found = |name: QueueAttributeName| found.get(&name).map(String::as_str).unwrap_or_default();
    let mut wrong = Vec::new();
    let redrive: Value = serde_json::from_str(found(QueueAttributeName::RedrivePolicy)).unwrap_or_default();
    match (&wanted["RedrivePolicy"], &redrive) {
        (Value::Null, Value::Null) => {}
        (_, Value::Null) => wrong.push("what fails is tried for ever: it has no dead-letter queue".to_owned()),
        (wanted, redrive) => {
            let found = ["deadLetterTargetArn", "maxReceiveCount"].map(|name| (name.to_owned(), redrive[name].clone()));
            wrong.extend(compare::members("its redrive policy's", wanted, &Value::Object(found.into_iter().collect())));
        }
    }
    for (property, attribute) in [
        ("VisibilityTimeout", QueueAttributeName::VisibilityTimeout),
        ("MessageRetentionPeriod", QueueAttributeName::MessageRetentionPeriod),
    ] {
        if !wanted[property].is_null() {
            wrong.extend(compare::value(&format!("its {property}"), &wanted[property], &Value::from(found(attribute))));
        }
    }
    let policy = patient.policy_of("AWS::SQS::QueuePolicy", "Queues", url)?;
    wrong.extend(compare::policy(&policy, found(QueueAttributeName::Policy)));
    Ok(wrong)
}

async fn attributes(account: &Account, url: &str) -> Result<Attributes, String> {
    let request = Client::new(&account.aws).get_queue_attributes().queue_url(url);
    let answer = request.attribute_names(QueueAttributeName::All).send().await.map_err(|error| chain(&error))?;
    Ok(answer.attributes.unwrap_or_default())
}

fn count(attributes: &Attributes) -> Result<u64, String> {
    let count = attributes.get(&QueueAttributeName::ApproximateNumberOfMessages);
    count.and_then(|count| count.parse().ok()).ok_or_else(|| "SQS did not say how many messages there are".to_owned())
}
