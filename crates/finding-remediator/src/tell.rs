//! Tells Slack: in place of the clicked message, or as a new one in the channel.

use std::time::Duration;

use domain::finding::Finding;
use domain::quarantine::Manifest;
use domain::remediation::Decision;
use domain::slack::button::Signer;
use domain::slack::{Message, already_quarantined, in_progress, not_remediated, remediated};
use platform::secret::SecretStore;
use platform::slack::{Slack, SlackError};
use secrecy::SecretString;

use crate::config::Config;
use crate::error::Error;

/// How long a Slack that asks to wait is waited for. After that, the whole request is tried again a minute later and
/// finds nothing left to do but to tell.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the case ended. `before` when an earlier request had ended it.
pub(crate) fn message(finding: &Finding, manifest: &Manifest, before: bool, signer: &Signer<'_>) -> Message {
    match manifest.is_quarantined() {
        true if before => already_quarantined(finding, manifest),
        true => remediated(finding, manifest),
        false => not_remediated(finding, manifest, signer),
    }
}

/// Takes the button away from the clicked message. Only a courtesy: a failure is logged.
pub(crate) async fn begin(slack: &Slack, finding: &Finding, decision: &Decision) {
    let Some(url) = decision.response_url() else {
        return;
    };
    let message = in_progress(finding, decision).replacing_original();
    if let Err(error) = slack.post(&SecretString::from(url), &message).await {
        tracing::warn!(error = platform::chain(&error), "could not show that the quarantine is in progress");
    }
}

/// Posts the message where the decision came from.
pub(crate) async fn end(
    slack: &Slack,
    secrets: &SecretStore,
    config: &Config,
    decision: &Decision,
    message: Message,
) -> Result<(), Error> {
    if let Some(url) = decision.response_url() {
        let replacing = message.clone().replacing_original();
        match slack.post_within(PATIENCE, &SecretString::from(url), &replacing).await {
            Ok(()) => return Ok(()),
            Err(error) if error.may_heal() => return Err(Error::Tell(error)),
            // After 30 minutes or five messages Slack takes no more: the channel is told with a new message.
            Err(error @ (SlackError::Refused { .. } | SlackError::NotSlack)) => {
                tracing::warn!(error = platform::chain(&error), "could not replace the clicked message");
            }
            Err(error) => return Err(Error::Tell(error)),
        }
    }
    let webhook = secrets.get(&config.slack_webhook_secret_arn).await.map_err(Error::WebhookSecret)?;
    slack.post_within(PATIENCE, &webhook, &message).await.map_err(Error::Tell)
}
