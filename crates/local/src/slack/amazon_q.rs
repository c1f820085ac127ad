//! Amazon Q Developer in chat applications (formerly AWS Chatbot), as far as notifications and custom actions go.
//!
//! It reads the deployed resources: `AWS::Chatbot::SlackChannelConfiguration` says which topics speak in which channel,
//! `AWS::Chatbot::CustomAction` which buttons appear under which notification and what they run.

pub mod command;
pub mod notification;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use self::notification::Notification;
use super::message::Offer;

/// The deployed resources, as the local cloud lists them.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Deployed {
    pub channels: Vec<Resource<ChannelConfiguration>>,
    pub actions: Vec<Resource<CustomAction>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Resource<Properties> {
    pub arn: String,
    pub properties: Properties,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelConfiguration {
    pub configuration_name: String,
    pub slack_workspace_id: String,
    pub slack_channel_id: String,
    pub iam_role_arn: String,
    #[serde(default)]
    pub sns_topic_arns: Vec<String>,
    #[serde(default)]
    pub guardrail_policies: Vec<String>,
    #[serde(default)]
    pub customization_resource_arns: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomAction {
    pub action_name: String,
    pub definition: Definition,
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Definition {
    pub command_text: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attachment {
    pub notification_type: String,
    pub button_text: String,
    #[serde(default)]
    pub criteria: Vec<Criterion>,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Criterion {
    pub operator: String,
    pub variable_name: String,
    pub value: Option<String>,
}

/// What SNS posts to a subscriber: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    #[serde(rename = "Type")]
    pub kind: String,
    pub topic_arn: String,
    pub message: String,
}

/// The buttons under a notification, and what is wrong with the actions that were meant to give some.
#[must_use]
pub fn offers(
    notification: &Notification,
    configuration: &ChannelConfiguration,
    actions: &[Resource<CustomAction>],
) -> (Vec<Offer>, Vec<String>) {
    let (mut offers, mut problems) = (Vec::new(), Vec::new());
    if !notification.metadata.enable_custom_actions {
        return (offers, problems);
    }
    for arn in &configuration.customization_resource_arns {
        let Some(action) = actions.iter().find(|action| action.arn == *arn) else {
            problems.push(format!("the channel names a custom action that does not exist: {arn}"));
            continue;
        };
        let text = &action.properties.definition.command_text;
        let name = &action.properties.action_name;
        if let Err(problem) = command::check_length(text) {
            problems.push(format!("custom action {name}: {problem}"));
        }
        for attachment in &action.properties.attachments {
            match values(notification, attachment) {
                Err(problem) => problems.push(format!("custom action {name}: {problem}")),
                Ok(values) if applies(attachment, &values) => offers.push(Offer {
                    action: arn.clone(),
                    label: attachment.button_text.clone(),
                    command: command::substitute(text, &values),
                }),
                Ok(_) => {}
            }
        }
    }
    (offers, problems)
}

/// The variables of an attachment that the notification has a value for.
fn values(notification: &Notification, attachment: &Attachment) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    for (name, path) in &attachment.variables {
        let value = match path.strip_prefix("event.metadata.additionalContext.") {
            Some(key) => notification.metadata.additional_context.get(key).cloned(),
            None => return Err(format!("the path `{path}` of `{name}` is not known here")),
        };
        if let Some(value) = value {
            values.insert(name.clone(), value);
        }
    }
    Ok(values)
}

fn applies(attachment: &Attachment, values: &BTreeMap<String, String>) -> bool {
    attachment.notification_type == "Custom"
        && attachment.criteria.iter().all(|criterion| {
            let value = values.get(&criterion.variable_name);
            match criterion.operator.as_str() {
                "HAS_VALUE" => value.is_some_and(|value| !value.is_empty()),
                "EQUALS" => value.is_some() && value == criterion.value.as_ref(),
                _ => false,
            }
        })
}

/// The notification as a message in the channel.
pub(super) fn message(notification: &Notification) -> Value {
    let content = &notification.content;
    let mrkdwn = |text: &str| json!({"type": "mrkdwn", "text": text});
    let mut blocks = Vec::new();
    if let Some(title) = &content.title {
        blocks.push(json!({"type": "section", "text": mrkdwn(&format!("*{title}*"))}));
    }
    blocks.push(json!({"type": "section", "text": mrkdwn(&content.description)}));
    if !content.next_steps.is_empty() {
        blocks.push(json!({"type": "section", "text": mrkdwn("*Next steps*")}));
    }
    for step in &content.next_steps {
        blocks.push(json!({"type": "section", "text": mrkdwn(&format!("• {step}"))}));
    }
    if !content.keywords.is_empty() {
        let keywords = content.keywords.join(", ");
        blocks.push(json!({"type": "context", "elements": [mrkdwn(&format!("Keywords: {keywords}"))]}));
    }
    json!({"text": "", "blocks": blocks})
}

/// The reply in the thread after a command has run.
pub(super) fn reply(person: &str, command: &str, result: &Result<String, String>) -> Value {
    let (verdict, words) = match result {
        Ok(answer) => ("I ran the command", answer),
        Err(error) => ("I could not complete the command", error),
    };
    // The command holds no backtick: its variables are ids.
    json!({"text": format!("{verdict} `{command}` for <@{person}>\n```{words}```")})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployed() -> Deployed {
        serde_json::from_value(json!({
            "channels": [{"arn": "channel", "properties": {
                "ConfigurationName": "scan", "SlackWorkspaceId": "T1", "SlackChannelId": "C1", "IamRoleArn": "role",
                "SnsTopicArns": ["topic"], "CustomizationResourceArns": ["approve"], "LoggingLevel": "ERROR",
            }}],
            "actions": [{"arn": "approve", "properties": {
                "ActionName": "approve",
                "Definition": {"CommandText": "lambda invoke --function-name f --payload {\"approve\":\"$scanId\"}"},
                "Attachments": [{
                    "NotificationType": "Custom", "ButtonText": "Approve",
                    "Variables": {"scanId": "event.metadata.additionalContext.scanId",
                        "kind": "event.metadata.additionalContext.kind"},
                    "Criteria": [{"Operator": "HAS_VALUE", "VariableName": "scanId"},
                        {"Operator": "EQUALS", "VariableName": "kind", "Value": "quality-gate-failed"}],
                }],
            }}],
        }))
        .unwrap()
    }

    fn offered(metadata: &Value, change: impl Fn(&mut Deployed)) -> (Vec<Offer>, Vec<String>) {
        let mut deployed = deployed();
        change(&mut deployed);
        let notification =
            json!({"version": "1.0", "source": "custom", "content": {"description": "x"}, "metadata": metadata});
        let notification = notification::parse(&notification.to_string()).unwrap();
        offers(&notification, &deployed.channels[0].properties, &deployed.actions)
    }

    fn failed() -> Value {
        json!({"additionalContext": {"scanId": "s-1", "kind": "quality-gate-failed"}})
    }

    #[test]
    fn offers_an_action_with_its_command_filled_in() {
        let (offers, problems) = offered(&failed(), |_| {});
        assert_eq!(offers[0].label, "Approve");
        let command = offers[0].command.clone().unwrap();
        assert_eq!(command, r#"lambda invoke --function-name f --payload {"approve":"s-1"}"#);
        assert!(problems.is_empty());
    }

    #[test]
    fn offers_nothing_when_a_criterion_is_not_met() {
        for metadata in [
            json!({}),
            json!({"additionalContext": {"kind": "quality-gate-failed"}}),
            json!({"additionalContext": {"scanId": "s-1", "kind": "other"}}),
            json!({"additionalContext": {"scanId": "", "kind": "quality-gate-failed"}}),
            json!({"enableCustomActions": false,
                "additionalContext": {"scanId": "s-1", "kind": "quality-gate-failed"}}),
        ] {
            assert!(offered(&metadata, |_| {}).0.is_empty(), "{metadata}");
        }
    }

    #[test]
    fn reports_what_would_not_work_in_a_real_chat() {
        let long = |deployed: &mut Deployed| {
            deployed.actions[0].properties.definition.command_text.push_str(&" ".repeat(100));
        };
        assert!(offered(&failed(), long).1[0].contains("the API takes 100"));
        let gone = |deployed: &mut Deployed| deployed.actions.clear();
        assert!(offered(&failed(), gone).1[0].contains("does not exist"));
        let path = |deployed: &mut Deployed| {
            let variables = &mut deployed.actions[0].properties.attachments[0].variables;
            variables.insert("scanId".to_owned(), "$.scanId".to_owned());
        };
        assert!(offered(&failed(), path).1[0].contains("not known here"));
    }
}
