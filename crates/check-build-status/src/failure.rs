//! A step of the state machine that has failed for good.

use domain::scan::{
    decision::Decision,
    diagnosis::{Cause, PipelineFailure, Verdict},
    notification,
    report::{FAILED, NOTIFIED, REPORT, Report},
};
use jiff::Timestamp;
use serde_json::Value;

use crate::{CheckBuildStatus, Error, Outcome, request::FailureRequest};

impl CheckBuildStatus {
    /// Records the failure as the scan's report, unless there is a verdict already, and tells the channel once.
    pub(crate) async fn fail(&self, payload: &Value, now: Timestamp) -> Result<Outcome, Error> {
        let request: FailureRequest = serde::Deserialize::deserialize(payload).map_err(Error::RequestUnusable)?;
        let error = request.failure.error.clone();
        let told = |cause| PipelineFailure { cause, log: Vec::new() };
        let unfinished = told(Cause::Unfinished {
            error: error.clone(),
            message: request.failure.message("It counts as not approved."),
        });
        let verdict = Verdict::PipelineFailed(unfinished.clone());
        let report = request.about.report(&request.build(), verdict, false, now);
        let report = self.record(&request.about, &request.about.scan_id.record_key(REPORT), report).await?;
        let links = self.links(&report);
        let (failure, mark) = match &report.verdict {
            // Of this try or of an earlier one, or of a step that died after it.
            Verdict::PipelineFailed(recorded) => (recorded.clone(), NOTIFIED),
            // The verdict stands. What failed came after it.
            Verdict::Passed | Verdict::QualityGateFailed(_) => {
                let stands = self.stands(&report).await?;
                let cause =
                    stands.map(|stands| Cause::AfterDecision { error, message: request.failure.message(&stands) });
                (cause.map_or(unfinished, told), FAILED)
            }
        };
        self.notify_once(&report, &notification::pipeline_failed(&report, &failure, &links), mark).await?;
        tracing::error!(scan.id = %report.scan_id, error_type = request.failure.error, "a step of the pipeline failed");
        Ok(Outcome::PipelineFailed)
    }

    /// In a sentence, what is recorded that lets the version go or keeps it; `None` if nobody has decided.
    async fn stands(&self, report: &Report) -> Result<Option<String>, Error> {
        if report.verdict == Verdict::Passed {
            return Ok(Some("The quality gate is passed, and that stands.".to_owned()));
        }
        let decision = self.decision(report).await?;
        Ok(decision.map(|Decision { outcome, decided_at, .. }| {
            format!("It was {} at {decided_at}, and that stands.", outcome.verb())
        }))
    }
}
