//! What one look at a resource tells: rules, queues, topics, secrets, alarms, state machines.

use aws_sdk_cloudwatch::types::StateValue;
use aws_sdk_eventbridge::types::RuleState;
use aws_sdk_sfn::types::StateMachineStatus;
use aws_sdk_sqs::types::QueueAttributeName;

use super::Patient;
use crate::{
    account::Account,
    check::{Check, chain},
};

/// The host that Amazon Q takes notifications at.
const AMAZON_Q: &str = "sns-api.chatbot.amazonaws.com";

/// Looks at every resource of a kind that can be looked at.
pub(super) async fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let account = patient.account;
    let mut checks = Vec::new();
    let mut alarms = Vec::new();
    for (name, (kind, id)) in &patient.resources {
        checks.push(match kind.as_str() {
            "AWS::Events::Rule" => rule(account, name, id).await,
            "AWS::SQS::Queue" if name.contains("DeadLetter") => dead_letters(account, name, id).await,
            "AWS::SQS::Queue" => queue(account, name, id).await,
            "AWS::SNS::Topic" => topic(account, name, id).await,
            "AWS::SecretsManager::Secret" => secret(patient, name, id).await,
            "AWS::Lambda::EventSourceMapping" => mapping(account, name, id).await,
            "AWS::StepFunctions::StateMachine" => state_machine(account, name, id).await,
            "AWS::CloudWatch::Alarm" => {
                alarms.push(id.clone());
                continue;
            }
            _ => continue,
        });
    }
    checks.extend(ringing(account, &alarms).await);
    checks
}

/// The messages in a queue.
pub(crate) async fn messages(account: &Account, url: &str) -> Result<u64, String> {
    let client = aws_sdk_sqs::Client::new(&account.aws);
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let answer = client.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send().await;
    let answer = answer.map_err(|error| chain(&error))?;
    let count = answer.attributes().and_then(|attributes| attributes.get(&name));
    count.and_then(|count| count.parse().ok()).ok_or_else(|| "SQS did not say how many messages there are".to_owned())
}

async fn rule(account: &Account, name: &str, id: &str) -> Check {
    // A rule of another bus is `bus|name`.
    let id = id.rsplit('|').next().unwrap_or(id);
    let wrong = match aws_sdk_eventbridge::Client::new(&account.aws).describe_rule().name(id).send().await {
        Ok(rule) if rule.state() == Some(&RuleState::Disabled) => Some("it is disabled: no event gets through".into()),
        Ok(_) => None,
        Err(error) => Some(chain(&error)),
    };
    let remedy = format!("`aws events enable-rule --name {id} --region {}`", account.region);
    Check::that(&format!("rule {name}"), wrong, &remedy)
}

async fn dead_letters(account: &Account, name: &str, url: &str) -> Check {
    let wrong = match messages(account, url).await {
        Ok(0) => None,
        Ok(1) => Some("1 message could not be handled".to_owned()),
        Ok(count) => Some(format!("{count} messages could not be handled")),
        Err(why) => Some(why),
    };
    let remedy = "read one (`aws sqs receive-message`), repair what its function's log names, then let SQS send them all \
                  again (`aws sqs start-message-move-task`)";
    Check::that(&format!("dead letters {name}"), wrong, remedy)
}

async fn queue(account: &Account, name: &str, url: &str) -> Check {
    match messages(account, url).await {
        Ok(count) => Check::well(format!("queue {name}"), format!("{count} waiting")),
        Err(why) => {
            Check::fails(format!("queue {name}"), why, "run scripts/destroy and scripts/deploy: it was deleted")
        }
    }
}

async fn topic(account: &Account, name: &str, arn: &str) -> Check {
    let what = format!("topic {name}");
    let client = aws_sdk_sns::Client::new(&account.aws);
    let subscriptions = match client.list_subscriptions_by_topic().topic_arn(arn).send().await {
        Ok(answer) => answer.subscriptions.unwrap_or_default(),
        Err(error) => {
            return Check::fails(what, chain(&error), "run scripts/destroy and scripts/deploy: it was deleted");
        }
    };
    // What nobody has confirmed has this word for an ARN.
    let pending = subscriptions.iter().any(|one| one.subscription_arn() == Some("PendingConfirmation"));
    if name != "NotificationTopic" {
        let remedy = "open the mail from AWS Notifications at the address AlarmEmail, and follow its link";
        return Check::that(&what, pending.then(|| "nobody has confirmed its subscription".to_owned()), remedy);
    }
    let listens = subscriptions.iter().any(|one| one.endpoint().is_some_and(|endpoint| endpoint.contains(AMAZON_Q)));
    let wrong = (!listens).then(|| "Amazon Q does not listen to it, so the channel hears nothing".to_owned());
    Check::that(
        &what,
        wrong,
        "open the channel's configuration in the console of Amazon Q Developer in chat applications and save it with this \
         topic; check that the workspace is authorised",
    )
}

async fn secret(patient: &Patient<'_>, name: &str, id: &str) -> Check {
    let wrong = if name.starts_with("Sonar") {
        patient.secrets.get_key(id, "token").await.err()
    } else {
        patient.secrets.get(id).await.err()
    };
    Check::that(
        &format!("secret {name}"),
        wrong.map(|error| chain(&error)),
        "set it in the environment and run scripts/deploy (it names the variable), or put the value into Secrets Manager",
    )
}

async fn mapping(account: &Account, name: &str, id: &str) -> Check {
    let answer = aws_sdk_lambda::Client::new(&account.aws).get_event_source_mapping().uuid(id).send().await;
    let wrong = match answer {
        Ok(mapping) => match mapping.state().unwrap_or_default() {
            "Enabled" | "Enabling" | "Creating" | "Updating" => None,
            state => Some(format!("it is {state}: nothing is taken from the queue")),
        },
        Err(error) => Some(chain(&error)),
    };
    let remedy = format!("`aws lambda update-event-source-mapping --uuid {id} --enabled --region {}`", account.region);
    Check::that(&format!("event source {name}"), wrong, &remedy)
}

async fn state_machine(account: &Account, name: &str, arn: &str) -> Check {
    let client = aws_sdk_sfn::Client::new(&account.aws);
    let wrong = match client.describe_state_machine().state_machine_arn(arn).send().await {
        Ok(machine) if machine.status() == Some(&StateMachineStatus::Active) => None,
        Ok(_) => Some("it is being deleted".to_owned()),
        Err(error) => Some(chain(&error)),
    };
    Check::that(&format!("state machine {name}"), wrong, "run scripts/destroy and scripts/deploy: it was deleted")
}

/// One line for all alarms, and one for each that rings.
async fn ringing(account: &Account, names: &[String]) -> Vec<Check> {
    if names.is_empty() {
        return Vec::new();
    }
    let client = aws_sdk_cloudwatch::Client::new(&account.aws);
    let answer = client.describe_alarms().set_alarm_names(Some(names.to_vec())).max_records(100).send().await;
    let alarms = match answer {
        Ok(answer) => answer.metric_alarms.unwrap_or_default(),
        Err(error) => return vec![Check::fails("alarms", chain(&error), "allow cloudwatch:DescribeAlarms")],
    };
    let mut checks: Vec<Check> = alarms
        .iter()
        .filter(|alarm| alarm.state_value() == Some(&StateValue::Alarm))
        .map(|alarm| {
            let name = alarm.alarm_name().unwrap_or_default();
            let remedy = alarm.alarm_description().unwrap_or("look at it in the console of CloudWatch");
            Check::fails(format!("alarm {name}"), alarm.state_reason().unwrap_or("it rings"), remedy)
        })
        .collect();
    if alarms.len() < names.len() {
        let why = format!("{} of {} are gone", names.len() - alarms.len(), names.len());
        checks.push(Check::fails("alarms", why, "run scripts/destroy and scripts/deploy: somebody deleted them"));
    }
    if checks.is_empty() {
        checks.push(Check::well("alarms", format!("{} are quiet", names.len())));
    }
    checks
}
