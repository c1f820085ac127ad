//! From the build and the server's answers to one verdict, and to a sentence about what to do.

use serde::{Deserialize, Serialize};

use super::{
    build::{Build, ScanTask},
    failure::{ABORTED, PIPELINE_FAILED},
    scanner_log::{self, LONGEST_LINE, ScannerFailure},
    sonarqube::{FailedCondition, Hotspots, Issue, SeverityCount},
};
use crate::text::cut;

/// What became of a scan.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "verdict", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// The server confirmed that the gate is passed.
    Passed,
    /// The server confirmed that the gate failed. Only this can be approved.
    QualityGateFailed(GateFailure),
    /// Anything else: the upload was not judged.
    PipelineFailed(PipelineFailure),
}

/// What the server found.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct GateFailure {
    /// The conditions of the gate that do not hold.
    pub conditions: Vec<FailedCondition>,
    /// How many open issues of each severity; empty if the server did not tell.
    #[serde(default)]
    pub counts: Vec<SeverityCount>,
    /// The worst issues, at most five.
    #[serde(default)]
    pub worst: Vec<Issue>,
    /// What waits for a review; missing if the server did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotspots: Option<Hotspots>,
    /// The project has been analysed again, so the server knows the issues of this upload no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    /// The server did not tell all of these: there may be more than is listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
}

impl GateFailure {
    /// What people have to know about the issues that are not listed, without outside text; `None` if nothing is missing.
    #[must_use]
    pub fn gap(&self) -> Option<&'static str> {
        let nothing = self.counts.is_empty() && self.worst.is_empty() && self.hotspots.is_none();
        match (self.superseded, self.unread) {
            (true, _) => Some("not listed, because the project was analysed again after this upload"),
            (false, true) if nothing => Some("could not be read; see the details in SonarQube"),
            (false, true) => Some("could not all be read; see the details in SonarQube"),
            (false, false) => None,
        }
    }
}

/// Why the upload could not be judged.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct PipelineFailure {
    /// The cause.
    pub cause: Cause,
    /// The relevant last lines of the log, secrets masked.
    #[serde(default)]
    pub log: Vec<String>,
}

impl From<Cause> for PipelineFailure {
    /// Without a log.
    fn from(cause: Cause) -> Self {
        Self { cause, log: Vec::new() }
    }
}

/// Every way in which the pipeline can fail, each with its own remedy.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// The state of the state machine ran out of time.
    TimedOut,
    /// CodeBuild did not take the build.
    NeverStarted {
        /// The error's name.
        error: String,
        /// Its text.
        message: String,
    },
    /// The build ended, and it is not known how.
    BuildUntold {
        /// What there is of its description.
        message: String,
    },
    /// The build ran out of time.
    BuildTimedOut,
    /// Somebody stopped the build.
    Stopped,
    /// CodeBuild itself failed: FAULT, or no machine or image for the build.
    Infrastructure {
        /// What CodeBuild said.
        message: String,
    },
    /// `CodeBuild` could not read what the build consists of: its specification, its secret.
    Setup {
        /// What CodeBuild said.
        message: String,
    },
    /// The uploaded version could not be fetched.
    Download {
        /// What S3 said.
        message: String,
    },
    /// The scanner could not be installed.
    Install {
        /// What CodeBuild said.
        message: String,
    },
    /// The preflight refused the zip.
    Refused {
        /// Its sentence for the developer.
        sentence: String,
    },
    /// A step before the scan failed for another reason.
    Preparation {
        /// What CodeBuild said.
        message: String,
    },
    /// The scanner gave up.
    Scanner {
        /// Why, as far as its log tells.
        failure: ScannerFailure,
        /// What CodeBuild said.
        message: String,
    },
    /// The server took the analysis, but could not process it.
    AnalysisFailed {
        /// What the server said.
        message: String,
    },
    /// The server did not finish the analysis in time.
    GateTimedOut,
    /// The gate is passed, but the build failed afterwards.
    FailedAfterGate {
        /// What CodeBuild said.
        message: String,
    },
    /// The build ended, and nobody could confirm a verdict.
    VerdictUnknown {
        /// What is missing.
        message: String,
    },
    /// A step of the state machine around the scan failed.
    Unfinished {
        /// The error's name, such as `TokenUnusable`.
        error: String,
        /// What that means for the scan, and what was said.
        message: String,
    },
    /// A step failed after the gate was passed or somebody had decided, which stands. Only told, never recorded.
    AfterDecision {
        /// The error's name.
        error: String,
        /// What stands, and what was said.
        message: String,
    },
}

/// What to do next with a finished scan task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing more to ask: this is why.
    Conclude(Cause),
    /// Ask CodeBuild for the build, then look again.
    AskCodeBuild {
        /// Which build.
        build_arn: String,
    },
    /// Ask the SonarQube server about this background task.
    AskServer {
        /// Its id, a hint from the build.
        task_id: String,
    },
    /// The build's log decides.
    ReadLog,
}

/// The first look, in the order of facts 5e: what ended the build before the scan, then the server, then the log.
#[must_use]
pub fn first_look(task: &ScanTask) -> Step {
    let build = match task {
        ScanTask::TimedOut => return Step::Conclude(Cause::TimedOut),
        ScanTask::NeverStarted { error, cause } => {
            return Step::Conclude(Cause::NeverStarted { error: error.clone(), message: cause.clone() });
        }
        ScanTask::Untold { cause } => return Step::Conclude(Cause::BuildUntold { message: cause.clone() }),
        ScanTask::Described { build_arn } => return Step::AskCodeBuild { build_arn: build_arn.clone() },
        ScanTask::Finished(build) => build,
    };
    let message = failure_message(build);
    match build.status.as_deref() {
        Some("TIMED_OUT") => return Step::Conclude(Cause::BuildTimedOut),
        Some("STOPPED") => return Step::Conclude(Cause::Stopped),
        Some("FAULT") => return Step::Conclude(Cause::Infrastructure { message }),
        _ => {}
    }
    match build.failed_phase().map(|phase| phase.name.as_str()) {
        Some("SUBMITTED" | "QUEUED" | "PROVISIONING") => return Step::Conclude(Cause::Infrastructure { message }),
        // The build has no source: what CodeBuild downloads in this phase is the buildspec and the secrets.
        Some("DOWNLOAD_SOURCE") => return Step::Conclude(Cause::Setup { message }),
        _ => {}
    }
    if let Some(task_id) = build.exported("SONAR_CE_TASK_ID") {
        return Step::AskServer { task_id: task_id.to_owned() };
    }
    Step::ReadLog
}

/// The background task that the log names, for a build that got as far as the scan.
#[must_use]
pub fn task_in_log<'a>(build: &Build, lines: &'a [String]) -> Option<&'a str> {
    let before_the_scan = build.failed_phases().any(|phase| matches!(phase.name.as_str(), "INSTALL" | "PRE_BUILD"));
    if before_the_scan { None } else { scanner_log::analysis_task(lines) }
}

/// The cause, for a build that ended before the server had anything to say.
#[must_use]
pub fn from_log(build: &Build, lines: &[String]) -> Cause {
    let message = failure_message(build);
    match build.failed_phase().map(|phase| phase.name.as_str()) {
        Some("INSTALL") => Cause::Install { message },
        Some("PRE_BUILD") => match (scanner_log::refusal(lines), scanner_log::failed_fetch(lines)) {
            (Some(sentence), _) => Cause::Refused { sentence: cut(sentence, LONGEST_LINE) },
            (None, Some(reason)) => Cause::Download { message: cut(reason, LONGEST_LINE) },
            (None, None) => Cause::Preparation { message },
        },
        None if build.status.as_deref() == Some("SUCCEEDED") => {
            let message = "the build succeeded without naming an analysis on the SonarQube server".to_owned();
            Cause::VerdictUnknown { message }
        }
        _ => Cause::Scanner { failure: scanner_log::classify(lines), message },
    }
}

/// The cause, for a gate that is passed although the build failed.
#[must_use]
pub(super) fn failed_after_gate(build: &Build) -> Cause {
    Cause::FailedAfterGate { message: failure_message(build) }
}

/// Whether a gate that the server calls passed counts: nothing but the scan itself, whose analysis the server has,
/// may have failed. The scanner fails when it waits too briefly for the gate.
#[must_use]
pub(super) fn lets_pass(build: &Build) -> bool {
    let only_the_scan = build.failed_phases().all(|phase| phase.name == "BUILD");
    match build.status.as_deref() {
        Some("SUCCEEDED") => only_the_scan,
        Some("FAILED") => only_the_scan && build.failed_phase().is_some(),
        _ => false,
    }
}

fn failure_message(build: &Build) -> String {
    let status = || build.status.clone().unwrap_or_else(|| "unknown status".to_owned());
    build.failed_phase().map_or_else(status, |phase| {
        let context = phase.context();
        if context.is_empty() { format!("phase {} ended without a reason", phase.name) } else { context }
    })
}

impl Verdict {
    /// Whether more lines of the build's log, from which this was read, could say more: there are none yet, or what they
    /// said names no cause.
    #[must_use]
    pub(super) fn may_be_late_log(&self, lines: &[String]) -> bool {
        let Self::PipelineFailed(failure) = self else { return false };
        let unexplained = matches!(
            failure.cause,
            Cause::Preparation { .. }
                | Cause::VerdictUnknown { .. }
                | Cause::Scanner { failure: ScannerFailure::Unknown, .. }
        );
        unexplained || lines.is_empty()
    }

    /// Whether the end of the build's log would help to understand it. A refused zip's sentence says it all, and what the
    /// state machine could not do is in no build's log.
    #[must_use]
    pub fn lacks_log(&self) -> bool {
        let Self::PipelineFailed(failure) = self else { return false };
        failure.log.is_empty() && !matches!(failure.cause, Cause::Refused { .. } | Cause::Unfinished { .. })
    }

    /// The verdict with these lines of the build's log, if it lacks them.
    #[must_use]
    pub fn with_log(mut self, excerpt: impl FnOnce() -> Vec<String>) -> Self {
        let lacks_log = self.lacks_log();
        if let Self::PipelineFailed(failure) = &mut self
            && lacks_log
        {
            failure.log = excerpt();
        }
        self
    }
}

/// What to do about a build that CodeBuild did not take. The names are those of Step Functions, which gives
/// `CodeBuild.AWSCodeBuildException` for what CodeBuild does not name, such as a missing permission.
fn not_started(error: &str, message: &str) -> &'static str {
    let says = |word: &str| error.contains(word) || message.contains(word);
    if says("AccountLimitExceeded") {
        "Let other builds end, or have the account's quota of concurrent builds raised, then upload the zip again."
    } else if says("ResourceNotFound") {
        "Check the CodeBuild project: it is gone. Deploy the stack again, then upload the zip again."
    } else if says("AccessDenied") || says("not authorized") || error == "States.Permissions" {
        "Check that the state machine's role may start builds of the project, then upload the zip again."
    } else if says("Throttl") || says("TooManyRequests") {
        "CodeBuild was asked too often: upload the zip again in some minutes."
    } else {
        "Check the CodeBuild project and what CodeBuild says, then upload the zip again."
    }
}

impl Cause {
    /// What happened, in one sentence for people, without outside text.
    #[must_use]
    pub fn headline(&self) -> &'static str {
        match self {
            Self::TimedOut => "The scan did not end in its time.",
            Self::NeverStarted { .. } => "CodeBuild did not start the scan.",
            Self::BuildUntold { .. } => "It is not known how the build of the scan ended.",
            Self::BuildTimedOut => "The build ran out of time.",
            Self::Stopped => "Somebody stopped the build.",
            Self::Infrastructure { .. } => "CodeBuild could not run the build.",
            Self::Setup { .. } => "CodeBuild could not read the build's specification or its secret.",
            Self::Download { .. } => "The uploaded version could not be fetched.",
            Self::Install { .. } => "The scanner could not be installed.",
            Self::Refused { .. } => "The uploaded zip was refused before the scan.",
            Self::Preparation { .. } => "The scan could not be prepared.",
            Self::Scanner { failure, .. } => match failure {
                ScannerFailure::BadToken => "The SonarQube server refused the scanner's token.",
                ScannerFailure::Forbidden => "The scanner's token may not analyse this project.",
                ScannerFailure::ServerUnreachable => "The scanner could not reach the SonarQube server.",
                ScannerFailure::MissingSetting => "The scanner misses a mandatory setting.",
                ScannerFailure::OutOfMemory => "The scanner ran out of memory.",
                ScannerFailure::Java => "The scanner found no usable Java.",
                ScannerFailure::CorruptDownload => "A download of the scanner was damaged.",
                ScannerFailure::ReportRefused => "The SonarQube server did not take the report.",
                ScannerFailure::Unknown => "The scanner failed.",
            },
            Self::AnalysisFailed { .. } => "The SonarQube server could not process the analysis.",
            Self::GateTimedOut => "The SonarQube server did not finish the analysis in time.",
            Self::FailedAfterGate { .. } => "The quality gate is passed, but the build failed afterwards.",
            Self::VerdictUnknown { .. } => "The verdict of the SonarQube server is unknown.",
            Self::Unfinished { .. } => "The pipeline could not finish this scan.",
            Self::AfterDecision { .. } => "The scan is decided, but the pipeline could not finish what follows.",
        }
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::TimedOut | Self::BuildTimedOut => {
                "Upload a smaller zip, or raise the stack's parameter ScanTimeoutMinutes."
            }
            Self::NeverStarted { error, message } => not_started(error, message),
            Self::BuildUntold { .. } => {
                "Look at the project's latest builds in CodeBuild, mend the cause, then upload the zip again."
            }
            Self::Stopped => "Upload the zip again if the scan is still wanted.",
            Self::Infrastructure { .. } => "Upload the zip again; if it fails again, check the project's image.",
            Self::Setup { .. } => {
                "Check that the stack's release is still in its bucket and that the scanner's secret holds a token, then \
                 upload the zip again."
            }
            Self::Download { .. } => {
                "Check that nobody deleted this version and that it was not uploaded with a KMS key of its own, which the \
                 build may not use, then upload the zip again."
            }
            Self::Install { .. } => "Check that the build can reach its Maven repository, then upload the zip again.",
            Self::Refused { .. } => "Mend the zip as the message says and upload it again.",
            Self::Preparation { .. } => "Read the end of the build's log, mend the cause and upload the zip again.",
            Self::Scanner { failure, .. } => match failure {
                ScannerFailure::BadToken => "Put a valid analysis token into the secret of the scanner.",
                ScannerFailure::Forbidden => {
                    "Give the token's user the permissions to execute analysis and to create projects."
                }
                ScannerFailure::ServerUnreachable => {
                    "Check that the server is up and that CodeBuild can reach the stack's SonarHostUrl."
                }
                ScannerFailure::MissingSetting => {
                    "The pipeline sets all mandatory settings itself, so this is no fault of the zip: compare the server's \
                     version with those that the release was made for, and deploy a current release."
                }
                ScannerFailure::OutOfMemory => {
                    "If the log speaks of Java, raise the stack's parameter ScannerHeapMiB. Otherwise upload a smaller zip."
                }
                ScannerFailure::Java => {
                    "The scanner brings its own Java: check that the CodeBuild project has the template's image, then upload the \
                     zip again."
                }
                ScannerFailure::CorruptDownload => "Upload the zip again; if it fails again, check the server's files.",
                ScannerFailure::ReportRefused => "Check the server's log, then upload the zip again.",
                ScannerFailure::Unknown => "Read the end of the build's log, mend the cause and upload the zip again.",
            },
            Self::AnalysisFailed { .. } => "Check the background tasks of the project on the server.",
            Self::GateTimedOut => "Check the load of the server's background tasks, then upload the zip again.",
            Self::FailedAfterGate { .. } => "Read the end of the build's log, then upload the zip again.",
            Self::VerdictUnknown { .. } => {
                "Check that the server is up and that the reader's token is valid, then upload the zip again."
            }
            Self::AfterDecision { error, .. } if error == PIPELINE_FAILED => {
                "Look in CloudTrail who called SendTaskFailure for this execution. What is recorded counts."
            }
            Self::AfterDecision { error, .. } if error == ABORTED => {
                "Look in CloudTrail who called StopExecution. What is recorded counts: ask scripts/verify-approval, since its \
                 event and its mail may be missing."
            }
            Self::AfterDecision { .. } => {
                "Look at the failed step of the execution and at the log of its function, and mend the cause. What is \
                 recorded counts: ask scripts/verify-approval."
            }
            Self::Unfinished { error, .. } => match error.as_str() {
                "TokenUnusable" => {
                    "Put a valid token of the reader into the stack's SonarReaderSecretArn, then upload the zip again."
                }
                "RecordFailed" => {
                    "Check the evidence bucket, its policy and the encryption key, then upload the zip again."
                }
                "NothingDecided" => {
                    "Look in CloudTrail who called SendTaskSuccess for this execution, then upload the zip again."
                }
                PIPELINE_FAILED => {
                    "Look in CloudTrail who called SendTaskFailure for this execution, then upload the zip again."
                }
                ABORTED => {
                    "If the scan is still wanted, start an execution with the same input, or upload the zip again. CloudTrail \
                     says who called StopExecution."
                }
                _ => {
                    "Look at the failed step of the execution and at the log of its function, mend the cause, then \
                     upload the zip again."
                }
            },
        }
    }

    /// What somebody else said about it: outside text, to be escaped and cut.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::TimedOut | Self::BuildTimedOut | Self::Stopped | Self::GateTimedOut => None,
            Self::NeverStarted { error, message } => Some(format!("{error} {message}").trim().to_owned()),
            Self::Refused { sentence } => Some(sentence.clone()),
            Self::BuildUntold { message }
            | Self::Infrastructure { message }
            | Self::Setup { message }
            | Self::Download { message }
            | Self::Install { message }
            | Self::Preparation { message }
            | Self::Scanner { message, .. }
            | Self::AnalysisFailed { message }
            | Self::FailedAfterGate { message }
            | Self::VerdictUnknown { message }
            | Self::Unfinished { message, .. }
            | Self::AfterDecision { message, .. } => Some(message.clone()),
        }
        .filter(|detail| !detail.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::build::Phase;

    fn build(status: &str, failed_phase: Option<&str>, task_id: Option<&str>) -> Build {
        let phase = |name: &str| Phase {
            name: name.into(),
            status: Some("FAILED".into()),
            contexts: vec![("CODE".into(), "words".into())],
        };
        Build {
            status: Some(status.into()),
            phases: failed_phase.map(phase).into_iter().collect(),
            exported: task_id.map(|id| ("SONAR_CE_TASK_ID".to_owned(), id.to_owned())).into_iter().collect(),
            ..Build::default()
        }
    }

    fn look(status: &str, failed_phase: Option<&str>, task_id: Option<&str>) -> Step {
        first_look(&ScanTask::Finished(build(status, failed_phase, task_id)))
    }

    #[test]
    fn the_first_look_follows_the_documented_order() {
        let message = || "CODE: words".to_owned();
        for (step, expected) in [
            (first_look(&ScanTask::TimedOut), Step::Conclude(Cause::TimedOut)),
            (look("TIMED_OUT", Some("BUILD"), Some("t")), Step::Conclude(Cause::BuildTimedOut)),
            (look("STOPPED", Some("BUILD"), None), Step::Conclude(Cause::Stopped)),
            (look("FAULT", Some("PROVISIONING"), None), Step::Conclude(Cause::Infrastructure { message: message() })),
            (look("FAILED", Some("PROVISIONING"), None), Step::Conclude(Cause::Infrastructure { message: message() })),
            (look("FAILED", Some("DOWNLOAD_SOURCE"), None), Step::Conclude(Cause::Setup { message: message() })),
            (look("FAILED", Some("BUILD"), Some("t")), Step::AskServer { task_id: "t".into() }),
            (look("SUCCEEDED", None, Some("t")), Step::AskServer { task_id: "t".into() }),
            (look("FAILED", Some("BUILD"), None), Step::ReadLog),
            (look("FAILED", Some("POST_BUILD"), None), Step::ReadLog),
            (look("FAILED", Some("INSTALL"), None), Step::ReadLog),
        ] {
            assert_eq!(step, expected);
        }
    }

    #[test]
    fn each_refusal_of_a_build_has_its_remedy() {
        let denied = "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: codebuild:StartBuild";
        let mut remedies = std::collections::BTreeSet::new();
        for (error, message, words) in [
            ("CodeBuild.AccountLimitExceededException", "Cannot have more than 0 builds in queue", "quota"),
            ("CodeBuild.ResourceNotFoundException", "Project cannot be found", "Deploy the stack again"),
            ("CodeBuild.AWSCodeBuildException", denied, "role may start builds"),
            ("CodeBuild.ThrottlingException", "Rate exceeded", "in some minutes"),
            ("CodeBuild.InvalidInputException", "Invalid environment", "what CodeBuild says"),
        ] {
            let remedy = Cause::NeverStarted { error: error.into(), message: message.into() }.remedy();
            assert!(remedy.contains(words), "{error}: {remedy}");
            assert!(remedies.insert(remedy), "{error} shares its remedy");
        }
        let untold = first_look(&ScanTask::Untold { cause: "{\"Build\":{".into() });
        let Step::Conclude(untold) = untold else { panic!("{untold:?}") };
        assert!(untold.headline().contains("not known") && remedies.insert(untold.remedy()));
    }

    #[test]
    fn a_success_without_an_analysis_is_never_waved_through() {
        for id in [None, Some(" ")] {
            assert_eq!(look("SUCCEEDED", None, id), Step::ReadLog);
            let build = build("SUCCEEDED", None, id);
            assert_eq!(task_in_log(&build, &["INFO done".into()]), None);
            assert!(matches!(from_log(&build, &["INFO done".into()]), Cause::VerdictUnknown { .. }));
        }
    }

    #[test]
    fn the_log_names_the_analysis_of_a_build_that_came_to_the_scan() {
        let lines = ["ANALYSIS TASK: AYh-7_x".to_owned()];
        for (phase, expected) in [
            (None, Some("AYh-7_x")),
            (Some("BUILD"), Some("AYh-7_x")),
            (Some("UPLOAD_ARTIFACTS"), Some("AYh-7_x")),
            (Some("INSTALL"), None),
            (Some("PRE_BUILD"), None),
        ] {
            assert_eq!(task_in_log(&build("FAILED", phase, None), &lines), expected, "{phase:?}");
        }
    }

    #[test]
    fn a_passed_gate_counts_unless_more_than_the_scan_failed() {
        for (status, phase, expected) in [
            ("SUCCEEDED", None, true),
            ("FAILED", Some("BUILD"), true),
            ("FAILED", Some("POST_BUILD"), false),
            ("FAILED", Some("UPLOAD_ARTIFACTS"), false),
            ("SUCCEEDED", Some("UPLOAD_ARTIFACTS"), false),
            ("FAILED", None, false),
            ("STOPPED", Some("BUILD"), false),
        ] {
            assert_eq!(lets_pass(&build(status, phase, None)), expected, "{status} {phase:?}");
        }
        let mut both = build("FAILED", Some("BUILD"), None);
        both.phases.extend(build("FAILED", Some("POST_BUILD"), None).phases);
        assert!(!lets_pass(&both));
    }

    #[test]
    fn the_log_tells_a_refused_zip_from_a_failed_preparation() {
        let failed = build("FAILED", Some("PRE_BUILD"), None);
        let refused = from_log(&failed, &["x".into(), "PREFLIGHT REFUSED: The zip holds a link".into()]);
        assert_eq!(refused, Cause::Refused { sentence: "The zip holds a link".into() });
        let message = "An error occurred (NoSuchVersion)".to_owned();
        assert_eq!(from_log(&failed, &[format!("FETCH FAILED: {message}")]), Cause::Download { message });
        let long = format!("PREFLIGHT REFUSED: {}", "é".repeat(1_048_576));
        let Cause::Refused { sentence } = from_log(&failed, &[long]) else { panic!("another cause") };
        assert!(sentence.chars().count() == LONGEST_LINE && sentence.ends_with('…'));
        assert_eq!(from_log(&failed, &["x".into()]), Cause::Preparation { message: "CODE: words".into() });
        let failed = build("FAILED", Some("BUILD"), None);
        let failure = ScannerFailure::BadToken;
        assert_eq!(
            from_log(&failed, &["ERROR HTTP 401 Unauthorized".into()]),
            Cause::Scanner { failure, message: "CODE: words".into() }
        );
        assert!(matches!(from_log(&build("FAILED", Some("INSTALL"), None), &[]), Cause::Install { .. }));
    }
}
