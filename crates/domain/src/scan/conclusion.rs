//! From what the server says, the build and the number of the try to a verdict, or to another try.

use super::{
    build::Build,
    diagnosis::{Cause, GateFailure, Verdict, failed_after_gate, lets_pass},
};

/// The state machine tries every 10 s; an analysis, or a server that is down, is not waited for any longer than this many
/// tries.
pub const LAST_ATTEMPT: u32 = 36;
/// `CodeBuild` tells that a build has ended before the last lines of its log have arrived: so many tries wait for them, if
/// they are what the cause is read from.
pub const LOG_ARRIVED: u32 = 2;

/// What the server says about one analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerVerdict {
    /// Still being processed.
    Pending,
    /// The gate is passed.
    Passed,
    /// The gate is not.
    GateFailed(GateFailure),
    /// The server gave up on the analysis.
    AnalysisFailed(String),
    /// The server refused the analysis, because a later one of the project was processed before.
    Overtaken,
    /// The analysis is not ours, or the gate says neither yes nor no.
    Unknown(String),
    /// There is no answer, or none that can be read.
    Silent {
        /// Why.
        why: String,
        /// Whether the same question may be answered later.
        may_heal: bool,
    },
}

/// Why there is no verdict on this try, and nothing to tell anybody of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotYet {
    /// The server has not decided.
    Pending,
    /// The end of the build's log has not arrived.
    LogPending,
    /// The version has to be analysed again.
    Overtaken,
}

impl NotYet {
    /// The error that the state machine knows, and its cause.
    #[must_use]
    pub fn given_back(self) -> (&'static str, &'static str) {
        match self {
            Self::Pending => ("AnalysisPending", "the SonarQube server has not decided yet"),
            Self::LogPending => ("LogPending", "the log of the build has not arrived yet"),
            Self::Overtaken => {
                ("AnalysisOvertaken", "the SonarQube server has processed a later analysis of this project already")
            }
        }
    }
}

/// The verdict on a build whose analysis the server was asked about, on the try of that number, 0 for the first.
///
/// # Errors
/// [`NotYet`]: another try may know more.
pub fn conclude(server: ServerVerdict, build: &Build, attempt: u32) -> Result<Verdict, NotYet> {
    let last = attempt >= LAST_ATTEMPT;
    let cause = match server {
        ServerVerdict::Overtaken => return Err(NotYet::Overtaken),
        ServerVerdict::Pending | ServerVerdict::Silent { may_heal: true, .. } if !last => return Err(NotYet::Pending),
        ServerVerdict::GateFailed(failure) => return Ok(Verdict::QualityGateFailed(failure)),
        ServerVerdict::Passed if lets_pass(build) => return Ok(Verdict::Passed),
        ServerVerdict::Passed => failed_after_gate(build),
        ServerVerdict::Pending => Cause::GateTimedOut,
        ServerVerdict::AnalysisFailed(message) => Cause::AnalysisFailed { message },
        ServerVerdict::Unknown(message) | ServerVerdict::Silent { why: message, .. } => {
            Cause::VerdictUnknown { message }
        }
    };
    Ok(Verdict::PipelineFailed(cause.into()))
}

/// The verdict that was read from these lines of the build's log, unless more lines could say more.
///
/// # Errors
/// [`NotYet::LogPending`]
pub fn conclude_from_log(verdict: Verdict, build: &Build, lines: &[String], attempt: u32) -> Result<Verdict, NotYet> {
    let may_be_late = build.log_stream.is_some() && verdict.may_be_late_log(lines);
    if may_be_late && attempt < LOG_ARRIVED { Err(NotYet::LogPending) } else { Ok(verdict) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::diagnosis::PipelineFailure;

    fn succeeded() -> Build {
        Build { status: Some("SUCCEEDED".into()), log_stream: Some("s".into()), ..Build::default() }
    }

    fn failed(cause: Cause) -> Verdict {
        Verdict::PipelineFailed(PipelineFailure::from(cause))
    }

    #[test]
    fn only_what_the_server_confirms_is_a_verdict_and_it_is_not_waited_for_for_ever() {
        let text = || "words".to_owned();
        let silent = |may_heal| ServerVerdict::Silent { why: text(), may_heal };
        let unknown = || Ok(failed(Cause::VerdictUnknown { message: text() }));
        let gate = GateFailure { unread: true, ..GateFailure::default() };
        let judged = Verdict::QualityGateFailed(gate.clone());
        for (server, first, last) in [
            (ServerVerdict::Pending, Err(NotYet::Pending), Ok(failed(Cause::GateTimedOut))),
            (silent(true), Err(NotYet::Pending), unknown()),
            (silent(false), unknown(), unknown()),
            (ServerVerdict::Unknown(text()), unknown(), unknown()),
            (ServerVerdict::Overtaken, Err(NotYet::Overtaken), Err(NotYet::Overtaken)),
            (ServerVerdict::Passed, Ok(Verdict::Passed), Ok(Verdict::Passed)),
            (ServerVerdict::GateFailed(gate), Ok(judged.clone()), Ok(judged)),
            (
                ServerVerdict::AnalysisFailed(text()),
                Ok(failed(Cause::AnalysisFailed { message: text() })),
                Ok(failed(Cause::AnalysisFailed { message: text() })),
            ),
        ] {
            assert_eq!(conclude(server.clone(), &succeeded(), LAST_ATTEMPT - 1), first, "{server:?}");
            assert_eq!(conclude(server.clone(), &succeeded(), LAST_ATTEMPT), last, "{server:?}");
        }
        let broken = Build { status: Some("STOPPED".into()), ..Build::default() };
        let after = conclude(ServerVerdict::Passed, &broken, 0).unwrap();
        assert!(matches!(after, Verdict::PipelineFailed(PipelineFailure { cause: Cause::FailedAfterGate { .. }, .. })));
    }

    #[test]
    fn a_log_is_waited_for_twice_where_it_could_say_more() {
        let verdict = || failed(Cause::Preparation { message: String::new() });
        let lines = ["a".to_owned()];
        let without_log = Build { log_stream: None, ..succeeded() };
        assert_eq!(conclude_from_log(verdict(), &succeeded(), &lines, LOG_ARRIVED - 1), Err(NotYet::LogPending));
        assert_eq!(conclude_from_log(verdict(), &succeeded(), &lines, LOG_ARRIVED), Ok(verdict()));
        assert_eq!(conclude_from_log(verdict(), &without_log, &lines, 0), Ok(verdict()));
        assert_eq!(conclude_from_log(Verdict::Passed, &succeeded(), &[], 0), Ok(Verdict::Passed));
    }
}
