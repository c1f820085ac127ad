use aws_config::SdkConfig;
use aws_sdk_sesv2::{
    error::SdkError,
    operation::send_email::SendEmailError,
    types::{Body, Content, Destination, EmailContent, Message},
};
use domain::scan::{
    decision::{DECISION, Decision, MAIL, Outcome, Request},
    diagnosis::{GateFailure, Verdict},
    links::Links,
    mail, notification,
    report::{REPORT, Report, TASK, WaitingTask},
};
use jiff::{SignedDuration, Timestamp};
use platform::{records::Records, task};
use serde_json::{Value, json};

use crate::{Config, Error, Reply, error::MailError, reply::Mailed};

/// Longer than the function may run: after this, a press that left its work undone has died.
const LONGEST_PRESS: SignedDuration = SignedDuration::from_mins(1);

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
            records: Records::new(aws_sdk_s3::Client::new(aws), &config.evidence_bucket),
            ses: aws_sdk_sesv2::Client::new(aws),
            sfn: aws_sdk_sfn::Client::new(aws),
            sns: aws_sdk_sns::Client::new(aws),
            config,
        }
    }

    /// Handles one press of a button, or the expiry.
    ///
    /// `request_id` is the invocation's, which Amazon Q's audit log also knows. A request that asks for nothing
    /// sensible is answered, not failed: there is a person at the other end.
    ///
    /// # Errors
    /// [`Error`]; whatever was recorded stays, and the next press goes on from there.
    pub async fn handle(&self, payload: &Value, request_id: &str, now: Timestamp) -> Result<Reply, Error> {
        let request = match Request::parse(payload) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(error = platform::chain(&error), "the request asks for nothing that we know");
                return Ok(Reply::unusable(&error));
            }
        };
        let scan_id = &request.scan_id;
        let report = self.records.read::<Report>(&scan_id.record_key(REPORT)).await.map_err(Error::Record)?;
        let Some(report) = report else {
            tracing::warn!(scan.id = %scan_id, "no such scan");
            return Ok(Reply::unknown(scan_id));
        };
        let Verdict::QualityGateFailed(failure) = &report.verdict else {
            tracing::warn!(scan.id = %scan_id, "the scan has nothing to decide");
            return Ok(Reply::nothing_to_decide(&report));
        };
        if request.outcome == Outcome::Expired && !self.may_expire(&request).await? {
            tracing::warn!(scan.id = %scan_id, "somebody else than the state machine asks for an expiry");
            return Ok(Reply::may_not_expire(scan_id));
        }
        let (decision, first) = self.decide(&request, request_id, now).await?;
        let mailed = if under_way(&request, &decision, first, now) && !self.told(&decision).await? {
            Mailed::UnderWay
        } else {
            let mailed = match self.tell(&report, failure, &decision).await {
                // The time is over, and what was decided stands: a mail must not turn an approval into a failure.
                Err(error @ Error::Mail(_)) if request.outcome == Outcome::Expired => {
                    tracing::error!(scan.id = %scan_id, error_type = error.error_type(),
                        error = platform::chain(&error), "the decision stands without its mail");
                    Mailed::Refused("SES did not take it in time".to_owned())
                }
                told => told?,
            };
            self.end_wait(&decision).await?;
            mailed
        };
        tracing::info!(scan.id = %scan_id, scan.outcome = ?decision.outcome, decision.first = first, "handled the decision");
        Ok(Reply::decided(&report, &decision, first, &mailed))
    }

    /// Whether the state machine asks: it knows the key that it gave to CheckBuildStatus.
    async fn may_expire(&self, request: &Request) -> Result<bool, Error> {
        let key = request.scan_id.record_key(TASK);
        let waiting = self.records.read::<WaitingTask>(&key).await.map_err(Error::Record)?;
        Ok(waiting.is_some_and(|waiting| request.key.as_ref() == Some(&waiting.expiry_key)))
    }

    /// The decision that counts, and whether this request made it. Creating the record is the decision.
    async fn decide(&self, request: &Request, request_id: &str, now: Timestamp) -> Result<(Decision, bool), Error> {
        let key = request.scan_id.record_key(DECISION);
        let decision = Decision {
            scan_id: request.scan_id.clone(),
            outcome: request.outcome,
            // People read it: seconds are enough.
            decided_at: Timestamp::from_second(now.as_second()).unwrap_or(now),
            request_id: request_id.to_owned(),
        };
        if self.records.create(&key, &decision).await.map_err(Error::Record)? {
            return Ok((decision, true));
        }
        let earlier = self.records.read(&key).await.map_err(Error::Record)?;
        // Records are never deleted, so the earlier one is there; if somebody did delete it, this one stands for it.
        let earlier: Decision = earlier.unwrap_or(decision);
        // S3 has taken the record, its answer was lost, and the SDK has tried again.
        let first = earlier.request_id == request_id;
        Ok((earlier, first))
    }

    /// Sends the mail, or tells the channel of the expiry, unless that was done before.
    async fn tell(&self, report: &Report, failure: &GateFailure, decision: &Decision) -> Result<Mailed, Error> {
        let mark = decision.scan_id.record_key(MAIL);
        if self.told(decision).await? {
            return Ok(Mailed::SentBefore);
        }
        let links = Links::of(report, &self.config.sonar_host_url, self.config.triage_guide_url.as_deref());
        let message_id = if decision.outcome == Outcome::Expired {
            let notification = notification::expired(report, &links);
            let message = serde_json::to_string(&notification).map_err(|error| Error::Notification(Box::new(error)))?;
            let publish = self.sns.publish().topic_arn(&self.config.notification_topic_arn);
            let publish = publish.subject(notification.subject()).message(message).send().await;
            publish.map_err(|error| Error::Notification(Box::new(error)))?.message_id
        } else {
            match self.send(&mail::decided(report, failure, decision, &links)).await {
                Ok(message_id) => message_id,
                Err(error) => {
                    let error = MailError::from(error);
                    let Some(hint) = error.hint() else { return Err(Error::Mail(error)) };
                    tracing::error!(scan.id = %decision.scan_id, error = platform::chain(&error), "SES refused the mail");
                    return Ok(Mailed::Refused(format!("{error}: {hint}")));
                }
            }
        };
        self.records.create(&mark, &json!({"messageId": message_id})).await.map_err(Error::Record)?;
        Ok(Mailed::Sent)
    }

    async fn told(&self, decision: &Decision) -> Result<bool, Error> {
        let mark = decision.scan_id.record_key(MAIL);
        Ok(self.records.read::<Value>(&mark).await.map_err(Error::Record)?.is_some())
    }

    async fn send(&self, mail: &mail::Mail) -> Result<Option<String>, SdkError<SendEmailError>> {
        // Without a character set SES takes text for ASCII (facts 8).
        let content = |data: &str| Content::builder().data(data).charset("UTF-8").build();
        let build = |error| SdkError::construction_failure(error);
        let body =
            Body::builder().text(content(&mail.text).map_err(build)?).html(content(&mail.html).map_err(build)?).build();
        let message = Message::builder().subject(content(&mail.subject).map_err(build)?).body(body).build();
        let sent = self
            .ses
            .send_email()
            .from_email_address(&self.config.ses_email)
            .destination(Destination::builder().to_addresses(&self.config.shared_inbox_mail).build())
            .content(EmailContent::builder().simple(message).build())
            .set_configuration_set_name(self.config.ses_configuration_set.clone())
            .send()
            .await?;
        Ok(sent.message_id)
    }

    /// Lets the execution go on. The token is there, because it is recorded before the buttons are shown; without it,
    /// the expiry ends the wait.
    async fn end_wait(&self, decision: &Decision) -> Result<(), Error> {
        if decision.outcome == Outcome::Expired {
            // The state machine asked itself, and reads the reply.
            return Ok(());
        }
        let key = decision.scan_id.record_key(TASK);
        let Some(waiting) = self.records.read::<WaitingTask>(&key).await.map_err(Error::Record)? else {
            tracing::warn!(scan.id = %decision.scan_id, "no execution waits for this decision");
            return Ok(());
        };
        let output = json!({"outcome": decision.outcome});
        task::succeed(&self.sfn, &waiting.task_token, &output).await.map_err(Error::Task)?;
        Ok(())
    }
}

/// Whether the press that decided may still be sending its mail, so that fifty presses at once do not send fifty. The
/// state machine is not put off: it asks once, at the end.
fn under_way(request: &Request, decision: &Decision, first: bool, now: Timestamp) -> bool {
    !first && request.outcome != Outcome::Expired && now.duration_since(decision.decided_at) < LONGEST_PRESS
}

#[cfg(test)]
mod tests;
