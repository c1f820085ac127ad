//! How a finding gets into the channel: in a message of its own while there are any left, else in a digest.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use domain::digest::{DigestId, Entry, Kind, Window};
use domain::finding::{Finding, Severity};
use domain::slack::Message;
use jiff::Timestamp;
use platform::metrics::Metric;
use platform::slack::SlackError;
use serde::Serialize;

use crate::error::Error;
use crate::handler::FindingHandler;

/// What is left of the function's time when waiting for Slack ends: enough to report the batch.
const RESERVE: Duration = Duration::from_secs(3);

/// How a finding was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Message,
    Digest,
}

/// What this process knows of the current digest. It only saves questions: forgetting it does no harm.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    digest: Option<DigestId>,
    /// The messages of this digest's window are taken: those for all findings, those for HIGH ones.
    full: bool,
    full_for_high: bool,
    /// The message that closes the digest is in the queue.
    closing: bool,
}

impl Remembered {
    /// Reads or changes what is known of this digest.
    fn of<T>(&self, digest: &DigestId, act: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.digest.as_ref() != Some(digest) {
            *known = Known { digest: Some(digest.clone()), ..Known::default() };
        }
        act(&mut known)
    }

    pub(crate) fn is_closing(&self, digest: &DigestId) -> bool {
        self.of(digest, |known| known.closing)
    }

    pub(crate) fn set_closing(&self, digest: &DigestId) {
        self.of(digest, |known| known.closing = true);
    }
}

/// Who took a message, or was noted: for whoever looks into the bucket.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trace<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finding_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) case_id: Option<String>,
    pub(crate) at: Timestamp,
}

impl FindingHandler {
    /// Shows a finding, in the message given or in the digest of this window. When this returns, whatever happens to
    /// this process, people can find it.
    pub(crate) async fn show(
        &self,
        finding: &Finding,
        kind: Kind,
        message: &Message,
        deadline: SystemTime,
    ) -> Result<Way, Error> {
        // Before a message of the window is taken and then not sent.
        self.patience(deadline)?;
        let window = Window::of((self.clock)(), self.config.digest_minutes);
        match Entry::of(finding, kind) {
            Some(entry) if !self.take_slot(&window, finding.severity(), Some(&finding.id)).await? => {
                self.note(&window, &entry, finding.case_id(), deadline).await?;
                Ok(Way::Digest)
            }
            _ => self.show_alone(finding, message, deadline).await,
        }
    }

    /// Shows a finding in the message given.
    pub(crate) async fn show_alone(
        &self,
        finding: &Finding,
        message: &Message,
        deadline: SystemTime,
    ) -> Result<Way, Error> {
        self.post(message, deadline).await?;
        self.measure_delay(finding);
        Ok(Way::Message)
    }

    /// Takes one of the window's messages, if any is left. A process that dies now has taken it for nothing: then one
    /// finding more is in the digest.
    pub(crate) async fn take_slot(
        &self,
        window: &Window,
        severity: Option<Severity>,
        finding_id: Option<&str>,
    ) -> Result<bool, Error> {
        let is_high = severity == Some(Severity::High);
        let digest = &window.digest;
        if self.remembered.of(digest, |known| if is_high { known.full_for_high } else { known.full }) {
            return Ok(false);
        }
        let taken = self.records.list(&digest.slots_prefix()).await.map_err(Error::ReadCase)?;
        for slot in digest.free_slots(&taken, severity, self.config.individual_messages) {
            let trace = Trace { finding_id, case_id: None, at: (self.clock)() };
            if self.records.create(&slot, &trace).await.map_err(Error::WriteCase)? {
                return Ok(true);
            }
        }
        self.remembered.of(digest, |known| {
            known.full = true;
            known.full_for_high |= is_high;
        });
        Ok(false)
    }

    /// Posts to the channel, not faster than Slack takes it.
    pub(crate) async fn post(&self, message: &Message, deadline: SystemTime) -> Result<(), Error> {
        let webhook = self.secrets.get(&self.config.slack_webhook_secret_arn).await.map_err(Error::WebhookSecret)?;
        let left = self.pace.turn(self.patience(deadline)?).await.ok_or(Error::NoTimeLeft)?;
        let posted = self.slack.post_within(left, &webhook, message).await;
        // What Slack took only after a wait was posted later than when its turn came.
        self.pace.posted().await;
        if let Err(SlackError::RateLimited { retry_after }) = &posted {
            // The other records of the batch have to wait as well.
            self.pace.hold(*retry_after).await;
        }
        posted.map_err(Error::Tell)
    }

    /// How long Slack may keep us waiting. With no time left the record goes back to the queue.
    pub(crate) fn patience(&self, deadline: SystemTime) -> Result<Duration, Error> {
        let left = deadline.duration_since((self.clock)().into()).unwrap_or_default();
        left.checked_sub(RESERVE).ok_or(Error::NoTimeLeft)
    }

    fn measure_delay(&self, finding: &Finding) {
        if let Some(found) = finding.updated_at.or(finding.created_at) {
            let seconds = (self.clock)().duration_since(found).as_secs_f64();
            self.metrics.add(Metric::SecondsToSlack, seconds.max(0.0));
        }
    }
}
