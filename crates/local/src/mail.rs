//! The outbox: what SES would have sent.

use anyhow::Context as _;
use serde::Deserialize;

use crate::cloud::http;

/// A mail as SES took it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Mail {
    pub message_id: String,
    #[serde(rename = "Source")]
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    #[serde(rename = "BodyText", default)]
    pub text: String,
    #[serde(rename = "BodyHtml")]
    pub html: Option<String>,
}

#[derive(Deserialize)]
struct Outbox {
    /// By account.
    messages: std::collections::BTreeMap<String, Vec<Mail>>,
}

/// Every mail so far, the oldest first.
pub async fn outbox(cloud_url: &str) -> anyhow::Result<Vec<Mail>> {
    let url = format!("{cloud_url}/_ministack/ses/messages");
    let answer = http()?.get(&url).send().await.context("ask for the mails")?;
    let outbox: Outbox = answer.json().await.context("read the mails")?;
    Ok(outbox.messages.into_values().flatten().collect())
}
