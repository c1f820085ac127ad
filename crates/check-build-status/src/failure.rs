//! A step of the state machine that has failed for good.

use domain::scan::{
    diagnosis::{Cause, PipelineFailure, Verdict},
    notification,
    report::{FAILED, NOTIFIED, REPORT},
};
use jiff::Timestamp;
use serde_json::Value;

use crate::{CheckBuildStatus, Error, Outcome, request::FailureRequest};

impl CheckBuildStatus {
    /// Records the failure as the scan's report, unless there is a verdict already, and tells the channel once.
    pub(crate) async fn fail(&self, payload: &Value, now: Timestamp) -> Result<Outcome, Error> {
        let request: FailureRequest = serde::Deserialize::deserialize(payload).map_err(Error::RequestUnusable)?;
        let cause = Cause::Unfinished { error: request.failure.error.clone(), message: request.failure.message() };
        let failure = PipelineFailure { cause, log: Vec::new() };
        let verdict = Verdict::PipelineFailed(failure.clone());
        let report = request.about.report(&request.build(), verdict, false, now);
        let report = self.record(&request.about, &request.about.scan_id.record_key(REPORT), report).await?;
        let links = self.links(&report);
        let (failure, mark) = match &report.verdict {
            // Of this try or of an earlier one, or of a step that died after it.
            Verdict::PipelineFailed(recorded) => (recorded, NOTIFIED),
            // The verdict stands. What failed came after it.
            Verdict::Passed | Verdict::QualityGateFailed(_) => (&failure, FAILED),
        };
        self.notify_once(&report, &notification::pipeline_failed(&report, failure, &links), mark).await?;
        tracing::error!(scan.id = %report.scan_id, error_type = request.failure.error, "a step of the pipeline failed");
        Ok(Outcome::PipelineFailed)
    }
}
