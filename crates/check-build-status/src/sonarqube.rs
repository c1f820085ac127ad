//! Asks the SonarQube server, and nobody else, what became of an analysis.

use std::time::Duration;

use domain::scan::{
    ScanId,
    diagnosis::GateFailure,
    sonarqube::{ComponentAnswer, GateAnswer, HotspotsAnswer, IssuesAnswer, TaskAnswer, TaskState, task_state},
};
use jiff::Timestamp;
use platform::http::{Answer, Bytes, HttpError, LazyClient, Limits, Request, StatusCode, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

/// Several questions must fit into one invocation. The size is far above any answer that we ask for, and far below the
/// function's memory.
const LIMITS: Limits = Limits { time: Duration::from_secs(8), size: 8 * 1_048_576 };
/// How many issues the messages show.
const SHOWN_ISSUES: usize = 5;

/// What the server says about one analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerVerdict {
    /// Still being processed.
    Pending,
    Passed,
    GateFailed(GateFailure),
    /// The server gave up on the analysis.
    AnalysisFailed(String),
    /// The server refused the analysis, because a later one of the project was processed before.
    Overtaken,
    /// The analysis is not ours, or the gate says neither yes nor no.
    Unknown(String),
}

/// Why the server gave no verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("the SonarQube server did not answer")]
    Unreachable(#[source] HttpError),
    #[error("the SonarQube server's address or token cannot be sent")]
    Unsendable(#[source] platform::http::InvalidRequest),
    #[error("the SonarQube server does not know the reader's token (401)")]
    TokenRefused,
    #[error("the reader's user may not see this analysis (403): give it Browse and Execute Analysis on the project")]
    Forbidden,
    #[error("the SonarQube server answered {status}: {message}")]
    Status { status: StatusCode, message: String },
    #[error("the SonarQube server's answer is too large")]
    TooLarge,
    #[error("the SonarQube server's answer is unreadable")]
    Unreadable(#[source] serde_json::Error),
}

impl ServerError {
    /// Whether the same question may be answered later.
    pub(crate) fn may_heal(&self) -> bool {
        match self {
            Self::Unreachable(error) => error.may_heal(),
            Self::Status { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Unsendable(_) | Self::TokenRefused | Self::Forbidden | Self::TooLarge | Self::Unreadable(_) => false,
        }
    }
}

/// The server of this deployment, read with its own token.
pub(crate) struct Server<'a> {
    pub http: &'a LazyClient,
    pub url: &'a Url,
    pub token: &'a SecretString,
}

impl Server<'_> {
    /// The verdict on our analysis: the task must be of this project and this scan, and newer than the scan's start.
    pub(crate) async fn verdict(
        &self,
        task_id: &str,
        project_key: &str,
        scan_id: &ScanId,
        scan_started: Timestamp,
    ) -> Result<ServerVerdict, ServerError> {
        let query = [("id", task_id), ("additionalFields", "scannerContext")];
        let task: TaskAnswer = self.ask("api/ce/task", &query).await?;
        let analysis_id = match task_state(&task.task, project_key, scan_id, scan_started) {
            TaskState::Pending => return Ok(ServerVerdict::Pending),
            TaskState::Overtaken => return Ok(ServerVerdict::Overtaken),
            TaskState::Failed { why } => return Ok(ServerVerdict::AnalysisFailed(why)),
            TaskState::Foreign { why } => return Ok(ServerVerdict::Unknown(why)),
            TaskState::Analysed { analysis_id } => analysis_id,
        };
        let gate: GateAnswer = self.ask("api/qualitygates/project_status", &[("analysisId", &analysis_id)]).await?;
        let gate = gate.project_status;
        match gate.status.as_str() {
            "OK" => Ok(ServerVerdict::Passed),
            "ERROR" => {
                let mut failure = GateFailure { conditions: gate.failed_conditions(), ..GateFailure::default() };
                // The verdict stands without the details.
                if let Err(error) = self.add_details(&mut failure, project_key, &analysis_id).await {
                    tracing::warn!(error = platform::chain(&error), "the issues could not be read");
                }
                Ok(ServerVerdict::GateFailed(failure))
            }
            status => Ok(ServerVerdict::Unknown(format!("the quality gate has the status `{status}`"))),
        }
    }

    /// Issues and hotspots. The server has them for the latest analysis only: if that is a later one, nothing is added.
    async fn add_details(
        &self,
        failure: &mut GateFailure,
        project_key: &str,
        analysis_id: &str,
    ) -> Result<(), ServerError> {
        let issues = [
            ("components", project_key),
            ("issueStatuses", "OPEN,CONFIRMED"),
            ("facets", "impactSeverities"),
            ("s", "SEVERITY"),
            ("asc", "false"),
            ("ps", "500"),
        ];
        let issues: IssuesAnswer = self.ask("api/issues/search", &issues).await?;
        let hotspots = [("project", project_key), ("status", "TO_REVIEW"), ("ps", "500")];
        let hotspots = self.ask::<HotspotsAnswer>("api/hotspots/search", &hotspots).await;
        // Asked last: what was read before is of this analysis if it still is the latest.
        let component: ComponentAnswer = self.ask("api/ce/component", &[("component", project_key)]).await?;
        if !component.shows(analysis_id) {
            failure.superseded = true;
            return Ok(());
        }
        failure.counts = issues.counts();
        failure.worst = issues.worst(SHOWN_ISSUES);
        failure.hotspots = Some(hotspots?.count());
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, ServerError> {
        // The server may live under a path, so `Url::join`, which replaces it, will not do.
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url.query_pairs_mut().extend_pairs(query);
        let token = format!("Bearer {}", self.token.expose_secret());
        let request = Request::get(url.as_str()).header(AUTHORIZATION, token).body(Bytes::new());
        let answer = self.http.send(request.map_err(ServerError::Unsendable)?, LIMITS).await;
        let Answer { status, body, .. } = answer.map_err(|error| match error {
            HttpError::TooLarge(_) => ServerError::TooLarge,
            error => ServerError::Unreachable(error),
        })?;
        match status {
            StatusCode::UNAUTHORIZED => return Err(ServerError::TokenRefused),
            StatusCode::FORBIDDEN => return Err(ServerError::Forbidden),
            _ => {}
        }
        if !status.is_success() {
            return Err(ServerError::Status { status, message: error_message(&body) });
        }
        serde_json::from_slice(&body).map_err(ServerError::Unreadable)
    }
}

/// `{"errors":[{"msg":"…"}]}`
fn error_message(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = value.pointer("/errors/0/msg").and_then(serde_json::Value::as_str).unwrap_or("no reason given");
    domain::text::cut(message, 200)
}
