//! What CodeBuild reports about a build, whichever way it reached us.

use serde::Deserialize;
use serde_json::Value;

use crate::text::cut;

/// A build, as far as the diagnosis reads it.
///
/// Step Functions writes the fields in PascalCase, CodeBuild's own API in camelCase (facts 5a); both are read, and
/// every field may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// `project:uuid`.
    pub id: Option<String>,
    /// The build's ARN.
    pub arn: Option<String>,
    /// SUCCEEDED, FAILED, FAULT, TIMED_OUT, IN_PROGRESS or STOPPED.
    pub status: Option<String>,
    /// In their order.
    pub phases: Vec<Phase>,
    /// The log group in CloudWatch Logs.
    pub log_group: Option<String>,
    /// The log stream in it.
    pub log_stream: Option<String>,
    /// The exported variables: hints, since the scanned code runs beside them.
    pub exported: Vec<(String, String)>,
}

/// One phase of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// SUBMITTED … BUILD … COMPLETED.
    pub name: String,
    /// SUCCEEDED, FAILED, FAULT, TIMED_OUT, STOPPED; the last phase has none.
    pub status: Option<String>,
    /// What went wrong, as `(status code, message)`.
    pub contexts: Vec<(String, String)>,
}

/// How the task `Scan` of the state machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanTask {
    /// There is a build to look at; it may have succeeded or failed.
    Finished(Build),
    /// The build's description was cut off or unreadable, but names the build: ask CodeBuild.
    Described {
        /// The ARN found in the text.
        build_arn: String,
    },
    /// The state itself ran into its timeout.
    TimedOut,
    /// The build was started, and its description is unreadable or missing.
    Untold {
        /// What is there of the description.
        cause: String,
    },
    /// CodeBuild did not take the build.
    NeverStarted {
        /// The error's name, such as `CodeBuild.ResourceNotFoundException`.
        error: String,
        /// Its text.
        cause: String,
    },
}

/// The `Error` and `Cause` that a failed state leaves (`$states.errorOutput`).
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub struct StateError {
    /// The error's name, at most 256 characters.
    #[serde(default)]
    pub error: String,
    /// At most 32,768 characters, so JSON in it may be cut off.
    #[serde(default)]
    pub cause: String,
}

/// Reads what the state machine hands over: the build of a successful task, or the error of a failed one.
#[must_use]
pub fn read(build: Option<&Value>, error: Option<&StateError>) -> ScanTask {
    if let Some(error) = error {
        return read_error(error);
    }
    match build {
        Some(value) => ScanTask::Finished(read_build(value)),
        None => ScanTask::NeverStarted { error: String::new(), cause: String::new() },
    }
}

/// The order is that of facts 5e: the timeout, CodeBuild's refusals, then the build in the cause.
fn read_error(error: &StateError) -> ScanTask {
    if error.error == "States.Timeout" {
        return ScanTask::TimedOut;
    }
    // Of a call that was refused. The others are of a build that has ended, or whose result Step Functions could not take.
    if error.error.starts_with("CodeBuild.") || error.error == "States.Permissions" {
        return ScanTask::NeverStarted { error: error.error.clone(), cause: error.cause.clone() };
    }
    let untold = || {
        let name = if error.error == "States.TaskFailed" { "" } else { &error.error };
        ScanTask::Untold { cause: format!("{name} {}", error.cause).trim().to_owned() }
    };
    match serde_json::from_str::<Value>(&error.cause) {
        Ok(value) if value.is_object() => {
            let build = read_build(&value);
            if build.id.is_some() || build.arn.is_some() { ScanTask::Finished(build) } else { untold() }
        }
        _ => find_build_arn(&error.cause)
            .map_or_else(untold, |build_arn| ScanTask::Described { build_arn: build_arn.to_owned() }),
    }
}

/// Reads a build in either spelling, bare or as `{"Build": …}`.
#[must_use]
pub fn read_build(value: &Value) -> Build {
    let value = field(value, "build").unwrap_or(value);
    let logs = field(value, "logs");
    let log = |name| logs.and_then(|logs| text(logs, name));
    Build {
        id: text(value, "id"),
        arn: text(value, "arn"),
        status: text(value, "buildStatus"),
        phases: list(value, "phases").iter().map(read_phase).collect(),
        log_group: log("groupName"),
        log_stream: log("streamName"),
        exported: list(value, "exportedEnvironmentVariables")
            .iter()
            .filter_map(|variable| Some((text(variable, "name")?, text(variable, "value")?)))
            .collect(),
    }
}

fn read_phase(value: &Value) -> Phase {
    Phase {
        name: text(value, "phaseType").unwrap_or_default(),
        status: text(value, "phaseStatus"),
        contexts: list(value, "contexts")
            .iter()
            .map(|context| {
                (text(context, "statusCode").unwrap_or_default(), text(context, "message").unwrap_or_default())
            })
            .collect(),
    }
}

impl Build {
    /// An exported variable that is set and not blank.
    #[must_use]
    pub fn exported(&self, name: &str) -> Option<&str> {
        self.exported
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The first phase that did not succeed.
    #[must_use]
    pub fn failed_phase(&self) -> Option<&Phase> {
        self.failed_phases().next()
    }

    /// The phases that did not succeed, in their order.
    pub fn failed_phases(&self) -> impl Iterator<Item = &Phase> {
        self.phases.iter().filter(|phase| phase.status.as_deref().is_some_and(|status| status != "SUCCEEDED"))
    }
}

impl Phase {
    /// What went wrong in one line: `COMMAND_EXECUTION_ERROR: Error while …`.
    #[must_use]
    pub fn context(&self) -> String {
        let parts = self.contexts.iter().map(|(code, message)| match (code.is_empty(), message.is_empty()) {
            (false, false) => format!("{code}: {message}"),
            _ => format!("{code}{message}"),
        });
        let parts = parts.map(|part| shorten(&part));
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// CodeBuild repeats the whole command before the reason; a command of ours may be a page long. Its first line and the
/// reason are enough.
fn shorten(message: &str) -> String {
    const COMMAND: &str = "Error while executing command: ";
    const REASON: &str = ". Reason: ";
    let parts = message.split_once(COMMAND).and_then(|(before, rest)| Some((before, rest.rsplit_once(REASON)?)));
    match parts {
        Some((before, (command, reason))) => {
            let first = command.trim_start_matches(['(', '{']).trim().lines().next().unwrap_or_default();
            let more = if command.trim().lines().count() > 1 { " …" } else { "" };
            format!("{before}{COMMAND}{}{more}{REASON}{reason}", cut(first, 80))
        }
        None => message.to_owned(),
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text(value: &Value, name: &str) -> Option<String> {
    field(value, name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    field(value, name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `arn:aws:codebuild:<region>:<account>:build/<project>:<uuid>` somewhere in the text.
fn find_build_arn(cause: &str) -> Option<&str> {
    cause.match_indices("arn:aws").find_map(|(start, _)| {
        let rest = cause.get(start..)?;
        let end = rest.find(|character: char| !(character.is_ascii_alphanumeric() || ":/_.-".contains(character)));
        // An ARN that runs to the end of the text may itself be cut off.
        let arn = rest.get(..end?)?;
        let mut parts = arn.splitn(6, ':').skip(2);
        (parts.next() == Some("codebuild") && parts.nth(2)?.starts_with("build/")).then_some(arn)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pascal() -> Value {
        json!({"Build": {
            "Id": "scan:8745", "Arn": "arn:aws:codebuild:us-east-1:123456789012:build/scan:8745", "BuildStatus": "FAILED",
            "Phases": [
                {"PhaseType": "SUBMITTED", "PhaseStatus": "SUCCEEDED"},
                {"PhaseType": "BUILD", "PhaseStatus": "FAILED",
                 "Contexts": [{"StatusCode": "COMMAND_EXECUTION_ERROR", "Message": "exit status 3"}]},
                {"PhaseType": "COMPLETED"}],
            "Logs": {"GroupName": "/aws/codebuild/scan", "StreamName": "8745"},
            "ExportedEnvironmentVariables": [{"Name": "SONAR_CE_TASK_ID", "Value": "AYh"}, {"Name": "EMPTY", "Value": " "}]
        }})
    }

    fn failed(error: &str, cause: &str) -> ScanTask {
        read(None, Some(&StateError { error: error.into(), cause: cause.into() }))
    }

    #[test]
    fn reads_the_build_of_a_failed_task_in_both_layouts() {
        let nested = pascal();
        let bare = nested["Build"].clone();
        let ScanTask::Finished(build) = failed("States.TaskFailed", &nested.to_string()) else { panic!("no build") };
        assert_eq!(failed("States.TaskFailed", &bare.to_string()), ScanTask::Finished(build.clone()));
        assert_eq!(build.status.as_deref(), Some("FAILED"));
        assert_eq!(build.exported("SONAR_CE_TASK_ID"), Some("AYh"));
        assert_eq!(build.exported("EMPTY"), None);
        let phase = build.failed_phase().unwrap();
        assert_eq!(
            (phase.name.as_str(), phase.context().as_str()),
            ("BUILD", "COMMAND_EXECUTION_ERROR: exit status 3")
        );
    }

    #[test]
    fn a_page_of_a_command_is_shown_by_its_first_line_and_its_reason() {
        assert_eq!(
            shorten("C: Error while executing command: (\n  set -eu\n  x. Reason: y\n). Reason: exit status 3"),
            "C: Error while executing command: set -eu …. Reason: exit status 3"
        );
        let short = "Error while executing command: ci/scan.sh. Reason: exit status 3";
        assert_eq!(shorten(short), short);
        assert_eq!(shorten("zip: not a valid zip file"), "zip: not a valid zip file");
    }

    #[test]
    fn reads_codebuilds_own_spelling() {
        let build = read_build(&json!({"id": "scan:1", "buildStatus": "SUCCEEDED", "logs": {"groupName": "g"}}));
        assert_eq!((build.status.as_deref(), build.log_group.as_deref()), (Some("SUCCEEDED"), Some("g")));
    }

    #[test]
    fn a_cut_off_cause_still_names_its_build() {
        let cause = pascal().to_string();
        let cut = &cause[..cause.find("BuildStatus").unwrap()];
        let build_arn = "arn:aws:codebuild:us-east-1:123456789012:build/scan:8745".to_owned();
        assert_eq!(failed("States.TaskFailed", cut), ScanTask::Described { build_arn });
    }

    #[test]
    fn other_errors_are_told_apart() {
        assert_eq!(failed("States.Timeout", ""), ScanTask::TimedOut);
        for (error, cause) in [
            ("CodeBuild.AccountLimitExceededException", "Cannot have more than 0 builds in queue"),
            ("CodeBuild.AWSCodeBuildException", "{}"),
            ("States.Permissions", ""),
        ] {
            assert_eq!(failed(error, cause), ScanTask::NeverStarted { error: error.into(), cause: cause.into() });
        }
        for cause in ["not json", "{}", "[1]", "{\"Build\":{\"Arn\":\"arn:aws:codebuild:us-east-1:1"] {
            assert_eq!(failed("States.TaskFailed", cause), ScanTask::Untold { cause: cause.into() });
        }
        for error in ["States.DataLimitExceeded", "States.QueryEvaluationError", "States.HeartbeatTimeout"] {
            assert_eq!(failed(error, "words"), ScanTask::Untold { cause: format!("{error} words") });
        }
    }

    proptest! {
        #[test]
        fn no_cause_can_panic(error in ".*", cause in ".*|\\{\"Build\":.{0,40}|arn:aws.{0,60}") {
            let _ = failed(&error, &cause);
        }
    }
}
