//! What the state machine asks once the wait is over.

use domain::scan::{
    decision::{Outcome, Subject},
    diagnosis::Verdict,
    report::{REPORT, Report},
};
use jiff::Timestamp;

use crate::{
    Approval, Error,
    handler::is_under_way,
    reply::{Recorded, Telling},
};

impl Approval {
    /// What is recorded about the scan: whoever has the task token can end the wait with any answer, so only this counts.
    pub(crate) async fn confirm(&self, subject: &Subject) -> Result<Option<Recorded>, Error> {
        let recorded = match self.report_of(subject).await?.map(|report| report.verdict) {
            Some(Verdict::Passed) => Some(Recorded::Passed),
            Some(Verdict::QualityGateFailed(_)) => {
                self.decision(&subject.scan_id, &subject.upload).await?.map(|decision| decision.outcome.into())
            }
            Some(Verdict::PipelineFailed(_)) | None => None,
        };
        if recorded.is_none() {
            tracing::warn!(scan.id = %subject.scan_id, "neither a passed gate nor a decision is recorded");
        }
        Ok(recorded)
    }

    /// Sends the mail of a decision, or the notice of an expiry, unless a press did or is at it.
    pub(crate) async fn tell_of(&self, subject: &Subject, now: Timestamp) -> Result<Telling, Error> {
        let Some(report) = self.report_of(subject).await? else { return Ok(Telling::Nothing) };
        let Verdict::QualityGateFailed(failure) = &report.verdict else { return Ok(Telling::Nothing) };
        let decision = self.decision(&subject.scan_id, &subject.upload).await?;
        let Some(decision) = decision else { return Ok(Telling::Nothing) };
        // An expiry is nobody's press.
        if decision.outcome != Outcome::Expired && is_under_way(&decision, now) && !self.told(&decision).await? {
            return Ok(Telling::UnderWay);
        }
        self.tell(&report, failure, &decision).await?;
        tracing::info!(scan.id = %subject.scan_id, scan.outcome = ?decision.outcome, "everybody was told");
        Ok(Telling::Done)
    }

    /// The report, which must be about exactly this execution and version.
    async fn report_of(&self, subject: &Subject) -> Result<Option<Report>, Error> {
        let key = subject.scan_id.record_key(REPORT);
        let report = self.records.read::<Report>(&key).await.map_err(Error::Record)?;
        let own = |report: &Report| {
            report.is_of(&subject.scan_id) && report.is_about(&subject.execution_arn, &subject.upload)
        };
        if report.as_ref().is_some_and(|report| !own(report)) {
            return Err(Error::RecordForeign { scan_id: subject.scan_id.clone() });
        }
        Ok(report)
    }
}
