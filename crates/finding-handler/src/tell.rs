//! What became of remediations: those that nobody clicked for, and those that failed.

use std::time::SystemTime;

use domain::bucket::{self, BucketRecord, record_key};
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
        // Somebody dismissed the finding before the run began, which ended at once: there is nothing to tell. What the
        // request came to before is told.
        let has_ended = manifest.as_ref().is_some_and(|manifest| {
            manifest.finding_id == finding.id && manifest.decision == Decision::Policy && manifest.outcome().is_some()
        });
        if !has_ended && self.claim(finding).await?.is_some_and(|claim| claim.dismisses(finding)) {
            return Ok(Outcome::ToldBefore);
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

    /// Tells how a task of the remediator ended that failed after its retries. Only the message may be missing: then the
    /// record says how the task itself ended.
    pub(crate) async fn tell_failure(
        &self,
        request: &Request,
        error_type: Option<&str>,
        deadline: SystemTime,
    ) -> Result<Outcome, Error> {
        let Request { task, decision } = request;
        let keys = self.button_keys().await?;
        let signer = self.signer(&keys);
        // A new message: the one with the button stays, so that it can be pressed again.
        let failed = |manifest: Option<&Manifest>| slack::task_failed(task, manifest, error_type);
        let message = match task {
            Task::Quarantine { finding } => {
                let ending = ending(finding, self.manifest(finding).await?.as_ref(), error_type, &signer);
                if *decision == Decision::Policy {
                    self.tell_ending(finding, &ending, deadline).await?;
                } else {
                    let (Ending::Moved(message) | Ending::NotMoved(message)) = ending;
                    self.replace_clicked(decision, message, deadline).await?;
                }
                return Ok(Outcome::FailureTold);
            }
            Task::Restore { case_id } => {
                let manifest = self.case(case_id).await?;
                let restoration = manifest.as_ref().and_then(|manifest| manifest.restoration.as_ref());
                match manifest.as_ref().filter(|_| restoration.is_some_and(|one| one.has_ended_for(decision))) {
                    Some(ended) if ended.is_restored() => {
                        self.replace_clicked(decision, slack::restoration(ended, &signer), deadline).await?;
                        return Ok(Outcome::FailureTold);
                    }
                    Some(ended) => slack::restoration(ended, &signer),
                    None => failed(manifest.as_ref()),
                }
            }
            Task::QuarantineVersions { case_id } => {
                let manifest = self.case(case_id).await?;
                let others = manifest.as_ref().and_then(|manifest| manifest.other_versions.as_ref());
                match manifest.as_ref().filter(|_| others.is_some_and(|one| one.has_ended_for(decision))) {
                    Some(ended) => slack::other_versions(ended, &signer),
                    None => failed(manifest.as_ref()),
                }
            }
            Task::BlockPublicAccess { finding } | Task::EncryptByDefault { finding } => {
                let record = self.bucket_record(task, finding).await?;
                match record.filter(|record| record.has_ended_for(decision)) {
                    Some(ended) => slack::bucket_act(&ended, &signer),
                    None => failed(None),
                }
            }
        };
        self.post(&message, deadline).await?;
        Ok(Outcome::FailureTold)
    }

    /// The record of a task that turns on a protection of the finding's bucket.
    async fn bucket_record(&self, task: &Task, finding: &Finding) -> Result<Option<BucketRecord>, Error> {
        let Some((case_id, act)) = bucket::case_id(finding).zip(task.bucket_act()) else {
            return Ok(None);
        };
        self.records.read(&record_key(&case_id, act)).await.map_err(Error::ReadCase)
    }

    /// Puts the message in the place of the one that was clicked, or, where Slack does not take that any more, beside it.
    async fn replace_clicked(&self, decision: &Decision, message: Message, deadline: SystemTime) -> Result<(), Error> {
        if let Some(url) = decision.response_url() {
            let replacing = message.clone().replacing_original();
            match self.slack.post_within(self.patience(deadline)?, &SecretString::from(url), &replacing).await {
                Ok(()) => return Ok(()),
                Err(error) if error.may_heal() => return Err(Error::Tell(error)),
                Err(error) => {
                    tracing::warn!(error = platform::chain(&error), "could not replace the clicked message");
                }
            }
        }
        self.post(&message, deadline).await
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
