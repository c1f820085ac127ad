//! The configuration of Amazon Q for the Slack channel, and the buttons under its notifications.

use serde_json::{Value, json};

use super::{Patient, compare};
use crate::{chatbot, check::Check};

const REMEDY: &str = "set it as the template says in the console of Amazon Q Developer in chat applications, and find out in \
                      CloudTrail who changed it and why";

/// Looks at the channel of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, arn: &str) -> anyhow::Result<Check> {
    let what = format!("Slack channel {name}");
    let wanted = patient.template.properties(name)?;
    let asked = json!({"ChatConfigurationArn": arn});
    let answer = match chatbot::call(patient.account, "describe-slack-channel-configurations", &asked).await {
        Ok(answer) => answer,
        Err(error) => {
            let remedy = "allow chatbot:DescribeSlackChannelConfigurations to your identity";
            return Ok(Check::fails(what, format!("{error:#}"), remedy));
        }
    };
    let found = answer["SlackChannelConfigurations"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["ChatConfigurationArn"].as_str() == Some(arn)));
    let Some(found) = found else {
        let why = "Amazon Q has no configuration of it, so the channel hears nothing and its buttons do nothing";
        return Ok(Check::fails(what, why, super::GONE));
    };
    if found["State"].as_str() == Some("DISABLED") {
        let why = format!("it is disabled: {}", found["StateReason"].as_str().unwrap_or("Amazon Q gives no reason"));
        return Ok(Check::fails(what, why, "ask whoever administers your AWS organization to allow Amazon Q in Slack"));
    }
    let wrong = [
        ("its workspace", "SlackWorkspaceId", "SlackTeamId"),
        ("its channel", "SlackChannelId", "SlackChannelId"),
        ("its topic", "SnsTopicArns", "SnsTopicArns"),
        ("its role", "IamRoleArn", "IamRoleArn"),
        ("its guardrail", "GuardrailPolicies", "GuardrailPolicyArns"),
        ("its demand for a role of each user", "UserRoleRequired", "UserAuthorizationRequired"),
        ("its logging", "LoggingLevel", "LoggingLevel"),
    ]
    .into_iter()
    .filter_map(|(words, property, field)| compare::value(words, &wanted[property], &found[field]));
    Ok(Check::that(&what, wrong, REMEDY))
}

/// Looks at a button of the stack.
pub(super) async fn button(patient: &Patient<'_>, name: &str, arn: &str) -> anyhow::Result<Check> {
    let wanted = patient.template.properties(name)?;
    let wrong = match chatbot::call(patient.account, "get-custom-action", &json!({"CustomActionArn": arn})).await {
        Ok(answer) => {
            let found = compare::at(&answer, &["CustomAction", "Definition", "CommandText"]);
            let wanted: &Value = compare::at(&wanted, &["Definition", "CommandText"]);
            compare::value("its command", wanted, found)
        }
        Err(error) => Some(format!("{error:#}")),
    };
    Ok(Check::that(&format!("button {name}"), wrong, REMEDY))
}
