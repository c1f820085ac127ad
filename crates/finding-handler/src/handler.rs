use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use domain::finding::Finding;
use domain::policy::{Decision, Reason, decide};
use domain::quarantine::{Claim, Manifest, Shown, claim_key, manifest_key, shown_key};
use domain::remediation::{self, Request, Task};
use domain::slack::button::{Place, Signer};
use domain::slack::{self, Approvals, Message};
use jiff::{SignedDuration, Timestamp};
use platform::records::Records;
use platform::secret::{Rotating, SecretStore};
use platform::slack::Slack;
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::Config;
use crate::error::Error;
use crate::record::{Batch, BatchItemFailure, BatchReport, QueueRecord, Subject, parse};

/// A case that was shown is shown again by a new finding only after this time. Macie forgets a finding after 90 days,
/// and with it the old message's button stops working.
const SHOWN_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What is left of the function's time when waiting for Slack ends: enough to report the batch.
const RESERVE: Duration = Duration::from_secs(3);

/// The function: configuration and clients.
#[derive(Debug)]
pub struct FindingHandler {
    pub config: Config,
    pub lambda: aws_sdk_lambda::Client,
    pub records: Records,
    pub secrets: SecretStore,
    pub slack: Slack,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ignored(Reason),
    /// Somebody decided that nothing is to be done about it.
    Dismissed,
    /// The object is in quarantine already.
    AlreadyQuarantined,
    /// An earlier finding about the same object version was shown.
    AlreadyShown,
    Informed,
    Asked,
    Remediating,
    FailureTold,
}

impl FindingHandler {
    /// Builds the clients. Nothing is fetched yet.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        Self {
            slack: Slack::new(config.slack_endpoint_url.clone()),
            records: Records::new(aws_sdk_s3::Client::new(aws), &config.policy.quarantine_bucket),
            config,
            lambda: aws_sdk_lambda::Client::new(aws),
            secrets: SecretStore::new(aws),
            clock: Timestamp::now,
        }
    }

    /// Handles every record of the batch, one line of log each, and answers which ones go back to the queue. `deadline`
    /// is when Lambda stops this invocation.
    pub async fn handle(&self, batch: Batch, deadline: SystemTime) -> BatchReport {
        let mut report = BatchReport::default();
        for record in batch.records {
            // Boxed, because the compiler gives up on a future as deep as this one is with all its clients.
            if !Box::pin(self.handle_record(&record, deadline)).await {
                report.batch_item_failures.push(BatchItemFailure { item_identifier: record.message_id });
            }
        }
        report
    }

    /// Whether the record is done with. Object keys may be personal data, so the log has ids only.
    async fn handle_record(&self, record: &QueueRecord, deadline: SystemTime) -> bool {
        let message_id = &record.message_id;
        let subject = match parse(&record.body) {
            Ok(subject) => subject,
            Err(why) => {
                tracing::warn!(message.id = message_id, error = platform::chain(&why), "dropped an unusable record");
                return true;
            }
        };
        let (subject_id, case_id) = match &subject {
            Subject::Finding(finding) => (finding.id.as_str(), finding.case_id()),
            Subject::FailedRemediation { request, .. } => (request.task.subject_id(), request.task.case_id()),
        };
        let result = match &subject {
            Subject::Finding(finding) => self.handle_finding(finding, deadline).await,
            Subject::FailedRemediation { request, error_type } => {
                self.tell_failure(request, error_type.as_deref(), deadline).await
            }
        };
        match result {
            Ok(outcome) => {
                tracing::info!(
                    message.id = message_id,
                    subject.id = subject_id,
                    case.id = case_id,
                    ?outcome,
                    "handled"
                );
                true
            }
            Err(error) => {
                tracing::error!(
                    message.id = message_id,
                    subject.id = subject_id,
                    case.id = case_id,
                    error_type = error.error_type(),
                    error = platform::chain(&error),
                    "could not handle a record; it goes back to the queue"
                );
                false
            }
        }
    }

    async fn handle_finding(&self, finding: &Finding, deadline: SystemTime) -> Result<Outcome, Error> {
        match decide(finding, &self.config.policy) {
            Decision::Ignore(reason) => Ok(Outcome::Ignored(reason)),
            Decision::Inform(why) => {
                self.post(&slack::notice(finding, why), deadline).await?;
                Ok(Outcome::Informed)
            }
            Decision::Remediate => {
                if self.claim(finding).await?.is_some_and(|claim| claim.dismisses(finding)) {
                    return Ok(Outcome::Dismissed);
                }
                if self.is_quarantined(finding).await? {
                    return Ok(Outcome::AlreadyQuarantined);
                }
                self.invoke_remediator(finding).await?;
                Ok(Outcome::Remediating)
            }
            Decision::Review => self.ask(finding, deadline).await,
        }
    }

    /// Shows the finding with its button, unless the same object version was shown before. The note that it was shown
    /// is written last: a crash in between shows it twice rather than never.
    async fn ask(&self, finding: &Finding, deadline: SystemTime) -> Result<Outcome, Error> {
        if self.is_quarantined(finding).await? {
            return Ok(Outcome::AlreadyQuarantined);
        }
        let claim = self.claim(finding).await?;
        if claim.as_ref().is_some_and(|claim| claim.dismisses(finding)) {
            return Ok(Outcome::Dismissed);
        }
        let policy = &self.config.policy;
        let key = shown_key(&finding.case_id().unwrap_or_default());
        let now = (self.clock)();
        let shown: Option<Shown> = self.records.read(&key).await.map_err(Error::ReadCase)?;
        let was_shown = shown.is_some_and(|shown| {
            // One message for all types of findings in an object, unless somebody dismissed one of them.
            let is_same = claim.is_none_or(|claim| claim.dismissed.is_none()) || shown.finding_type == finding.kind;
            is_same && now.duration_since(shown.at) < SHOWN_AGAIN_AFTER
        });
        if was_shown {
            return Ok(Outcome::AlreadyShown);
        }
        let approvals = if policy.second_approver.is_needed(finding) { Approvals::Two } else { Approvals::One };
        let keys = self.button_keys().await?;
        let message = slack::review_request(finding, &policy.quarantine_bucket, approvals, &self.signer(&keys));
        self.post(&message, deadline).await?;
        let shown = Shown { finding_id: finding.id.clone(), finding_type: finding.kind.clone(), at: now };
        self.records.replace(&key, &shown).await.map_err(Error::WriteCase)?;
        Ok(Outcome::Asked)
    }

    /// Whether the case has ended well. A finding that is newer than that end says that the object is back.
    async fn is_quarantined(&self, finding: &Finding) -> Result<bool, Error> {
        let manifest = self.manifest(finding).await?;
        Ok(manifest.is_some_and(|manifest| {
            let is_newer = finding.created_at.zip(manifest.ended_at()).is_some_and(|(created, end)| created > end);
            manifest.is_quarantined() && !is_newer
        }))
    }

    /// Who decided about the case, if somebody has.
    async fn claim(&self, finding: &Finding) -> Result<Option<Claim>, Error> {
        let Some(case_id) = finding.case_id() else {
            return Ok(None);
        };
        self.records.read(&claim_key(&case_id)).await.map_err(Error::ReadCase)
    }

    async fn manifest(&self, finding: &Finding) -> Result<Option<Manifest>, Error> {
        let Some(case_id) = finding.case_id() else {
            return Ok(None);
        };
        self.case(&case_id).await
    }

    async fn case(&self, case_id: &str) -> Result<Option<Manifest>, Error> {
        self.records.read(&manifest_key(case_id)).await.map_err(Error::ReadCase)
    }

    async fn invoke_remediator(&self, finding: &Finding) -> Result<(), Error> {
        let task = Task::Quarantine { finding: finding.clone() };
        let request = Request { task, decision: remediation::Decision::Policy };
        let function = &self.config.remediator_function_name;
        let answer = self
            .lambda
            .invoke()
            .function_name(function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(serde_json::to_vec(&request).map_err(Error::Request)?))
            .send()
            .await;
        answer.map(|_| ()).map_err(|error| Error::Invoke { function: function.clone(), source: error.into() })
    }

    /// Tells how a task of the remediator ended that failed after its retries.
    async fn tell_failure(
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
        let message = match self.manifest(finding).await? {
            Some(manifest) if manifest.is_quarantined() => slack::remediated(finding, &manifest),
            Some(manifest) if manifest.outcome().is_some() => {
                slack::not_remediated(finding, &manifest, &self.signer(&keys))
            }
            _ => slack::remediation_failed(finding, error_type, &self.signer(&keys)),
        };
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

    async fn button_keys(&self) -> Result<Rotating, Error> {
        self.secrets.get_rotating(&self.config.slack_button_key_secret_arn).await.map_err(Error::ButtonKey)
    }

    fn signer<'a>(&'a self, keys: &'a Rotating) -> Signer<'a> {
        let place = Place { team_id: &self.config.slack_team_id, channel_id: &self.config.slack_channel_id };
        Signer::new(keys.newest().expose_secret(), place, (self.clock)())
    }

    async fn post(&self, message: &Message, deadline: SystemTime) -> Result<(), Error> {
        let webhook = self.secrets.get(&self.config.slack_webhook_secret_arn).await.map_err(Error::WebhookSecret)?;
        self.slack.post_within(self.patience(deadline)?, &webhook, message).await.map_err(Error::Tell)
    }

    /// How long Slack may keep us waiting. With no time left the record goes back to the queue.
    fn patience(&self, deadline: SystemTime) -> Result<Duration, Error> {
        let left = deadline.duration_since((self.clock)().into()).unwrap_or_default();
        left.checked_sub(RESERVE).ok_or(Error::NoTimeLeft)
    }
}
