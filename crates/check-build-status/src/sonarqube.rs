//! Asks the SonarQube server, and nobody else, what became of an analysis.

use std::time::Duration;

use domain::scan::{
    ScanId,
    conclusion::ServerVerdict,
    diagnosis::GateFailure,
    sonarqube::{
        ComponentAnswer, GateAnswer, GateState, HotspotsAnswer, IssuesAnswer, TaskAnswer, TaskState, task_state, worst,
    },
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
/// Of issues. The server sorts by another severity than we show, so more than are shown; few enough that their flows,
/// which the code determines, rarely exceed the limit above.
const PAGE: &str = "50";

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
        Ok(match gate.state() {
            GateState::Passed => ServerVerdict::Passed,
            GateState::Failed => {
                let mut failure = GateFailure { conditions: gate.failed_conditions(), ..GateFailure::default() };
                self.add_details(&mut failure, project_key, &analysis_id).await;
                ServerVerdict::GateFailed(failure)
            }
            GateState::Undecided { why } => ServerVerdict::Unknown(why),
        })
    }

    /// Issues and hotspots. The server has them for the latest analysis only: if that is a later one, nothing is added.
    /// The verdict stands without them: what cannot be read is missing, and the failure says that something is.
    async fn add_details(&self, failure: &mut GateFailure, project_key: &str, analysis_id: &str) {
        // Those that harm security by themselves: they must not be crowded out by whatever else the code is full of, nor
        // be missing because all that is too much to be read.
        let security =
            read("issues of security", self.ask_issues(project_key, ("impactSoftwareQualities", "SECURITY")).await);
        let all = read("issues", self.ask_issues(project_key, ("facets", "impactSeverities")).await);
        let hotspots = [("project", project_key), ("status", "TO_REVIEW"), ("ps", "500")];
        let hotspots = read("hotspots", self.ask::<HotspotsAnswer>("api/hotspots/search", &hotspots).await);
        // Asked last: what was read before is of this analysis if it still is the latest.
        let component = self.ask::<ComponentAnswer>("api/ce/component", &[("component", project_key)]).await;
        let component = read("latest analysis", component);
        let Some(component) = component else {
            failure.unread = true;
            return;
        };
        if !component.shows(analysis_id) {
            failure.superseded = true;
            return;
        }
        failure.unread = security.is_none() || all.is_none() || hotspots.is_none();
        failure.counts = all.as_ref().map(IssuesAnswer::counts).unwrap_or_default();
        failure.worst = worst([&security, &all].into_iter().flatten().flat_map(|answer| &answer.issues), SHOWN_ISSUES);
        failure.hotspots = hotspots.map(|hotspots| hotspots.count());
    }

    /// The worst open issues of the project, and what else this asks for.
    async fn ask_issues(&self, project_key: &str, also: (&str, &str)) -> Result<IssuesAnswer, ServerError> {
        let query = [
            ("components", project_key),
            ("issueStatuses", "OPEN,CONFIRMED"),
            also,
            ("s", "SEVERITY"),
            ("asc", "false"),
            ("ps", PAGE),
        ];
        self.ask("api/issues/search", &query).await
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

/// What the server told, if it did.
fn read<T>(what: &'static str, answer: Result<T, ServerError>) -> Option<T> {
    answer.inspect_err(|error| tracing::warn!(what, error = platform::chain(error), "the server did not tell")).ok()
}

/// `{"errors":[{"msg":"…"}]}`
fn error_message(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = value.pointer("/errors/0/msg").and_then(serde_json::Value::as_str).unwrap_or("no reason given");
    domain::text::cut(message, 200)
}
