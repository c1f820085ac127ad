//! A message into each channel, to see that it arrives.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::Patient;
use crate::{
    check::{Check, chain},
    parameters::Stack,
};

/// A custom notification without a scan: Amazon Q shows it without buttons.
const NOTIFICATION: &str = include_str!("../../../../samples/events/notification.test.json");

const WORDS: &str =
    "This is a test. Nothing has happened and nothing is to be done: somebody ran `scripts/doctor --notify`.";

/// Sends the stack's kind of message; none for a stack without a channel.
pub(super) async fn send(patient: &Patient<'_>) -> Option<Check> {
    match patient.stack {
        Stack::PreRequisite => None,
        Stack::AppSecurity => Some(publish(patient).await),
        Stack::MacieRemediation => Some(post(patient).await),
    }
}

async fn publish(patient: &Patient<'_>) -> Check {
    let what = "test notification of the code scan";
    let topic = patient.deployed.outputs.get("NotificationTopicArn").cloned().unwrap_or_default();
    let client = aws_sdk_sns::Client::new(&patient.account.aws);
    match client.publish().topic_arn(topic).message(NOTIFICATION).send().await {
        Ok(_) => Check::note(what, "sent; if the channel does not show it, invite @Amazon Q to it"),
        Err(error) => Check::fails(what, chain(&error), "allow sns:Publish and the use of the key to your identity"),
    }
}

/// A message through the webhook. Its address is a secret and stays out of the words.
async fn post(patient: &Patient<'_>) -> Check {
    let what = "test message of the Macie remediation";
    let remedy = "make a new webhook for the channel on the app's page Incoming Webhooks, and deploy with it \
                  (SLACK_WEBHOOK_URL)";
    let id = patient.resources.get("SlackWebHookSecret").map(|(_, id)| id.as_str()).unwrap_or_default();
    let url = match patient.secrets.get(id).await {
        Ok(url) => url,
        Err(error) => return Check::fails(what, chain(&error), remedy),
    };
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(15));
    let local = url.expose_secret().starts_with("http://127.0.0.1:");
    let client = if local { builder.no_proxy().build() } else { builder.build() };
    let sent = match client {
        Ok(client) => client.post(url.expose_secret()).json(&json!({ "text": WORDS })).send().await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(answer) if answer.status().is_success() => Check::well(what, "Slack took it"),
        Ok(answer) => Check::fails(what, format!("Slack answered with {}", answer.status()), remedy),
        Err(error) => Check::fails(what, chain(&error.without_url()), remedy),
    }
}
