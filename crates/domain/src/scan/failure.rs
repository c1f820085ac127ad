//! What ended a scan beside its verdict: a step that failed for good, or the end of its execution.

use serde::Deserialize;
use serde_json::Value;

use super::{
    decision::Decision,
    diagnosis::{Cause, PipelineFailure, Verdict},
    execution::Ending,
};
use crate::text::cut;

/// The error of a check that has recorded why the pipeline failed, and of the execution that it ends.
pub const PIPELINE_FAILED: &str = "PipelineFailed";
/// The error of an execution that somebody stopped.
pub const ABORTED: &str = "ExecutionAborted";
/// The error of an execution that took longer than it may.
const TIMED_OUT: &str = "ExecutionTimedOut";

/// What failed: a step of the state machine, or the execution as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Failure {
    /// The error's name.
    pub error: String,
    /// What was said about it; of a function, JSON with an `errorMessage`.
    #[serde(default)]
    pub cause: String,
    /// What it means for the scan, in the state machine's words.
    pub sentence: String,
}

impl Failure {
    /// What ended an execution in whose own steps nothing could tell of it: how, with which error, and what was said about
    /// that. `None` if it goes on, has come to an end of its own, or has told why it failed.
    ///
    /// No step can catch that somebody stops the execution, nor `States.Runtime` and `States.DataLimitExceeded`.
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>
    #[must_use]
    pub fn of_execution(ending: Ending, error: Option<&str>, cause: Option<&str>) -> Option<Self> {
        let (error, sentence) = match (ending, error.unwrap_or_default()) {
            (Ending::Aborted, _) => (ABORTED, "Somebody stopped its execution."),
            (Ending::TimedOut, _) => (TIMED_OUT, "Its execution took longer than it may."),
            (Ending::Failed, error) if error != PIPELINE_FAILED => (error, "Its execution broke off."),
            _ => return None,
        };
        let cause = cause.unwrap_or_default().to_owned();
        Some(Self { error: cut(error, 80), cause, sentence: sentence.to_owned() })
    }

    /// What became of a scan by this, in words for the channel, when it has this verdict and decision. Failures that the
    /// check has recorded itself have words of their own.
    #[must_use]
    pub fn after(&self, verdict: &Verdict, decision: Option<&Decision>) -> PipelineFailure {
        let error = self.error.clone();
        let cause = match stands(verdict, decision) {
            Some(stands) => Cause::AfterDecision { error, message: self.message(&stands) },
            None => self.unfinished(),
        };
        cause.into()
    }

    /// The cause, for a scan without a verdict.
    #[must_use]
    pub fn unfinished(&self) -> Cause {
        Cause::Unfinished { error: self.error.clone(), message: self.message("It counts as not approved.") }
    }

    /// The sentence, what counts, and what was said. The check's own error without its record: somebody else gave it.
    fn message(&self, counts: &str) -> String {
        let ended_by_others = "Its wait was ended as failed, but not by the function that checks it.";
        let sentence = if self.error == PIPELINE_FAILED { ended_by_others } else { &self.sentence };
        let cause: Value = serde_json::from_str(&self.cause).unwrap_or_default();
        let said = cause.get("errorMessage").and_then(Value::as_str).unwrap_or(&self.cause).trim();
        let said = cut(said, 1_000);
        if said.is_empty() {
            format!("{sentence} {counts}")
        } else {
            format!("{sentence} {counts} {}: {said}", self.error)
        }
    }
}

/// In a sentence, what is recorded that lets the version go or keeps it; `None` if nobody has decided.
fn stands(verdict: &Verdict, decision: Option<&Decision>) -> Option<String> {
    if *verdict == Verdict::Passed {
        return Some("The quality gate is passed, and that stands.".to_owned());
    }
    decision.map(|Decision { outcome, decided_at, .. }| {
        format!("It was {} at {decided_at}, and that stands.", outcome.verb())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_that_no_step_could_tell_of_is_a_failure_of_the_execution() {
        for (ending, error, expected) in [
            (Ending::Aborted, None, Some(ABORTED)),
            (Ending::TimedOut, Some("States.Timeout"), Some(TIMED_OUT)),
            (Ending::Failed, Some("States.Runtime"), Some("States.Runtime")),
            (Ending::Failed, None, Some("")),
            (Ending::Failed, Some(PIPELINE_FAILED), None),
            (Ending::Succeeded, None, None),
            (Ending::Running, None, None),
            (Ending::Forgotten, None, None),
            (Ending::Unclear, None, None),
        ] {
            let failure = Failure::of_execution(ending, error, None);
            assert_eq!(failure.as_ref().map(|failure| failure.error.as_str()), expected, "{ending:?} {error:?}");
        }
    }

    #[test]
    fn what_an_execution_said_at_its_end_is_told_with_its_name() {
        let failure = Failure::of_execution(Ending::Failed, Some("States.Runtime"), Some("an error in the definition"));
        let Cause::Unfinished { message, .. } = failure.unwrap().unfinished() else { panic!("another cause") };
        assert_eq!(
            message,
            "Its execution broke off. It counts as not approved. States.Runtime: an error in the definition"
        );
    }
}
