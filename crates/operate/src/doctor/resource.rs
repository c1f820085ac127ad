//! What one look at each resource of a stack tells.

use aws_sdk_cloudwatch::types::StateValue;

use super::{GONE, Patient, bucket, build, channel, key, log_group, queue, rule, state_machine, topic};
use crate::{
    account::Account,
    check::{Check, chain},
};

/// Looks at every resource of a kind that can be looked at.
pub(super) async fn checks(patient: &Patient<'_>) -> anyhow::Result<Vec<Check>> {
    let mut checks = Vec::new();
    let mut alarms = Vec::new();
    for (name, (kind, id)) in &patient.resources {
        checks.push(match kind.as_str() {
            "AWS::S3::Bucket" => bucket::check(patient, name, id).await?,
            "AWS::KMS::Key" => key::check(patient, name, id).await?,
            "AWS::Events::Rule" => rule::check(patient, name, id).await?,
            "AWS::SQS::Queue" => queue::check(patient, name, id).await?,
            "AWS::SNS::Topic" => topic::check(patient, name, id).await?,
            "AWS::SecretsManager::Secret" => secret(patient, name, id).await,
            "AWS::Lambda::EventSourceMapping" => mapping(patient, name, id).await,
            "AWS::Logs::LogGroup" => log_group::check(patient, name, id).await?,
            "AWS::CodeBuild::Project" => build::check(patient, name, id).await?,
            "AWS::StepFunctions::StateMachine" => state_machine::check(patient, name, id).await?,
            "AWS::Chatbot::SlackChannelConfiguration" => channel::check(patient, name, id).await?,
            "AWS::Chatbot::CustomAction" => channel::button(patient, name, id).await?,
            "AWS::CloudWatch::Alarm" => {
                alarms.push(id.clone());
                continue;
            }
            _ => continue,
        });
    }
    checks.extend(ringing(patient.account, &alarms).await);
    Ok(checks)
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

async fn mapping(patient: &Patient<'_>, name: &str, id: &str) -> Check {
    let account = patient.account;
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
        checks.push(Check::fails("alarms", why, GONE));
    }
    if checks.is_empty() {
        checks.push(Check::well("alarms", format!("{} are quiet", names.len())));
    }
    checks
}
