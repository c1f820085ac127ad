//! What follows from a verdict: the channel is told, and the execution goes on or waits.

use domain::scan::{
    diagnosis::Verdict,
    failure::PIPELINE_FAILED,
    links::Links,
    notification::{self, Notification},
    report::{NOTIFIED, Report, TASK, WaitingTask},
};
use platform::task;
use serde_json::{Value, json};

use crate::{CheckBuildStatus, Error, Outcome, best_effort::best_effort, request::Request};

impl CheckBuildStatus {
    /// Tells the channel where it is to be told, and completes the task unless a person has to decide.
    pub(crate) async fn tell(&self, request: &Request, report: &Report) -> Result<Outcome, Error> {
        let links = self.links(report);
        best_effort("keep the verdict on the project", self.keep_last_verdict(report, request.moment())).await;
        match &report.verdict {
            Verdict::Passed => {
                let wanted = self.config.notify_passed.wants(report.unjudged.as_ref());
                if wanted || (report.recovered && self.config.notify_recovered) {
                    // Before the task is completed, because a crash after that is followed by no other try.
                    let notification = notification::passed(report, &links);
                    let told = self.notify_once(report, &notification, NOTIFIED);
                    best_effort("tell that the gate is passed", told).await;
                }
                task::succeed(&self.sfn, &request.task_token, &json!({"outcome": "PASSED"}))
                    .await
                    .map_err(Error::Task)?;
                Ok(Outcome::Passed)
            }
            Verdict::QualityGateFailed(failure) => {
                // The token first: a button that is there must find it.
                let waiting = WaitingTask {
                    task_token: request.task_token.clone(),
                    expiry_key: request.expiry_key.clone(),
                    upload: Some(report.upload.clone()),
                };
                self.records.replace(&report.scan_id.record_key(TASK), &waiting).await.map_err(Error::Record)?;
                if let Some(decision) = self.decision(&report.scan_id, &report.upload).await? {
                    // Somebody pressed between two tries, and found the token of the earlier one.
                    let output = json!({"outcome": decision.outcome});
                    task::succeed(&self.sfn, &request.task_token, &output).await.map_err(Error::Task)?;
                    return Ok(Outcome::Decided);
                }
                self.notify_once(report, &notification::quality_gate_failed(report, failure, &links), NOTIFIED).await?;
                Ok(Outcome::AwaitingDecision)
            }
            Verdict::PipelineFailed(failure) => {
                self.notify_once(report, &notification::pipeline_failed(report, failure, &links), NOTIFIED).await?;
                let cause = failure.cause.headline();
                task::fail(&self.sfn, &request.task_token, PIPELINE_FAILED, cause).await.map_err(Error::Task)?;
                Ok(Outcome::PipelineFailed)
            }
        }
    }

    pub(crate) fn links(&self, report: &Report) -> Links {
        Links::of(report, self.config.sonar_host_url.as_str(), self.config.triage_guide_url.as_deref())
    }

    /// Publishes, unless an earlier try did and left the mark. A crash between publishing and the mark shows the message
    /// twice, which is harmless: both carry the same scan id.
    pub(crate) async fn notify_once(
        &self,
        report: &Report,
        notification: &Notification,
        mark: &str,
    ) -> Result<(), Error> {
        let mark = report.scan_id.record_key(mark);
        if self.records.read::<Value>(&mark).await.map_err(Error::Record)?.is_some() {
            return Ok(());
        }
        let message = serde_json::to_string(notification).map_err(|error| Error::Notification(Box::new(error)))?;
        let publish = self.sns.publish().topic_arn(&self.config.notification_topic_arn);
        let publish = publish.subject(notification.subject()).message(message).send().await;
        let message_id = publish.map_err(|error| Error::Notification(Box::new(error)))?.message_id;
        self.records.create(&mark, &report.sent(message_id)).await.map_err(Error::Record)?;
        Ok(())
    }
}
