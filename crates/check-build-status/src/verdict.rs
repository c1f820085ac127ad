//! From a build to a verdict: what the server says, and the build's log where there is no server's word.

use domain::scan::{
    build::{self, Build, ScanTask},
    diagnosis::{self, Cause, PipelineFailure, Step, Verdict},
    report::Report,
    scanner_log,
};
use jiff::Timestamp;

use crate::{
    CheckBuildStatus, Error, Outcome,
    best_effort::best_effort,
    build_log,
    request::{About, Request},
    sonarqube::{Server, ServerVerdict},
};

/// The state machine tries every 10 s; an analysis, or a server that is down, is not waited for any longer than this many
/// tries.
pub(crate) const LAST_ATTEMPT: u32 = 36;
/// CodeBuild tells that a build has ended before the last lines of its log have arrived: so many tries wait for them, if
/// they are what the cause is read from.
pub(crate) const LOG_ARRIVED: u32 = 2;
/// Lines of the log in a notification.
const EXCERPT_LINES: usize = 8;

/// Why this try has no verdict.
#[derive(Debug)]
pub(crate) enum NoVerdict {
    /// There will be one on another try.
    NotYet(NotYet),
    /// The try failed.
    Failed(Error),
}

impl From<NotYet> for NoVerdict {
    fn from(not_yet: NotYet) -> Self {
        Self::NotYet(not_yet)
    }
}

impl From<Error> for NoVerdict {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Why there is no verdict on this try, and nothing to tell anybody of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NotYet {
    Pending,
    LogPending,
    Overtaken,
}

impl NotYet {
    /// The error that the state machine knows, its cause, and what the invocation came to.
    pub(crate) fn given_back(self) -> (&'static str, &'static str, Outcome) {
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
    /// The verdict as a report, or why there is none.
    pub(crate) async fn judge(&self, request: &Request, now: Timestamp) -> Result<Report, NoVerdict> {
        let mut task = build::read(request.build.as_ref(), request.error.as_ref());
        let mut step = diagnosis::first_look(&task);
        if let Step::AskCodeBuild { build_arn } = &step {
            task = ScanTask::Finished(self.ask_codebuild(build_arn).await?);
            step = diagnosis::first_look(&task);
        }
        let build = if let ScanTask::Finished(build) = task { build } else { Build::default() };
        let (verdict, lines) = self.conclude(request, &build, step).await?;
        let lines = match lines {
            None if verdict.lacks_log() => {
                best_effort("read the log of the build", build_log::read(&self.logs, &build)).await
            }
            lines => lines,
        };
        let verdict = verdict.with_log(|| scanner_log::excerpt(&lines.unwrap_or_default(), EXCERPT_LINES));
        let recovered =
            verdict == Verdict::Passed && self.failed_before(&request.about.project_key, request.moment()).await;
        Ok(request.about.report(&build, verdict, recovered, now))
    }

    /// The verdict, and the lines of the build's log if it was read for that.
    async fn conclude(
        &self,
        request: &Request,
        build: &Build,
        step: Step,
    ) -> Result<(Verdict, Option<Vec<String>>), NoVerdict> {
        match step {
            Step::Conclude(cause) => Ok((failed(cause), None)),
            Step::AskServer { task_id } => Ok((self.ask_server(request, build, &task_id).await?, None)),
            Step::ReadLog | Step::AskCodeBuild { .. } => {
                let lines = build_log::read(&self.logs, build).await?;
                let verdict = match diagnosis::task_in_log(build, &lines) {
                    Some(task_id) => self.ask_server(request, build, task_id).await?,
                    None => failed(diagnosis::from_log(build, &lines)),
                };
                if request.attempt < LOG_ARRIVED && build.log_stream.is_some() && verdict.may_be_late_log(&lines) {
                    return Err(NotYet::LogPending.into());
                }
                Ok((verdict, Some(lines)))
            }
        }
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
    async fn ask_server(&self, request: &Request, build: &Build, task_id: &str) -> Result<Verdict, NoVerdict> {
        let token = self.secrets.get_key(&self.config.sonar_reader_secret_arn, "token").await.map_err(Error::Token)?;
        let server = Server { http: &self.http, url: &self.config.sonar_host_url, token: &token };
        let About { project_key, scan_id, .. } = &request.about;
        let verdict = match server.verdict(task_id, project_key, scan_id, request.started_at).await {
            Ok(ServerVerdict::Pending) if request.attempt < LAST_ATTEMPT => return Err(NotYet::Pending.into()),
            Ok(ServerVerdict::Overtaken) => return Err(NotYet::Overtaken.into()),
            Err(error) if error.may_heal() && request.attempt < LAST_ATTEMPT => {
                tracing::warn!(error = platform::chain(&error), "the server did not answer");
                return Err(NotYet::Pending.into());
            }
            Ok(ServerVerdict::Pending) => failed(Cause::GateTimedOut),
            Ok(ServerVerdict::Passed) if diagnosis::lets_pass(build) => Verdict::Passed,
            Ok(ServerVerdict::Passed) => failed(diagnosis::failed_after_gate(build)),
            Ok(ServerVerdict::GateFailed(failure)) => Verdict::QualityGateFailed(failure),
            Ok(ServerVerdict::AnalysisFailed(message)) => failed(Cause::AnalysisFailed { message }),
            Ok(ServerVerdict::Unknown(message)) => failed(Cause::VerdictUnknown { message }),
            Err(error) => failed(Cause::VerdictUnknown { message: platform::chain(&error) }),
        };
        Ok(verdict)
    }
}

fn failed(cause: Cause) -> Verdict {
    Verdict::PipelineFailed(PipelineFailure { cause, log: Vec::new() })
}
