//! What ended a scan beside its verdict: a step of the state machine that has failed for good, or the end of its execution.

use domain::scan::{
    ScanId, Upload,
    build::Build,
    diagnosis::Verdict,
    execution::Ending,
    failure::Failure,
    notification,
    report::{FAILED, NOTIFIED, REPORT, Report, UploadIndex},
};
use jiff::Timestamp;
use platform::execution::{self, Execution};
use serde_json::Value;

use crate::{
    CheckBuildStatus, Error, Outcome,
    request::{About, ExecutionEnded, FailureRequest},
};

impl CheckBuildStatus {
    /// Records the failure of a step as the scan's report, unless there is a verdict already, and tells the channel once.
    pub(crate) async fn fail(&self, payload: &Value, now: Timestamp) -> Result<Outcome, Error> {
        let request: FailureRequest = serde::Deserialize::deserialize(payload).map_err(Error::RequestUnusable)?;
        let FailureRequest { about, failure, .. } = &request;
        let report = unfinished(about, &request.build(), failure, now);
        let report = self.record(about, &about.scan_id.record_key(REPORT), report).await?;
        self.tell_of_failure(&report, failure).await
    }

    /// The same for an execution that ended where no step of it could tell: somebody stopped it, it took too long, or an
    /// error ended it that no step can catch.
    ///
    /// The event says no more than where to look: Step Functions says whether the execution has ended, and what it scanned.
    pub(crate) async fn hear_of_end(&self, payload: &Value, now: Timestamp) -> Result<Outcome, Error> {
        let event: ExecutionEnded = serde::Deserialize::deserialize(payload).map_err(Error::RequestUnusable)?;
        let arn = event.detail.execution_arn;
        let found = execution::look_at(&self.sfn, &arn).await.map_err(Error::ExecutionUnreadable)?;
        // Its answer is eventually consistent, and may be older than the event: Lambda asks again later.
        let Some(execution) = found.filter(|execution| execution.ending != Ending::Running) else {
            return Err(Error::ExecutionNotEnded { execution_arn: arn });
        };
        let Some((mut about, failure)) = ended(&arn, &execution) else {
            tracing::info!(execution.arn = arn, "there is nothing to tell of the end of this execution");
            return Ok(Outcome::NothingToTell);
        };
        let index = self.records.read::<UploadIndex>(&about.object.index_key()).await.map_err(Error::Record)?;
        if let Some(owner) = index.and_then(|index| index.other_than(&about.scan_id)) {
            tracing::info!(scan.id = %about.scan_id, scan.owner = %owner, "another scan has the version, and tells of it");
            return Ok(Outcome::Duplicate);
        }
        let key = about.scan_id.record_key(REPORT);
        // A report that is there has the project's key as the state machine computed it.
        if let Some(known) = self.records.read::<Report>(&key).await.map_err(Error::Record)? {
            about.project_key = known.project_key;
        }
        let report = unfinished(&about, &Build::default(), &failure, now);
        let report = self.record_known(&about, &key, report).await?;
        self.tell_of_failure(&report, &failure).await
    }

    /// Tells the channel of a failure once: instead of the verdict, or after it.
    async fn tell_of_failure(&self, report: &Report, failure: &Failure) -> Result<Outcome, Error> {
        let (told, mark) = match &report.verdict {
            // Of this try or of an earlier one, or of a step that died after it.
            Verdict::PipelineFailed(recorded) => (recorded.clone(), NOTIFIED),
            // The verdict stands. What failed came after it.
            verdict => {
                let decision = self.decision(&report.scan_id, &report.upload).await?;
                (failure.after(verdict, decision.as_ref()), FAILED)
            }
        };
        let notification = notification::pipeline_failed(report, &told, &self.links(report));
        self.notify_once(report, &notification, mark).await?;
        tracing::error!(scan.id = %report.scan_id, error_type = failure.error, "the channel has been told of this failure");
        Ok(Outcome::PipelineFailed)
    }
}

/// The report of a scan that came to no verdict by this failure.
fn unfinished(about: &About, build: &Build, failure: &Failure, now: Timestamp) -> Report {
    let verdict = Verdict::PipelineFailed(failure.unfinished().into());
    about.report(build, verdict, false, now)
}

/// What an execution scanned, and what ended it. `None` if nothing has that is to be told, or if it scanned no upload.
fn ended(arn: &str, execution: &Execution) -> Option<(About, Failure)> {
    let (error, cause) = (execution.error.as_deref(), execution.cause.as_deref());
    let failure = Failure::of_execution(execution.ending, error, cause)?;
    let event = execution.input.as_ref()?;
    let object = Upload::of_event(event)?;
    let requester = event.pointer("/detail/requester").and_then(Value::as_str);
    let about = About {
        scan_id: ScanId::of_execution(arn)?,
        execution_arn: arn.to_owned(),
        project_key: object.project_key(),
        object,
        requester: requester.map(str::to_owned),
    };
    Some((about, failure))
}
