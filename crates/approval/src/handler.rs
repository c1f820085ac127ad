use aws_config::SdkConfig;
use domain::scan::{
    ScanId, Upload,
    decision::{DECISION, Decision, Outcome, Request},
    diagnosis::{GateFailure, Verdict},
    execution::Ending,
    report::{REPORT, Report, TASK, UploadIndex, WaitingTask},
};
use domain::text::to_seconds;
use jiff::{SignedDuration, Timestamp};
use platform::{
    execution,
    records::Records,
    task::{self, Completion},
};
use serde_json::{Value, json};

use crate::{Answer, Config, Error, Reply, reply::Mailed};

/// Longer than the function may run: after this, a press that left its work undone has died.
const LONGEST_PRESS: SignedDuration = SignedDuration::from_mins(1);
/// How often the state machine may have got a new token while one press completes the wait.
const TOKENS: usize = 5;

/// The function with its clients.
#[derive(Debug)]
pub struct Approval {
    pub(crate) config: Config,
    pub(crate) records: Records,
    pub(crate) ses: aws_sdk_sesv2::Client,
    pub(crate) sfn: aws_sdk_sfn::Client,
    pub(crate) sns: aws_sdk_sns::Client,
}

impl Approval {
    /// Makes the clients; nothing is sent.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        Self {
            records: Records::new(aws_sdk_s3::Client::new(aws), &config.evidence_bucket, &config.account_id),
            ses: aws_sdk_sesv2::Client::new(aws),
            sfn: aws_sdk_sfn::Client::new(aws),
            sns: aws_sdk_sns::Client::new(aws),
            config,
        }
    }

    /// Handles one press of a button, or one request of the state machine.
    ///
    /// `request_id` is the invocation's. A request that asks for nothing
    /// sensible is answered, not failed: there is a person at the other end.
    ///
    /// # Errors
    /// [`Error`]; whatever was recorded stays, and the next press or try goes on from there.
    pub async fn handle(&self, payload: &Value, request_id: &str, now: Timestamp) -> Result<Answer, Error> {
        match Request::parse(payload) {
            Ok(Request::Decide { outcome, scan_id }) => {
                self.press(&scan_id, outcome, request_id, now).await.map(Answer::Reply)
            }
            Ok(Request::Expire { scan_id, key }) => self.expire(&scan_id, &key, request_id, now).await,
            Ok(Request::Confirm(subject)) => Ok(Answer::Recorded { outcome: self.confirm(&subject).await? }),
            Ok(Request::Tell(subject)) => Ok(Answer::Told { told: self.tell_of(&subject, now).await? }),
            Err(error) => {
                tracing::warn!(error = platform::chain(&error), "the request asks for nothing that we know");
                Ok(Answer::Reply(Reply::unusable(&error)))
            }
        }
    }

    /// Decides, ends the wait, sends the mail, in this order: neither a slow nor a failing SES may hold a decision up, and
    /// what is not sent here is sent by the state machine. Only while the execution runs: nothing follows from a decision
    /// on one that was stopped.
    async fn press(
        &self,
        scan_id: &ScanId,
        outcome: Outcome,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Reply, Error> {
        let (report, failure) = match self.undecided(scan_id).await? {
            Ok(found) => found,
            Err(refusal) => return Ok(refusal),
        };
        if let Some(newer) = self.superseded_by(&report).await? {
            tracing::warn!(scan.id = %scan_id, scan.newer = %newer, "the version was scanned again");
            return Ok(Reply::superseded(&report));
        }
        let (decision, first) = if self.ending(&report).await? == Ending::Running {
            self.decide(&report, outcome, request_id, now).await?
        } else if let Some(earlier) = self.decision(scan_id, &report.upload).await? {
            (earlier, false)
        } else {
            tracing::warn!(scan.id = %scan_id, "the execution is over, and nobody has decided");
            return Ok(Reply::over(&report));
        };
        let mailed = if first {
            self.carry_out(&report, &failure, &decision).await?
        } else if self.told(&decision).await? {
            // The mail is sent last, so the wait is over, too.
            Mailed::SentBefore
        } else if is_under_way(&decision, now) {
            Mailed::UnderWay
        } else {
            self.carry_out(&report, &failure, &decision).await?
        };
        tracing::info!(scan.id = %scan_id, scan.outcome = ?decision.outcome, decision.first = first, "handled the decision");
        Ok(Reply::decided(&report, &decision, first, &mailed))
    }

    /// Ends the wait and sends the mail. Not if somebody stopped the execution, who wants nothing to follow from it; one
    /// that failed has announced what is recorded, and may have failed because SES took no mail for a day.
    async fn carry_out(&self, report: &Report, failure: &GateFailure, decision: &Decision) -> Result<Mailed, Error> {
        let ending = match self.end_wait(decision).await? {
            Completion::Completed => Ending::Running,
            Completion::Over => {
                // The execution may have died since the press looked, and another one have taken the version over before
                // the decision was recorded.
                if let Some(newer) = self.superseded_by(report).await? {
                    tracing::warn!(scan.id = %decision.scan_id, scan.newer = %newer, "the version was scanned again");
                    return Ok(Mailed::Superseded);
                }
                self.ending(report).await?
            }
        };
        if ending == Ending::Aborted {
            tracing::warn!(scan.id = %decision.scan_id, "the decision stands, but its execution was stopped");
            return Ok(Mailed::Never);
        }
        match self.tell(report, failure, decision).await {
            Err(Error::Mail(error)) => {
                tracing::error!(scan.id = %decision.scan_id, error_type = "MailFailed", error = platform::chain(&error),
                    "the decision stands without its mail; the state machine tries again as long as it runs");
                Ok(Mailed::NotYet { why: error.advice(), goes_on: ending == Ending::Running })
            }
            told => told,
        }
    }

    /// How the scan's execution stands.
    async fn ending(&self, report: &Report) -> Result<Ending, Error> {
        execution::ending(&self.sfn, &report.execution_arn).await.map_err(Error::ExecutionUnreadable)
    }

    /// Records that nobody decided in time, unless somebody did. The state machine then asks what counts.
    async fn expire(&self, scan_id: &ScanId, key: &str, request_id: &str, now: Timestamp) -> Result<Answer, Error> {
        let report = match self.undecided(scan_id).await? {
            Ok((report, _)) => report,
            Err(refusal) => return Ok(Answer::Reply(refusal)),
        };
        let waiting = self.waiting_task(scan_id).await?;
        if waiting.is_none_or(|waiting| waiting.expiry_key != key) {
            tracing::warn!(scan.id = %scan_id, "somebody else than the state machine asks for an expiry");
            return Ok(Answer::Reply(Reply::may_not_expire(scan_id)));
        }
        let (decision, first) = self.decide(&report, Outcome::Expired, request_id, now).await?;
        tracing::info!(scan.id = %scan_id, scan.outcome = ?decision.outcome, decision.first = first, "the time is over");
        Ok(Answer::Recorded { outcome: Some(decision.outcome.into()) })
    }

    /// The report of a scan that can be decided, with what failed; or what to answer.
    async fn undecided(&self, scan_id: &ScanId) -> Result<Result<(Report, GateFailure), Reply>, Error> {
        let report = self.records.read::<Report>(&scan_id.record_key(REPORT)).await.map_err(Error::Record)?;
        let Some(report) = report else {
            tracing::warn!(scan.id = %scan_id, "no such scan");
            return Ok(Err(Reply::unknown(scan_id)));
        };
        if !report.is_of(scan_id) {
            return Err(Error::RecordForeign { scan_id: scan_id.clone() });
        }
        let Verdict::QualityGateFailed(failure) = &report.verdict else {
            tracing::warn!(scan.id = %scan_id, "the scan has nothing to decide");
            return Ok(Err(Reply::nothing_to_decide(&report)));
        };
        let failure = failure.clone();
        Ok(Ok((report, failure)))
    }

    /// The scan that has the version by now, if it is another one: the execution of this one died, and nobody may decide
    /// on a scan whose decision no pipeline will find.
    async fn superseded_by(&self, report: &Report) -> Result<Option<ScanId>, Error> {
        let key = report.upload.index_key();
        let index = self.records.read::<UploadIndex>(&key).await.map_err(Error::Record)?;
        Ok(index.and_then(|index| index.other_than(&report.scan_id)))
    }

    /// The decision that counts, and whether this request made it. Creating the record is the decision.
    async fn decide(
        &self,
        report: &Report,
        outcome: Outcome,
        request_id: &str,
        now: Timestamp,
    ) -> Result<(Decision, bool), Error> {
        let Report { scan_id, upload, .. } = report;
        let key = scan_id.record_key(DECISION);
        let decision = Decision {
            scan_id: scan_id.clone(),
            outcome,
            decided_at: to_seconds(now),
            request_id: request_id.to_owned(),
            upload: Some(upload.clone()),
        };
        if self.records.create(&key, &decision).await.map_err(Error::Record)? {
            return Ok((decision, true));
        }
        // Records are never deleted, so the earlier one is there; if somebody did delete it, this one stands for it.
        let earlier = self.decision(scan_id, upload).await?.unwrap_or(decision);
        // S3 has taken the record, its answer was lost, and the SDK has tried again.
        let first = earlier.request_id == request_id;
        Ok((earlier, first))
    }

    /// The recorded decision, which must be about this scan of this version.
    pub(crate) async fn decision(&self, scan_id: &ScanId, upload: &Upload) -> Result<Option<Decision>, Error> {
        let key = scan_id.record_key(DECISION);
        let decision = self.records.read::<Decision>(&key).await.map_err(Error::Record)?;
        if decision.as_ref().is_some_and(|decision| !decision.is_about(scan_id, upload)) {
            return Err(Error::RecordForeign { scan_id: scan_id.clone() });
        }
        Ok(decision)
    }

    async fn waiting_task(&self, scan_id: &ScanId) -> Result<Option<WaitingTask>, Error> {
        self.records.read(&scan_id.record_key(TASK)).await.map_err(Error::Record)
    }

    /// Lets the execution go on. The token is there, because it is recorded before the buttons are shown. If it is over,
    /// the state machine may have got a newer one meanwhile; if it gets one later, CheckBuildStatus finds the decision.
    async fn end_wait(&self, decision: &Decision) -> Result<Completion, Error> {
        let output = json!({"outcome": decision.outcome});
        let mut tried = None;
        for _ in 0..TOKENS {
            let token = self.waiting_task(&decision.scan_id).await?.map(|waiting| waiting.task_token);
            let Some(token) = token.filter(|token| tried.as_ref() != Some(token)) else { break };
            if task::succeed(&self.sfn, &token, &output).await.map_err(Error::Task)? == Completion::Completed {
                return Ok(Completion::Completed);
            }
            tried = Some(token);
        }
        tracing::info!(scan.id = %decision.scan_id, "no execution waits for this decision any more");
        Ok(Completion::Over)
    }
}

/// Whether the press that decided may still be sending its mail, so that fifty presses at once do not send fifty.
pub(crate) fn is_under_way(decision: &Decision, now: Timestamp) -> bool {
    now.duration_since(decision.decided_at) < LONGEST_PRESS
}

#[cfg(test)]
mod tests;
