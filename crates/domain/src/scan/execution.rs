//! How a scan's execution stands, and whether anything can still come of it.

use super::{decision::Decision, diagnosis::Verdict};

/// How an execution of the state machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It has not ended.
    Running,
    /// It came to an end of its own.
    Succeeded,
    /// A step failed, or an error ended it that no step can catch.
    Failed,
    /// It took longer than it may.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
    /// Step Functions knows nothing of it: it ended more than 90 days ago, or there never was one.
    Forgotten,
    /// In a way that this release does not know, or it is about to be redriven.
    Unclear,
}

impl Ending {
    /// In the words of Step Functions, such as `TIMED_OUT`.
    #[must_use]
    pub fn of(status: &str) -> Self {
        match status {
            "RUNNING" => Self::Running,
            "SUCCEEDED" => Self::Succeeded,
            "FAILED" => Self::Failed,
            "TIMED_OUT" => Self::TimedOut,
            "ABORTED" => Self::Aborted,
            _ => Self::Unclear,
        }
    }

    /// Whether nothing will happen in it any more, and it has not done its work. What is unclear may go on.
    #[must_use]
    pub fn is_dead(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Aborted | Self::Forgotten)
    }
}

/// Whether nothing will ever come of a scan with these records, so that another one may have its version: the pipeline
/// failed it, or its execution died before there was a verdict, or a decision on one that needs it.
#[must_use]
pub fn came_to_nothing(verdict: Option<&Verdict>, decision: Option<&Decision>, ending: Ending) -> bool {
    match verdict {
        Some(Verdict::Passed) => false,
        Some(Verdict::PipelineFailed(_)) => true,
        Some(Verdict::QualityGateFailed(_)) => decision.is_none() && ending.is_dead(),
        None => ending.is_dead(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::diagnosis::{Cause, GateFailure, PipelineFailure};

    #[test]
    fn only_what_can_no_longer_end_well_is_dead() {
        for (status, dead) in [
            ("RUNNING", false),
            ("SUCCEEDED", false),
            ("FAILED", true),
            ("TIMED_OUT", true),
            ("ABORTED", true),
            ("PENDING_REDRIVE", false),
            ("SOMETHING_NEW", false),
        ] {
            assert_eq!(Ending::of(status).is_dead(), dead, "{status}");
        }
        assert!(Ending::Forgotten.is_dead());
    }

    #[test]
    fn a_version_is_free_again_when_nothing_can_come_of_its_scan() {
        let failed = Verdict::PipelineFailed(PipelineFailure::from(Cause::TimedOut));
        let gate = Verdict::QualityGateFailed(GateFailure::default());
        let decision: Decision = serde_json::from_str(
            r#"{"scanId": "scan-1", "outcome": "EXPIRED", "decidedAt": "2026-11-21T11:00:00Z", "requestId": "r"}"#,
        )
        .unwrap();
        for (verdict, decision, while_running, when_dead) in [
            (Some(&Verdict::Passed), None, false, false),
            (Some(&failed), None, true, true),
            (Some(&gate), Some(&decision), false, false),
            (Some(&gate), None, false, true),
            (None, None, false, true),
        ] {
            assert_eq!(came_to_nothing(verdict, decision, Ending::Running), while_running, "{verdict:?}");
            assert_eq!(came_to_nothing(verdict, decision, Ending::Aborted), when_dead, "{verdict:?}");
        }
    }
}
