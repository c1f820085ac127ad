use domain::scan::{
    ScanId, Upload,
    build::{Build, Phase, StateError},
};
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
    pub scan_id: ScanId,
    pub execution_arn: String,
    /// Computed once, in the state machine; the scanner got the same.
    pub project_key: String,
    /// When the execution began.
    pub started_at: Timestamp,
    pub object: Upload,
    #[serde(default)]
    pub requester: Option<String>,
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

/// What the state machine asks before it scans: `{"claim": "<scan id>", "object": {…}}`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claim {
    /// Which scan wants to have the version.
    pub claim: ScanId,
    pub object: Upload,
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
