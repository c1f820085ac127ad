//! The mail about a decision, and the notice of an expiry: at least once each.

use std::time::Duration;

use aws_sdk_sesv2::{
    error::SdkError,
    operation::send_email::SendEmailError,
    types::{Body, Content, Destination, EmailContent, Message},
};
use domain::scan::{
    decision::{Decision, MAIL, Outcome},
    diagnosis::GateFailure,
    links::Links,
    mail, notification,
    report::Report,
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{Approval, Error, error::MailError, reply::Mailed};

/// Amazon Q waits 15 s for the answer to a press; a mail that takes longer is the state machine's.
const LONGEST_MAIL: Duration = Duration::from_secs(8);

impl Approval {
    /// Sends the mail, or tells the channel of the expiry, unless that was done before. A crash between sending and the
    /// mark sends it twice.
    pub(crate) async fn tell(
        &self,
        report: &Report,
        failure: &GateFailure,
        decision: &Decision,
    ) -> Result<Mailed, Error> {
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
            let sent = timeout(LONGEST_MAIL, self.send(&mail::decided(report, failure, decision, &links))).await;
            sent.map_err(|error| Error::Mail(MailError::NoAnswer(Box::new(error))))?
                .map_err(|error| Error::Mail(error.into()))?
        };
        let mark = decision.scan_id.record_key(MAIL);
        self.records.create(&mark, &report.sent(message_id)).await.map_err(Error::Record)?;
        Ok(Mailed::Sent)
    }

    pub(crate) async fn told(&self, decision: &Decision) -> Result<bool, Error> {
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
}
