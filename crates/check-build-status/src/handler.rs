use aws_config::SdkConfig;
use domain::scan::{
    ScanId, Upload,
    conclusion::NotYet,
    decision::{DECISION, Decision},
    report::{REPORT, Report},
};
use jiff::Timestamp;
use platform::{http::LazyClient, records::Records, secret::SecretStore, task};
use serde_json::Value;

use crate::{
    Config, Error,
    request::{About, Request},
    verdict::NoVerdict,
};

/// The function with its clients.
#[derive(Debug)]
pub struct CheckBuildStatus {
    pub(crate) config: Config,
    pub(crate) records: Records,
    pub(crate) sns: aws_sdk_sns::Client,
    pub(crate) sfn: aws_sdk_sfn::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) codebuild: aws_sdk_codebuild::Client,
    pub(crate) secrets: SecretStore,
    pub(crate) http: LazyClient,
}

/// What an invocation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The gate is passed; the execution goes on.
    Passed,
    /// The gate failed; the channel was asked and the execution waits.
    AwaitingDecision,
    /// It was asked and has answered before: the execution goes on.
    Decided,
    /// The pipeline failed; the channel was told and the execution fails.
    PipelineFailed,
    /// The server has not decided yet; the state machine asks again.
    AnalysisPending,
    /// The log of the build may not be complete yet; the state machine asks again.
    LogPending,
    /// The server processed a later analysis of the project before this one; the state machine scans again.
    AnalysisOvertaken,
    /// The version belongs to this scan, which may begin.
    Claimed,
    /// The version belongs to another scan.
    Duplicate,
    /// There is nothing to tell of the execution's end: it came to one of its own, has told why it failed, is redriven, or
    /// scanned nothing.
    NothingToTell,
}

impl CheckBuildStatus {
    /// Makes the clients; nothing is sent.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        Self {
            records: Records::new(aws_sdk_s3::Client::new(aws), &config.evidence_bucket, &config.account_id),
            sns: aws_sdk_sns::Client::new(aws),
            sfn: aws_sdk_sfn::Client::new(aws),
            logs: aws_sdk_cloudwatchlogs::Client::new(aws),
            codebuild: aws_sdk_codebuild::Client::new(aws),
            secrets: SecretStore::new(aws),
            http: LazyClient::default(),
            config,
        }
    }

    /// Handles one request of the state machine, or the news that one of its executions has ended.
    ///
    /// The record comes first and is written once; then the channel; the task last. Whatever step a crash hits, the
    /// next try finds the record and goes on from it, so a verdict never changes.
    ///
    /// # Errors
    /// [`Error`]; the state machine tries again, and so does Lambda with news.
    pub async fn handle(&self, payload: &Value, now: Timestamp) -> Result<Outcome, Error> {
        // In boxes: futures within futures this deep are more than the compiler computes.
        if payload.get("claim").is_some() {
            return Box::pin(self.claim(payload)).await;
        }
        if payload.get("failure").is_some() {
            return Box::pin(self.fail(payload, now)).await;
        }
        if payload.get("detail").is_some() {
            return Box::pin(self.hear_of_end(payload, now)).await;
        }
        let request: Request = serde::Deserialize::deserialize(payload).map_err(Error::RequestUnusable)?;
        let about = &request.about;
        let key = about.scan_id.record_key(REPORT);
        let report = if let Some(report) = self.records.read(&key).await.map_err(Error::Record)? {
            own(about, report)?
        } else {
            match Box::pin(self.judge(&request, now)).await {
                Ok(report) => Box::pin(self.record(about, &key, report)).await?,
                Err(NoVerdict::NotYet(not_yet)) => return self.give_back(&request, not_yet).await,
                Err(NoVerdict::Failed(error)) => return Err(error),
            }
        };
        let outcome = Box::pin(self.tell(&request, &report)).await?;
        tracing::info!(scan.id = %about.scan_id, scan.outcome = ?outcome, "checked the scan");
        Ok(outcome)
    }

    /// Ends the try with an error that the state machine knows.
    async fn give_back(&self, request: &Request, not_yet: NotYet) -> Result<Outcome, Error> {
        let (error, cause) = not_yet.given_back();
        task::fail(&self.sfn, &request.task_token, error, cause).await.map_err(Error::Task)?;
        tracing::info!(scan.id = %request.about.scan_id, scan.attempt = request.attempt, scan.why = error,
            "there is no verdict yet");
        Ok(not_yet.into())
    }

    /// Creates the report, for the version that the execution scans. If another try was faster, its report counts.
    pub(crate) async fn record(&self, about: &About, key: &str, report: Report) -> Result<Report, Error> {
        self.require_own(&about.scan_id, &about.execution_arn, &about.object).await?;
        self.record_known(about, key, report).await
    }

    /// The same for an execution of which somebody knows what it scans.
    pub(crate) async fn record_known(&self, about: &About, key: &str, report: Report) -> Result<Report, Error> {
        if self.records.create(key, &report).await.map_err(Error::Record)? {
            return Ok(report);
        }
        own(about, self.records.read(key).await.map_err(Error::Record)?.unwrap_or(report))
    }

    /// What was decided about a scan of this version.
    pub(crate) async fn decision(&self, scan_id: &ScanId, upload: &Upload) -> Result<Option<Decision>, Error> {
        let decision = self.records.read::<Decision>(&scan_id.record_key(DECISION)).await.map_err(Error::Record)?;
        if decision.as_ref().is_some_and(|decision| !decision.is_about(scan_id, upload)) {
            return Err(Error::RecordForeign { scan_id: scan_id.clone() });
        }
        Ok(decision)
    }
}

/// A report under this scan's id that is another's is refused: what it says would be taken for this version's.
fn own(about: &About, report: Report) -> Result<Report, Error> {
    if about.has(&report) { Ok(report) } else { Err(Error::RecordForeign { scan_id: about.scan_id.clone() }) }
}

#[cfg(test)]
mod tests;
