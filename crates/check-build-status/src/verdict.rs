//! From a build to a verdict: what the server says, and the build's log where there is no server's word.

use domain::scan::{
    build::{self, Build, ScanTask},
    conclusion::{NotYet, ServerVerdict, conclude, conclude_from_log},
    diagnosis::{self, Cause, Step, Verdict},
    report::Report,
    scanner_log,
};
use jiff::Timestamp;

use crate::{
    CheckBuildStatus, Error, Outcome,
    best_effort::best_effort,
    build_log,
    request::{About, Request},
    sonarqube::Server,
};

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

/// What the invocation came to.
impl From<NotYet> for Outcome {
    fn from(not_yet: NotYet) -> Self {
        match not_yet {
            NotYet::Pending => Self::AnalysisPending,
            NotYet::LogPending => Self::LogPending,
            NotYet::Overtaken => Self::AnalysisOvertaken,
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
                Ok((conclude_from_log(verdict, build, &lines, request.attempt)?, Some(lines)))
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
        let answer = server.verdict(task_id, project_key, scan_id, request.started_at).await.unwrap_or_else(|error| {
            tracing::warn!(error = platform::chain(&error), "the server did not answer");
            ServerVerdict::Silent { why: platform::chain(&error), may_heal: error.may_heal() }
        });
        Ok(conclude(answer, build, request.attempt)?)
    }
}

fn failed(cause: Cause) -> Verdict {
    Verdict::PipelineFailed(cause.into())
}
