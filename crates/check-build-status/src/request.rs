use domain::scan::{
    ScanId, Upload,
    build::{self, Build, Phase, ScanTask, StateError},
    diagnosis::Verdict,
    failure::Failure,
    report::{BuildRecord, Moment, Report},
    unjudged::Unjudged,
};
use domain::text::to_seconds;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// What the state machine hands over.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    /// Completes the waiting execution.
    pub task_token: String,
    /// What the state machine will send along when the time for a decision is over.
    pub expiry_key: String,
    #[serde(flatten)]
    pub about: About,
    /// When the execution began.
    pub started_at: Timestamp,
    /// When the event of the upload was made, in its words: whoever starts an execution by hand can say anything.
    #[serde(default)]
    pub uploaded_at: Option<String>,
    /// The build of a successful task, in Step Functions' spelling.
    #[serde(default)]
    pub build: Option<Value>,
    /// The error of a failed task.
    #[serde(default)]
    pub error: Option<StateError>,
    /// How often the state machine has tried already.
    #[serde(default)]
    pub attempt: u32,
}

/// Which scan of what, in every request after the claim.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About {
    pub scan_id: ScanId,
    pub execution_arn: String,
    /// Computed once, in the state machine; the scanner got the same.
    pub project_key: String,
    pub object: Upload,
    #[serde(default)]
    pub requester: Option<String>,
}

/// What the state machine asks before it scans.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimRequest {
    /// Which scan wants to have the version.
    pub claim: ScanId,
    pub execution_arn: String,
    pub object: Upload,
}

/// What the state machine hands over when one of its steps has failed for good.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct FailureRequest {
    pub failure: Failure,
    #[serde(flatten)]
    pub about: About,
    /// As in [`Request`], if the scan came so far.
    #[serde(default)]
    pub build: Option<Value>,
    #[serde(default)]
    pub error: Option<StateError>,
}

/// News of EventBridge that an execution has ended. Anybody who may invoke the function can make it up.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ExecutionEnded {
    pub detail: EndedExecution,
}

/// Which one; what else the event says is asked of Step Functions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndedExecution {
    pub execution_arn: String,
}

impl Request {
    /// Orders this scan among those of its project.
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(self.uploaded_at.as_deref(), self.started_at)
    }
}

impl About {
    /// The report of this scan.
    pub(crate) fn report(&self, build: &Build, verdict: Verdict, recovered: bool, now: Timestamp) -> Report {
        Report {
            scan_id: self.scan_id.clone(),
            execution_arn: self.execution_arn.clone(),
            upload: self.object.clone(),
            requester: self.requester.clone(),
            project_key: self.project_key.clone(),
            build: BuildRecord::of(build),
            unjudged: Unjudged::of(build),
            recovered,
            verdict,
            recorded_at: to_seconds(now),
        }
    }

    /// Whether a report that is stored under this scan's id is this scan's.
    pub(crate) fn has(&self, report: &Report) -> bool {
        report.is_of(&self.scan_id)
            && report.is_about(&self.execution_arn, &self.object)
            && report.project_key == self.project_key
    }
}

impl FailureRequest {
    /// The build, as far as it is known; empty if there was none.
    pub(crate) fn build(&self) -> Build {
        match build::read(self.build.as_ref(), self.error.as_ref()) {
            ScanTask::Finished(build) => build,
            _ => Build::default(),
        }
    }
}

/// A build as CodeBuild's own API describes it.
pub(crate) fn from_codebuild(build: &aws_sdk_codebuild::types::Build) -> Build {
    let logs = build.logs();
    let log = |name: Option<&str>| name.filter(|name| !name.is_empty()).map(str::to_owned);
    Build {
        id: build.id().map(str::to_owned),
        arn: build.arn().map(str::to_owned),
        status: build.build_status().map(|status| status.as_str().to_owned()),
        phases: build
            .phases()
            .iter()
            .map(|phase| Phase {
                name: phase.phase_type().map(|name| name.as_str().to_owned()).unwrap_or_default(),
                status: phase.phase_status().map(|status| status.as_str().to_owned()),
                contexts: phase
                    .contexts()
                    .iter()
                    .map(|context| {
                        let part = |text: Option<&str>| text.unwrap_or_default().to_owned();
                        (part(context.status_code()), part(context.message()))
                    })
                    .collect(),
            })
            .collect(),
        log_group: logs.and_then(|logs| log(logs.group_name())),
        log_stream: logs.and_then(|logs| log(logs.stream_name())),
        exported: build
            .exported_environment_variables()
            .iter()
            .filter_map(|variable| Some((variable.name()?.to_owned(), variable.value()?.to_owned())))
            .collect(),
    }
}
