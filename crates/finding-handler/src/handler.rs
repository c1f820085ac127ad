use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use domain::bucket;
use domain::digest::Kind;
use domain::finding::Finding;
use domain::policy::{Decision, Reason, decide};
use domain::quarantine::{Claim, Manifest, Restored, Shown, claim_key, manifest_key, restored_key, shown_key};
use domain::remediation::{self, Request, Task};
use domain::slack;
use domain::slack::button::Signer;
use jiff::{SignedDuration, Timestamp};
use platform::invoke;
use platform::metrics::{Metric, Metrics};
use platform::records::Records;
use platform::secret::{Rotating, SecretStore};
use platform::slack::{Pace, Slack};
use secrecy::ExposeSecret as _;

use crate::config::Config;
use crate::error::Error;
use crate::record::{Batch, BatchItemFailure, BatchReport, QueueRecord, Subject, parse};
use crate::show::{Remembered, Way};

/// A case that was shown is shown again by a new finding only after this time. Macie forgets a finding after 90 days,
/// and with it the old message's button stops working.
const SHOWN_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Of the function's time, what is kept to report the batch.
const TIME_TO_REPORT: Duration = Duration::from_secs(1);
/// The queue starts two of this function at most, and Slack takes one message a second from all of them.
pub(crate) const BETWEEN_MESSAGES: Duration = Duration::from_secs(2);

/// The function: configuration and clients.
#[derive(Debug)]
pub struct FindingHandler {
    pub config: Config,
    pub lambda: aws_sdk_lambda::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub records: Records,
    pub secrets: SecretStore,
    pub slack: Slack,
    pub pace: Pace,
    pub metrics: Metrics,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
    /// What this process need not ask S3 again.
    pub remembered: Remembered,
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
    Informed(Way),
    Asked(Way),
    Remediating,
    ResultTold(Way),
    /// Whoever clicked was told by the remediator.
    ToldBefore,
    FailureTold,
    DigestClosed,
    /// The channel was told that something of ours cannot be read.
    UnreadableTold,
}

impl FindingHandler {
    /// Builds the clients. Nothing is fetched yet.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        Self {
            slack: Slack::new(config.slack_endpoint_url.clone()),
            records: Records::new(
                aws_sdk_s3::Client::new(aws),
                &config.policy.quarantine_bucket,
                &config.policy.sources.account_id,
            ),
            lambda: aws_sdk_lambda::Client::new(aws),
            sqs: aws_sdk_sqs::Client::new(aws),
            secrets: SecretStore::new(aws),
            pace: Pace::new(BETWEEN_MESSAGES),
            metrics: Metrics::new(&config.stack_name),
            clock: Timestamp::now,
            remembered: Remembered::default(),
            config,
        }
    }

    /// Handles every record of the batch, one line of log each, and answers which ones go back to the queue. `deadline`
    /// is when Lambda stops this invocation.
    pub async fn handle(&self, batch: Batch, deadline: SystemTime) -> BatchReport {
        let mut report = BatchReport::default();
        for record in batch.records {
            // Boxed, because the compiler gives up on a future as deep as this one is with all its clients.
            let handled = Box::pin(self.handle_record(&record, deadline));
            let left = deadline.duration_since((self.clock)().into()).unwrap_or_default();
            // A batch that Lambda stops is delivered again as a whole: one slow call must not repeat what is done. To
            // stop anywhere is harmless; it is a crash that the next delivery repairs.
            let handled = tokio::time::timeout(left.saturating_sub(TIME_TO_REPORT), handled).await;
            if handled.is_err() {
                tracing::error!(message.id = record.message_id, "no time is left; the record goes back to the queue");
            }
            let done = handled.unwrap_or(false);
            if !done {
                report.batch_item_failures.push(BatchItemFailure { item_identifier: record.message_id });
            }
        }
        let waits = self.slack.take_waits();
        if waits > 0 {
            self.metrics.add(Metric::SlackWaits, waits.into());
        }
        self.metrics.flush((self.clock)());
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
            Subject::EndedRemediation(request) | Subject::FailedRemediation { request, .. } => {
                (request.task.subject_id(), request.task.case_id())
            }
            Subject::CloseDigest(digest) => (digest.as_str(), None),
            Subject::UnreadableFinding(_) | Subject::UnreadableRequest(_) => ("unreadable", None),
        };
        let result = match &subject {
            Subject::Finding(finding) => self.handle_finding(finding, deadline).await,
            Subject::EndedRemediation(request) => self.tell_result(request, deadline).await,
            Subject::FailedRemediation { request, error_type } => {
                self.tell_failure(request, error_type.as_deref(), deadline).await
            }
            Subject::CloseDigest(digest) => self.close_digest(digest, deadline).await.map(|()| Outcome::DigestClosed),
            Subject::UnreadableFinding(what) => self.tell_unreadable(&slack::unreadable_finding(what), deadline).await,
            Subject::UnreadableRequest(what) => self.tell_unreadable(&slack::unreadable_request(what), deadline).await,
        };
        match result {
            Ok(outcome) => {
                self.measure(&subject, &outcome);
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

    fn measure(&self, subject: &Subject, outcome: &Outcome) {
        let metrics = &self.metrics;
        match subject {
            Subject::Finding(_) | Subject::UnreadableFinding(_) => metrics.count(Metric::FindingsHandled),
            Subject::FailedRemediation { .. } | Subject::UnreadableRequest(_) => {
                metrics.count(Metric::RemediationsFailed);
            }
            Subject::EndedRemediation(_) | Subject::CloseDigest(_) => {}
        }
        match outcome {
            Outcome::Ignored(_) | Outcome::Dismissed | Outcome::AlreadyQuarantined | Outcome::AlreadyShown => {
                metrics.count(Metric::FindingsIgnored);
            }
            Outcome::Asked(Way::Message) | Outcome::Informed(Way::Message) => metrics.count(Metric::FindingsShown),
            Outcome::Asked(Way::Digest) | Outcome::Informed(Way::Digest) => metrics.count(Metric::FindingsDigested),
            Outcome::Remediating => metrics.count(Metric::FindingsRemediating),
            _ => {}
        }
    }

    async fn handle_finding(&self, finding: &Finding, deadline: SystemTime) -> Result<Outcome, Error> {
        match decide(finding, &self.config.policy) {
            Decision::Ignore(reason) => Ok(Outcome::Ignored(reason)),
            Decision::ShowBucket => {
                if self.claim(finding).await?.is_some_and(|claim| claim.dismisses(finding)) {
                    return Ok(Outcome::Dismissed);
                }
                let changed_at = finding.changed_at();
                let shown = self.shown(finding).await?;
                if shown.is_some_and(|shown| changed_at.is_none_or(|at| at <= shown.updated_at.unwrap_or(shown.at))) {
                    return Ok(Outcome::AlreadyShown);
                }
                let keys = self.button_keys().await?;
                let policy = &self.config.policy;
                let reach = policy.sources.bucket_reach(finding, &policy.quarantine_bucket);
                let approvals = policy.second_approver.approvals(finding);
                let message = slack::bucket_finding(finding, reach, approvals, &self.signer(&keys));
                let way = self.show(finding, Kind::Notice, &message, deadline).await?;
                self.remember_shown(finding, true).await?;
                Ok(Outcome::Informed(way))
            }
            Decision::Inform(why) => {
                let shown = self.shown(finding).await?;
                if shown.is_some_and(|shown| self.is_fresh(&shown) && shown.covers(finding)) {
                    return Ok(Outcome::AlreadyShown);
                }
                let way = self.show(finding, Kind::Notice, &slack::notice(finding, why), deadline).await?;
                self.remember_shown(finding, true).await?;
                Ok(Outcome::Informed(way))
            }
            Decision::Remediate => {
                if self.claim(finding).await?.is_some_and(|claim| claim.dismisses(finding)) {
                    return Ok(Outcome::Dismissed);
                }
                let manifest = self.manifest(finding).await?;
                if manifest.as_ref().is_some_and(|manifest| manifest.holds(finding)) {
                    return Ok(Outcome::AlreadyQuarantined);
                }
                // A person put exactly this object back: configuration does not overrule that.
                let restored = self.restored(finding, manifest.as_ref()).await?;
                if restored.is_some() || self.is_held(finding, deadline).await? {
                    return self.ask(finding, deadline).await;
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
        let manifest = self.manifest(finding).await?;
        if manifest.as_ref().is_some_and(|manifest| manifest.holds(finding)) {
            return Ok(Outcome::AlreadyQuarantined);
        }
        let claim = self.claim(finding).await?;
        if claim.as_ref().is_some_and(|claim| claim.dismisses(finding)) {
            return Ok(Outcome::Dismissed);
        }
        let restored = self.restored(finding, manifest.as_ref()).await?;
        // One message for all types of findings in an object, unless somebody has dealt with one of them since.
        let dismissed_at = claim.as_ref().and_then(Claim::dismissed_at);
        let dealt_with_at = dismissed_at.max(restored.as_ref().map(|restored| restored.at));
        let was_shown = self.shown(finding).await?.is_some_and(|shown| {
            let is_open = dealt_with_at.is_none_or(|at| shown.at > at);
            let is_same = shown.covers(finding) && (is_open || shown.finding_type == finding.kind);
            // What was shown without a button is asked about once the deployment may touch the bucket.
            is_same && !shown.notice && self.is_fresh(&shown)
        });
        if was_shown {
            return Ok(Outcome::AlreadyShown);
        }
        let keys = self.button_keys().await?;
        let bucket = &self.config.policy.quarantine_bucket;
        let message = slack::review_request(
            finding,
            bucket,
            self.config.policy.second_approver.approvals(finding),
            &self.signer(&keys),
        );
        let message = match restored {
            Some(restored) => message.with_note(&slack::restored_before(&restored)),
            None => message,
        };
        let way = self.show(finding, Kind::Review, &message, deadline).await?;
        self.remember_shown(finding, false).await?;
        Ok(Outcome::Asked(way))
    }

    fn is_fresh(&self, shown: &Shown) -> bool {
        (self.clock)().duration_since(shown.at) < SHOWN_AGAIN_AFTER
    }

    /// When a finding of the case was shown last. What has no case was never shown.
    pub(crate) async fn shown(&self, finding: &Finding) -> Result<Option<Shown>, Error> {
        let Some(case_id) = bucket::case_id(finding) else {
            return Ok(None);
        };
        self.records.read(&shown_key(&case_id)).await.map_err(Error::ReadCase)
    }

    /// `notice` when there was nothing to press for an object.
    pub(crate) async fn remember_shown(&self, finding: &Finding, notice: bool) -> Result<(), Error> {
        let Some(case_id) = bucket::case_id(finding) else {
            return Ok(());
        };
        let shown = Shown {
            finding_id: finding.id.clone(),
            finding_type: finding.kind.clone(),
            severity: finding.severity(),
            updated_at: finding.changed_at(),
            notice,
            at: (self.clock)(),
        };
        self.records.replace(&shown_key(&case_id), &shown).await.map_err(Error::WriteCase)
    }

    /// Who decided about the case, if somebody has.
    pub(crate) async fn claim(&self, finding: &Finding) -> Result<Option<Claim>, Error> {
        let Some(case_id) = bucket::case_id(finding) else {
            return Ok(None);
        };
        self.records.read(&claim_key(&case_id)).await.map_err(Error::ReadCase)
    }

    /// Who put the finding's object back from quarantine, if somebody has: the version that the finding names, or, without
    /// versioning, the upload that it is about, whose case `manifest` is.
    async fn restored(&self, finding: &Finding, manifest: Option<&Manifest>) -> Result<Option<Restored>, Error> {
        if let Some(restored) = manifest.and_then(Manifest::restored) {
            return Ok(Some(restored));
        }
        let Some(case_id) = finding.case_id() else {
            return Ok(None);
        };
        self.records.read(&restored_key(&case_id)).await.map_err(Error::ReadCase)
    }

    pub(crate) async fn manifest(&self, finding: &Finding) -> Result<Option<Manifest>, Error> {
        let Some(case_id) = finding.case_id() else {
            return Ok(None);
        };
        self.case(&case_id).await
    }

    pub(crate) async fn case(&self, case_id: &str) -> Result<Option<Manifest>, Error> {
        self.records.read(&manifest_key(case_id)).await.map_err(Error::ReadCase)
    }

    async fn invoke_remediator(&self, finding: &Finding) -> Result<(), Error> {
        let task = Task::Quarantine { finding: finding.clone() };
        let request = Request { task, decision: remediation::Decision::Policy };
        let function = &self.config.remediator_function_name;
        invoke::start(&self.lambda, function, &request).await.map_err(Error::Invoke)
    }

    pub(crate) async fn button_keys(&self) -> Result<Rotating, Error> {
        self.secrets.get_rotating(&self.config.slack_button_key_secret_arn).await.map_err(Error::ButtonKey)
    }

    pub(crate) fn signer<'a>(&'a self, keys: &'a Rotating) -> Signer<'a> {
        self.config.buttons.signer(keys.newest().expose_secret(), (self.clock)())
    }
}
