//! The digest of a window: begun by the first finding that has no message of its own, closed when the window is over.

use std::time::SystemTime;

use domain::digest::{Closed, DigestId, Entry, Progress, Window};
use domain::slack;
use jiff::Timestamp;
use serde_json::Value;

use crate::error::Error;
use crate::handler::FindingHandler;
use crate::record::close_digest;
use crate::show::Trace;

/// After the window's end, so that a record that another process is just writing is counted.
const GRACE_SECONDS: i64 = 15;
/// SQS delays no message for longer.
const LONGEST_DELAY_SECONDS: i64 = 900;

impl FindingHandler {
    /// Notes the finding in the digest of the window, and sees to it that the channel hears of the digest. First the
    /// finding, then the message that will close the digest, then the news: whatever is missing after a crash, the
    /// record in the queue comes again and adds it.
    pub(crate) async fn note(
        &self,
        window: &Window,
        entry: &Entry,
        case_id: Option<String>,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        let trace = Trace { finding_id: Some(&entry.finding_id), case_id, at: (self.clock)() };
        self.records.create(&entry.noted_key(&window.digest), &trace).await.map_err(Error::WriteCase)?;
        if self.remembered.is_closing(&window.digest) {
            return Ok(());
        }
        self.ensure_closing(window).await?;
        if let Err(error) = self.announce(&window.digest, deadline).await {
            // The message that closes the digest says all of it.
            tracing::warn!(error = platform::chain(&error), "could not tell that a digest was begun");
        }
        self.remembered.set_closing(&window.digest);
        Ok(())
    }

    /// Puts the message that closes the digest into the queue, to be delivered after the window. Two at once make two
    /// such messages, of which the second finds the digest closed.
    async fn ensure_closing(&self, window: &Window) -> Result<(), Error> {
        let key = window.digest.closing_key();
        if self.records.read::<Value>(&key).await.map_err(Error::ReadCase)?.is_some() {
            return Ok(());
        }
        let now = (self.clock)();
        let delay = window.end.as_second() - now.as_second() + GRACE_SECONDS;
        let delay = i32::try_from(delay.clamp(0, LONGEST_DELAY_SECONDS)).unwrap_or_default();
        let message = self.sqs.send_message().queue_url(&self.config.finding_queue_url).delay_seconds(delay);
        let sent = message.message_body(close_digest(&window.digest)).send().await;
        sent.map_err(|error| Error::Queue(error.into()))?;
        self.write_trace(&key, now).await
    }

    /// Tells the channel that a digest was begun: whoever is first, and once.
    async fn announce(&self, digest: &DigestId, deadline: SystemTime) -> Result<(), Error> {
        let trace = Trace { finding_id: None, case_id: None, at: (self.clock)() };
        if !self.records.create(&digest.announced_key(), &trace).await.map_err(Error::WriteCase)? {
            return Ok(());
        }
        self.post_digest(digest, false, deadline).await.map(|_| ())
    }

    /// Tells the final counts, unless that was done. The note that it was is written last.
    pub(crate) async fn close_digest(&self, digest: &DigestId, deadline: SystemTime) -> Result<(), Error> {
        let key = digest.closed_key();
        if self.records.read::<Value>(&key).await.map_err(Error::ReadCase)?.is_some() {
            return Ok(());
        }
        let progress = self.post_digest(digest, true, deadline).await?;
        // With the counts, so that a click need not list thousands of names for them.
        let closed = Closed { counts: progress.counts().to_vec(), at: (self.clock)() };
        self.records.create(&key, &closed).await.map(|_| ()).map_err(Error::WriteCase)
    }

    async fn post_digest(&self, digest: &DigestId, closed: bool, deadline: SystemTime) -> Result<Progress, Error> {
        let keys = self.records.list(&digest.prefix()).await.map_err(Error::ReadCase)?;
        let progress = Progress::of(digest, keys.iter().map(String::as_str));
        if progress.total() > 0 {
            let button_keys = self.button_keys().await?;
            self.post(&slack::digest(digest, &progress, closed, &self.signer(&button_keys)), deadline).await?;
        }
        Ok(progress)
    }

    async fn write_trace(&self, key: &str, at: Timestamp) -> Result<(), Error> {
        let trace = Trace { finding_id: None, case_id: None, at };
        self.records.create(key, &trace).await.map(|_| ()).map_err(Error::WriteCase)
    }
}
