//! Tells Slack what became of a click: in place of the clicked message, as a new one in the channel, or, while something
//! is under way, only whoever clicked.

use std::time::Duration;

use domain::bucket::{BucketRecord, BucketState};
use domain::finding::Finding;
use domain::quarantine::{Manifest, RestorationState, Run, State};
use domain::remediation::Decision;
use domain::slack::button::Signer;
use domain::slack::{
    Message, already_quarantined, already_restored, bucket_act, in_progress, moving_versions, not_remediated,
    other_versions, remediated, restoration, restoring, under_way,
};
use platform::secret::Rotating;
use platform::slack::SlackError;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Error;
use crate::handler::Remediator;
use crate::quarantine::is_silent;
use crate::record::Record;

/// How long a Slack that asks to wait is waited for. After that, the whole request is tried again a minute later and
/// finds nothing left to do but to tell.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// In place of the message that was clicked, if one was.
    InPlace,
    /// As a new message: the one that was clicked still holds.
    Anew,
}

impl Remediator {
    /// Tells how a quarantine ended, and records that it did, unless nobody clicked for it. `before` when an earlier
    /// request had ended it. A failure here costs nothing but a new run, which finds the move done.
    pub(crate) async fn tell_quarantine(
        &self,
        finding: &Finding,
        decision: &Decision,
        mut record: Record,
        before: bool,
    ) -> Result<(), Error> {
        if is_silent(decision) {
            return Ok(());
        }
        let keys = self.button_keys().await?;
        let signer = self.signer(&keys);
        let manifest = &record.content;
        let message = match manifest.is_quarantined() {
            true if before => already_quarantined(finding, manifest, &signer),
            true => remediated(finding, manifest, &signer),
            false => not_remediated(finding, manifest, &signer),
        };
        self.post(decision, message, Where::InPlace).await?;
        if before {
            return Ok(());
        }
        if let State::Ended { told, .. } = &mut record.content.state {
            *told = true;
        }
        self.record_told(decision, record).await
    }

    pub(crate) async fn tell_restoration(&self, decision: &Decision, mut record: Record) -> Result<(), Error> {
        let keys = self.button_keys().await?;
        let message = restoration(&record.content, &self.signer(&keys));
        let place = if record.content.is_restored() { Where::InPlace } else { Where::Anew };
        self.post(decision, message, place).await?;
        if let Some(restoration) = &mut record.content.restoration
            && let RestorationState::Ended { told, .. } = &mut restoration.state
        {
            *told = true;
        }
        self.record_told(decision, record).await
    }

    pub(crate) async fn tell_other_versions(&self, decision: &Decision, mut record: Record) -> Result<(), Error> {
        let keys = self.button_keys().await?;
        let message = other_versions(&record.content, &self.signer(&keys));
        self.post(decision, message, Where::Anew).await?;
        if let Some(others) = &mut record.content.other_versions {
            others.told = true;
        }
        self.record_told(decision, record).await
    }

    pub(crate) async fn tell_bucket_act(
        &self,
        decision: &Decision,
        mut record: Record<BucketRecord>,
    ) -> Result<(), Error> {
        let keys = self.button_keys().await?;
        let message = bucket_act(&record.content, &self.signer(&keys));
        self.post(decision, message, Where::Anew).await?;
        if let BucketState::Ended { told, .. } = &mut record.content.state {
            *told = true;
        }
        record.content.transitions.push(self.transition(decision, "Told Slack"));
        record.write(&self.records).await
    }

    async fn record_told(&self, decision: &Decision, mut record: Record) -> Result<(), Error> {
        record.content.transitions.push(self.transition(decision, "Told Slack"));
        record.write(&self.records).await
    }

    /// Takes the button away from the clicked message.
    pub(crate) async fn tell_that_it_begins(&self, finding: &Finding, decision: &Decision) {
        self.courtesy(decision, &in_progress(finding, decision).replacing_original()).await;
    }

    /// Whoever pressed the button learns whose run it is.
    pub(crate) async fn tell_that_it_is_under_way(&self, decision: &Decision, run: &Run) {
        tracing::info!(run.id, "another run works on the case");
        self.courtesy(decision, &under_way(run)).await;
    }

    pub(crate) async fn tell_that_restoring_begins(&self, decision: &Decision, manifest: &Manifest) {
        self.courtesy(decision, &restoring(manifest)).await;
    }

    pub(crate) async fn tell_that_versions_move(&self, decision: &Decision, manifest: &Manifest) {
        self.courtesy(decision, &moving_versions(manifest)).await;
    }

    pub(crate) async fn tell_that_it_was_restored(&self, decision: &Decision, manifest: &Manifest) {
        self.courtesy(decision, &already_restored(manifest)).await;
    }

    /// Answers the click. A failure is only logged: nothing depends on it.
    async fn courtesy(&self, decision: &Decision, message: &Message) {
        let Some(url) = decision.response_url() else {
            return;
        };
        if let Err(error) = self.slack.post(&SecretString::from(url), message).await {
            tracing::warn!(error = platform::chain(&error), "could not answer the click");
        }
    }

    /// Posts the message where the decision came from, or in the channel.
    async fn post(&self, decision: &Decision, message: Message, place: Where) -> Result<(), Error> {
        if let Some(url) = decision.response_url().filter(|_| place == Where::InPlace) {
            let replacing = message.clone().replacing_original();
            match self.slack.post_within(PATIENCE, &SecretString::from(url), &replacing).await {
                Ok(()) => return Ok(()),
                Err(error) if error.may_heal() => return Err(Error::Tell(error)),
                // After 30 minutes or five messages Slack takes no more: the channel is told with a new message.
                Err(error @ (SlackError::Refused { .. } | SlackError::NotSlack)) => {
                    tracing::warn!(error = platform::chain(&error), "could not replace the clicked message");
                }
                Err(error) => return Err(Error::Tell(error)),
            }
        }
        let webhook = self.secrets.get(&self.config.slack_webhook_secret_arn).await.map_err(Error::WebhookSecret)?;
        self.slack.post_within(PATIENCE, &webhook, &message).await.map_err(Error::Tell)
    }

    async fn button_keys(&self) -> Result<Rotating, Error> {
        self.secrets.get_rotating(&self.config.slack_button_key_secret_arn).await.map_err(Error::ButtonKey)
    }

    fn signer<'a>(&'a self, keys: &'a Rotating) -> Signer<'a> {
        self.config.buttons.signer(keys.newest().expose_secret(), (self.clock)())
    }
}
