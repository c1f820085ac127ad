//! What one look at each resource of a stack tells.

use super::{
    Patient, alarm, bucket, build, channel, invocation, key, log_group, queue, role, rule, state_machine, topic,
};
use crate::check::{Check, chain};

/// Looks at every resource of a kind that can be looked at.
pub(super) async fn checks(patient: &Patient<'_>) -> anyhow::Result<Vec<Check>> {
    let mut checks = Vec::new();
    let mut alarms = Vec::new();
    for (name, (kind, id)) in &patient.resources {
        checks.push(match kind.as_str() {
            "AWS::S3::Bucket" => bucket::check(patient, name, id).await?,
            "AWS::KMS::Key" => key::check(patient, name, id).await?,
            "AWS::Events::Rule" => rule::check(patient, name, id).await?,
            "AWS::IAM::Role" => role::check(patient, name, id).await?,
            "AWS::SQS::Queue" => queue::check(patient, name, id).await?,
            "AWS::SNS::Topic" => topic::check(patient, name, id).await?,
            "AWS::SecretsManager::Secret" => secret(patient, name, id).await,
            "AWS::Lambda::EventSourceMapping" => invocation::from_queue(patient, name, id).await?,
            "AWS::Lambda::EventInvokeConfig" => invocation::without_waiting(patient, name).await?,
            "AWS::Logs::LogGroup" => log_group::check(patient, name, id).await?,
            "AWS::CodeBuild::Project" => build::check(patient, name, id).await?,
            "AWS::StepFunctions::StateMachine" => state_machine::check(patient, name, id).await?,
            "AWS::Chatbot::SlackChannelConfiguration" => channel::check(patient, name, id).await?,
            "AWS::Chatbot::CustomAction" => channel::button(patient, name, id).await?,
            "AWS::CloudWatch::Alarm" => {
                alarms.push((name.as_str(), id.as_str()));
                continue;
            }
            _ => continue,
        });
    }
    checks.extend(alarm::checks(patient, &alarms).await?);
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
