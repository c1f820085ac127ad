use aws_config::SdkConfig;
use domain::scan::{
    build::{self, Build, ScanTask},
    decision::{DECISION, Decision},
    diagnosis::{self, Cause, PipelineFailure, Step, Verdict},
    links::Links,
    notification::{self, Notification},
    report::{NOTIFIED, REPORT, Report, TASK, WaitingTask},
    scanner_log,
};
use jiff::Timestamp;
use platform::{http::LazyClient, records::Records, secret::SecretStore, task};
use serde_json::{Value, json};

use crate::{
    Config, Error,
    best_effort::best_effort,
    build_log,
    request::{About, Request},
    sonarqube::{Server, ServerVerdict},
};

/// The state machine tries every 10 s; an analysis, or a server that is down, is not waited for any longer than this many
/// tries.
const LAST_ATTEMPT: u32 = 36;
/// CodeBuild tells that a build has ended before the last lines of its log have arrived: so many tries wait for them, if
/// they are what the cause is read from.
const LOG_ARRIVED: u32 = 2;
/// Lines of the log in a notification.
const EXCERPT_LINES: usize = 8;

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
}

/// Why there is no verdict on this try, and nothing to tell anybody of.
#[derive(Debug, Clone, Copy)]
enum NotYet {
    Pending,
    LogPending,
    Overtaken,
}

impl NotYet {
    /// The error that the state machine knows, its cause, and what the invocation came to.
    fn given_back(self) -> (&'static str, &'static str, Outcome) {
        match self {
            Self::Pending => ("AnalysisPending", "the SonarQube server has not decided yet", Outcome::AnalysisPending),
            Self::LogPending => ("LogPending", "the log of the build has not arrived yet", Outcome::LogPending),
            Self::Overtaken => (
                "AnalysisOvertaken",
                "the SonarQube server has processed a later analysis of this project already",
                Outcome::AnalysisOvertaken,
            ),
        }
    }
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

    /// Handles one request of the state machine.
    ///
    /// The record comes first and is written once; then the channel; the task last. Whatever step a crash hits, the
    /// next try finds the record and goes on from it, so a verdict never changes.
    ///
    /// # Errors
    /// [`Error`]; the state machine tries again.
    pub async fn handle(&self, payload: &Value, now: Timestamp) -> Result<Outcome, Error> {
        if payload.get("claim").is_some() {
            return self.claim(payload).await;
        }
        if payload.get("failure").is_some() {
            return self.fail(payload, now).await;
        }
        let request: Request = serde::Deserialize::deserialize(payload).map_err(Error::RequestUnusable)?;
        let about = &request.about;
        let key = about.scan_id.record_key(REPORT);
        let report = if let Some(report) = self.records.read(&key).await.map_err(Error::Record)? {
            own(about, report)?
        } else {
            match self.judge(&request, now).await? {
                Ok(report) => self.record(about, &key, report).await?,
                Err(not_yet) => {
                    let (error, cause, outcome) = not_yet.given_back();
                    task::fail(&self.sfn, &request.task_token, error, cause).await.map_err(Error::Task)?;
                    tracing::info!(scan.id = %about.scan_id, scan.attempt = request.attempt, scan.why = error,
                        "there is no verdict yet");
                    return Ok(outcome);
                }
            }
        };
        let outcome = self.tell(&request, &report).await?;
        tracing::info!(scan.id = %about.scan_id, scan.outcome = ?outcome, "checked the scan");
        Ok(outcome)
    }

    /// Creates the report, for the version that the execution scans. If another try was faster, its report counts.
    pub(crate) async fn record(&self, about: &About, key: &str, report: Report) -> Result<Report, Error> {
        self.require_own(&about.scan_id, &about.execution_arn, &about.object).await?;
        if self.records.create(key, &report).await.map_err(Error::Record)? {
            return Ok(report);
        }
        own(about, self.records.read(key).await.map_err(Error::Record)?.unwrap_or(report))
    }

    /// The verdict as a report, or why there is none yet.
    async fn judge(&self, request: &Request, now: Timestamp) -> Result<Result<Report, NotYet>, Error> {
        let mut task = build::read(request.build.as_ref(), request.error.as_ref());
        let mut step = diagnosis::first_look(&task);
        if let Step::AskCodeBuild { build_arn } = &step {
            task = ScanTask::Finished(self.ask_codebuild(build_arn).await?);
            step = diagnosis::first_look(&task);
        }
        let build = if let ScanTask::Finished(build) = task { build } else { Build::default() };
        let verdict = match step {
            Step::Conclude(cause) => failed(cause),
            Step::AskServer { task_id } => match self.ask_server(request, &build, &task_id).await? {
                Ok(verdict) => verdict,
                Err(not_yet) => return Ok(Err(not_yet)),
            },
            Step::ReadLog | Step::AskCodeBuild { .. } => {
                let lines = build_log::read(&self.logs, &build).await?;
                let verdict = if let Some(task_id) = diagnosis::task_in_log(&build, &lines) {
                    match self.ask_server(request, &build, task_id).await? {
                        Ok(verdict) => verdict,
                        Err(not_yet) => return Ok(Err(not_yet)),
                    }
                } else {
                    let cause = diagnosis::from_log(&build, &lines);
                    failed(cause)
                };
                if request.attempt < LOG_ARRIVED && build.log_stream.is_some() && verdict.may_be_late_log(&lines) {
                    return Ok(Err(NotYet::LogPending));
                }
                verdict.with_log(|| scanner_log::excerpt(&lines, EXCERPT_LINES))
            }
        };
        let recovered =
            verdict == Verdict::Passed && self.failed_before(&request.about.project_key, request.moment()).await;
        let verdict = self.with_log(verdict, &build).await;
        Ok(Ok(request.about.report(&build, verdict, recovered, now)))
    }

    /// The verdict with the end of the build's log, where that helps to understand it and can be had.
    async fn with_log(&self, verdict: Verdict, build: &Build) -> Verdict {
        if !verdict.lacks_log() || build.log_stream.is_none() {
            return verdict;
        }
        let lines = best_effort("read the log of the build", Box::pin(build_log::read(&self.logs, build))).await;
        verdict.with_log(|| scanner_log::excerpt(&lines.unwrap_or_default(), EXCERPT_LINES))
    }

    async fn ask_codebuild(&self, build_arn: &str) -> Result<Build, Error> {
        let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| Error::BuildUnreadable {
            build_arn: build_arn.to_owned(),
            source,
        };
        let answer = self.codebuild.batch_get_builds().ids(build_arn).send().await;
        let answer = answer.map_err(|error| unreadable(Box::new(error)))?;
        let build = answer.builds().first().ok_or_else(|| unreadable("no such build".into()))?;
        Ok(crate::request::from_codebuild(build))
    }

    /// The server's verdict, or why there is none yet.
    async fn ask_server(
        &self,
        request: &Request,
        build: &Build,
        task_id: &str,
    ) -> Result<Result<Verdict, NotYet>, Error> {
        let token = self.secrets.get_key(&self.config.sonar_reader_secret_arn, "token").await.map_err(Error::Token)?;
        let server = Server { http: &self.http, url: &self.config.sonar_host_url, token: &token };
        let About { project_key, scan_id, .. } = &request.about;
        let verdict = match server.verdict(task_id, project_key, scan_id, request.started_at).await {
            Ok(ServerVerdict::Pending) if request.attempt < LAST_ATTEMPT => return Ok(Err(NotYet::Pending)),
            Ok(ServerVerdict::Overtaken) => return Ok(Err(NotYet::Overtaken)),
            Err(error) if error.may_heal() && request.attempt < LAST_ATTEMPT => {
                tracing::warn!(error = platform::chain(&error), "the server did not answer");
                return Ok(Err(NotYet::Pending));
            }
            Ok(ServerVerdict::Pending) => failed(Cause::GateTimedOut),
            Ok(ServerVerdict::Passed) if diagnosis::lets_pass(build) => Verdict::Passed,
            Ok(ServerVerdict::Passed) => failed(diagnosis::failed_after_gate(build)),
            Ok(ServerVerdict::GateFailed(failure)) => Verdict::QualityGateFailed(failure),
            Ok(ServerVerdict::AnalysisFailed(message)) => failed(Cause::AnalysisFailed { message }),
            Ok(ServerVerdict::Unknown(message)) => failed(Cause::VerdictUnknown { message }),
            Err(error) => failed(Cause::VerdictUnknown { message: platform::chain(&error) }),
        };
        Ok(Ok(verdict))
    }

    async fn tell(&self, request: &Request, report: &Report) -> Result<Outcome, Error> {
        let links = self.links(report);
        best_effort("keep the verdict on the project", Box::pin(self.keep_last_verdict(report, request.moment())))
            .await;
        match &report.verdict {
            Verdict::Passed => {
                let wanted = self.config.notify_passed.wants(report.unjudged.as_ref());
                if wanted || (report.recovered && self.config.notify_recovered) {
                    // Before the task is completed, because a crash after that is followed by no other try.
                    let notification = notification::passed(report, &links);
                    best_effort(
                        "tell that the gate is passed",
                        Box::pin(self.notify_once(report, &notification, NOTIFIED)),
                    )
                    .await;
                }
                task::succeed(&self.sfn, &request.task_token, &json!({"outcome": "PASSED"}))
                    .await
                    .map_err(Error::Task)?;
                Ok(Outcome::Passed)
            }
            Verdict::QualityGateFailed(failure) => {
                // The token first: a button that is there must find it.
                let waiting =
                    WaitingTask { task_token: request.task_token.clone(), expiry_key: request.expiry_key.clone() };
                self.records.replace(&report.scan_id.record_key(TASK), &waiting).await.map_err(Error::Record)?;
                if let Some(decision) = self.decision(report).await? {
                    // Somebody pressed between two tries, and found the token of the earlier one.
                    let output = json!({"outcome": decision.outcome});
                    task::succeed(&self.sfn, &request.task_token, &output).await.map_err(Error::Task)?;
                    return Ok(Outcome::Decided);
                }
                self.notify_once(report, &notification::quality_gate_failed(report, failure, &links), NOTIFIED).await?;
                Ok(Outcome::AwaitingDecision)
            }
            Verdict::PipelineFailed(failure) => {
                self.notify_once(report, &notification::pipeline_failed(report, failure, &links), NOTIFIED).await?;
                let cause = failure.cause.headline();
                task::fail(&self.sfn, &request.task_token, "PipelineFailed", cause).await.map_err(Error::Task)?;
                Ok(Outcome::PipelineFailed)
            }
        }
    }

    pub(crate) async fn decision(&self, report: &Report) -> Result<Option<Decision>, Error> {
        self.records.read(&report.scan_id.record_key(DECISION)).await.map_err(Error::Record)
    }

    pub(crate) fn links(&self, report: &Report) -> Links {
        Links::of(report, self.config.sonar_host_url.as_str(), self.config.triage_guide_url.as_deref())
    }

    /// Publishes, unless an earlier try did and left the mark. A crash between publishing and the mark shows the message
    /// twice, which is harmless: both carry the same scan id.
    pub(crate) async fn notify_once(
        &self,
        report: &Report,
        notification: &Notification,
        mark: &str,
    ) -> Result<(), Error> {
        let mark = report.scan_id.record_key(mark);
        if self.records.read::<Value>(&mark).await.map_err(Error::Record)?.is_some() {
            return Ok(());
        }
        let message = serde_json::to_string(notification).map_err(|error| Error::Notification(Box::new(error)))?;
        let publish = self.sns.publish().topic_arn(&self.config.notification_topic_arn);
        let publish = publish.subject(notification.subject()).message(message).send().await;
        let message_id = publish.map_err(|error| Error::Notification(Box::new(error)))?.message_id;
        self.records.create(&mark, &json!({"messageId": message_id})).await.map_err(Error::Record)?;
        Ok(())
    }
}

/// A report under this scan's id that is another's is refused: what it says would be taken for this version's.
fn own(about: &About, report: Report) -> Result<Report, Error> {
    if about.has(&report) { Ok(report) } else { Err(Error::RecordForeign { scan_id: about.scan_id.clone() }) }
}

fn failed(cause: Cause) -> Verdict {
    Verdict::PipelineFailed(PipelineFailure { cause, log: Vec::new() })
}

#[cfg(test)]
mod tests;
