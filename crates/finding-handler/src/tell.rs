//! What became of remediations: those that nobody clicked for, and those that failed.

use std::time::SystemTime;

use domain::digest::{Kind, Window};
use domain::finding::Finding;
use domain::quarantine::Manifest;
use domain::remediation::{Decision, Request, Task};
use domain::slack::button::Signer;
use domain::slack::{self, Message};
use secrecy::SecretString;

use crate::error::Error;
use crate::handler::{FindingHandler, Outcome};
use crate::show::Way;

impl FindingHandler {
    /// Tells the channel how an automatic remediation ended. The remediator answers clicks itself; what nobody clicked
    /// for comes through the queue, so that a burst of it keeps Slack's pace and ends in a digest.
    pub(crate) async fn tell_result(&self, request: &Request, deadline: SystemTime) -> Result<Outcome, Error> {
        let (Task::Quarantine { finding }, Decision::Policy) = (&request.task, &request.decision) else {
            return Ok(Outcome::ToldBefore);
        };
        let manifest = self.manifest(finding).await?;
        // Somebody opened it in the digest and put the object back, which was told.
        if manifest.as_ref().is_some_and(Manifest::is_restored) {
            return Ok(Outcome::ToldBefore);
        }
        // It met another run about the same object, and ended at once. How that one ends is told when this record is
        // delivered again.
        if manifest.as_ref().is_some_and(|manifest| manifest.run_at((self.clock)()).is_some()) {
            return Err(Error::UnderWay);
        }
        // Lambda may run a request twice, and SQS deliver a record twice.
        let ended_at = manifest.as_ref().and_then(Manifest::ended_at);
        let shown = self.shown(finding).await?;
        if shown.is_some_and(|shown| shown.finding_id == finding.id && ended_at.is_some_and(|end| shown.at >= end)) {
            return Ok(Outcome::ToldBefore);
        }
        let keys = self.button_keys().await?;
        let ending = ending(finding, manifest.as_ref(), None, &self.signer(&keys));
        let way = self.tell_ending(finding, &ending, deadline).await?;
        self.remember_shown(finding, false).await?;
        Ok(Outcome::ResultTold(way))
    }

    /// Tells how a task of the remediator ended that failed after its retries.
    pub(crate) async fn tell_failure(
        &self,
        request: &Request,
        error_type: Option<&str>,
        deadline: SystemTime,
    ) -> Result<Outcome, Error> {
        let Task::Quarantine { finding } = &request.task else {
            let manifest = match &request.task {
                Task::Restore { case_id } | Task::QuarantineVersions { case_id } => self.case(case_id).await?,
                _ => None,
            };
            // As a new message: the one with the button stays, so that it can be pressed again.
            self.post(&slack::task_failed(&request.task, manifest.as_ref(), error_type), deadline).await?;
            return Ok(Outcome::FailureTold);
        };
        // Only the message may be missing: then the record says how the move itself ended.
        let keys = self.button_keys().await?;
        let ending = ending(finding, self.manifest(finding).await?.as_ref(), error_type, &self.signer(&keys));
        if request.decision == Decision::Policy {
            self.tell_ending(finding, &ending, deadline).await?;
            return Ok(Outcome::FailureTold);
        }
        let (Ending::Moved(message) | Ending::NotMoved(message)) = ending;
        if let Some(url) = request.decision.response_url() {
            let replacing = message.clone().replacing_original();
            match self.slack.post_within(self.patience(deadline)?, &SecretString::from(url), &replacing).await {
                Ok(()) => return Ok(Outcome::FailureTold),
                Err(error) if error.may_heal() => return Err(Error::Tell(error)),
                Err(error) => {
                    tracing::warn!(error = platform::chain(&error), "could not replace the clicked message");
                }
            }
        }
        self.post(&message, deadline).await?;
        Ok(Outcome::FailureTold)
    }

    /// An object that was not moved has a message of its own, however many came: what nobody could deal with must not
    /// hide among what was. There are at most `AUTO_REMEDIATION_LIMIT` of them an hour, and they keep Slack's pace.
    async fn tell_ending(&self, finding: &Finding, ending: &Ending, deadline: SystemTime) -> Result<Way, Error> {
        match ending {
            Ending::Moved(message) => self.show(finding, Kind::Quarantined, message, deadline).await,
            Ending::NotMoved(message) => self.show_alone(finding, message, deadline).await,
        }
    }

    /// Tells of something that is ours and cannot be read. When the window has no message left it goes back to the
    /// queue, to be told in a later window, and in the end to the dead letters and their alarm.
    pub(crate) async fn tell_unreadable(&self, message: &Message, deadline: SystemTime) -> Result<Outcome, Error> {
        self.patience(deadline)?;
        let window = Window::of((self.clock)(), self.config.digest_minutes);
        if !self.take_slot(&window, None, None).await? {
            return Err(Error::NoMessageLeft);
        }
        self.post(message, deadline).await?;
        Ok(Outcome::UnreadableTold)
    }
}

/// How a quarantine ended, in words for the channel.
enum Ending {
    Moved(Message),
    NotMoved(Message),
}

fn ending(finding: &Finding, manifest: Option<&Manifest>, error_type: Option<&str>, signer: &Signer<'_>) -> Ending {
    match manifest {
        Some(manifest) if manifest.is_quarantined() && manifest.finding_id != finding.id => {
            Ending::Moved(slack::already_quarantined(finding, manifest, signer))
        }
        Some(manifest) if manifest.is_quarantined() => Ending::Moved(slack::remediated(finding, manifest, signer)),
        Some(manifest) if manifest.outcome().is_some() => {
            Ending::NotMoved(slack::not_remediated(finding, manifest, signer))
        }
        _ => Ending::NotMoved(slack::remediation_failed(finding, error_type, signer)),
    }
}
