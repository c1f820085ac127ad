use std::time::Duration;

use aws_config::SdkConfig;
use domain::finding::Finding;
use domain::quarantine::{is_finding_id, press_key};
use domain::remediation::{Click, Decision, Request, Task};
use domain::slack::button::{self, Action, InvalidValue, Pressed, Signer};
use domain::slack::{Message, Refusal, refused};
use http::{Method, Request as HttpRequest, Response, StatusCode};
use jiff::Timestamp;
use platform::invoke;
use platform::metrics::{Metric, Metrics};
use platform::records::Records;
use platform::secret::{Rotating, SecretStore};
use platform::slack::{Slack, VerifyError, verify};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::api::answer;
use crate::config::Config;
use crate::error::Error;
use crate::finding::from_sdk;
use crate::gate;
use crate::interaction::{self, Interaction};

/// Slack's own payloads hold one message and stay far below.
const LARGEST_BODY: usize = 262_144;
/// Of the three seconds that Slack waits, what acting on a click may take, and what a message to Slack may.
/// <https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response>
const TIME_TO_ACT: Duration = Duration::from_millis(2_200);
const TIME_TO_ANSWER: Duration = Duration::from_millis(600);

/// The function: configuration and clients.
#[derive(Debug)]
pub struct RemediationHandler {
    pub config: Config,
    pub lambda: aws_sdk_lambda::Client,
    pub macie: aws_sdk_macie2::Client,
    pub records: Records,
    pub secrets: SecretStore,
    pub slack: Slack,
    pub metrics: Metrics,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
    /// After this, whoever clicked is asked to press again.
    pub time_to_act: Duration,
    /// How long Slack may take for a message.
    pub time_to_answer: Duration,
}

/// What became of a genuine click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Another kind of interaction, or a button that only opens an address.
    NotOurs,
    Refused(Refusal),
    AlreadyDecided,
    /// The first of two people agreed.
    FirstApproval,
    Dismissed,
    /// A dismissal was taken back.
    Reopened,
    Started,
    /// The next findings of a digest were listed.
    Listed,
}

/// A click that passed every check: from the right place, by somebody who may, on a button of ours.
pub(crate) struct Press<'a> {
    pub(crate) click: &'a Interaction,
    pub(crate) pressed: Pressed,
    /// Lambda's id of this invocation.
    pub(crate) request_id: &'a str,
    pub(crate) now: Timestamp,
}

impl RemediationHandler {
    /// Builds the clients. Nothing is fetched yet.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        Self {
            slack: Slack::new(config.slack_endpoint_url.clone()),
            records: Records::new(aws_sdk_s3::Client::new(aws), &config.quarantine_bucket, &config.sources.account_id),
            lambda: aws_sdk_lambda::Client::new(aws),
            macie: aws_sdk_macie2::Client::new(aws),
            secrets: SecretStore::new(aws),
            metrics: Metrics::new(&config.stack_name),
            config,
            clock: Timestamp::now,
            time_to_act: TIME_TO_ACT,
            time_to_answer: TIME_TO_ANSWER,
        }
    }

    /// Answers one request of Slack: verify, parse, decide, act, in that order. Whatever is not genuine gets a status
    /// and a word, and touches nothing. `request_id` is Lambda's, which no other invocation has.
    ///
    /// # Errors
    /// [`Error`] when one of our own steps failed for a genuine click.
    pub async fn handle(
        &self,
        request: &HttpRequest<Vec<u8>>,
        request_id: &str,
    ) -> Result<Response<&'static str>, Error> {
        if request.method() != Method::POST {
            return Ok(answer(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"));
        }
        let body = request.body().as_slice();
        if body.len() > LARGEST_BODY {
            tracing::warn!(request.size_bytes = body.len(), "refused a request that is too large");
            return Ok(answer(StatusCode::PAYLOAD_TOO_LARGE, "too large"));
        }

        let now = (self.clock)();
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let (timestamp, signature) = (header("x-slack-request-timestamp"), header("x-slack-signature"));
        if let Err(why) = self.signed_by_slack(timestamp, signature, body, now).await? {
            tracing::warn!(error = platform::chain(&why), "refused a request that is not Slack's");
            self.measure_refusal(now);
            return Ok(answer(StatusCode::UNAUTHORIZED, "unauthorized"));
        }

        let click = match interaction::parse(body) {
            Ok(click) => click,
            Err(why) => {
                tracing::warn!(error = platform::chain(&why), "refused a malformed request");
                return Ok(answer(StatusCode::BAD_REQUEST, "malformed"));
            }
        };

        // Boxed, because the compiler gives up on a future as deep as this one is with all its clients.
        let acted = tokio::time::timeout(self.time_to_act, Box::pin(self.act(&click, body, request_id, now))).await;
        // To stop anywhere is harmless: it is a crash that the next press repairs.
        match acted.unwrap_or(Err(Error::TooSlow)) {
            Ok(outcome) => {
                tracing::info!(user.id = click.user.id, ?outcome, "handled a click");
                Ok(answer(StatusCode::OK, ""))
            }
            Err(error) => {
                let refusal = if matches!(error, Error::TooSlow) { Refusal::TooSlow } else { Refusal::Failed };
                self.answer(&click, &refused(&refusal)).await;
                Err(error)
            }
        }
    }

    /// Whether Slack signed these bytes just now: with a secret that is known, or else with one that has just replaced it.
    async fn signed_by_slack(
        &self,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Result<(), VerifyError>, Error> {
        let arn = &self.config.slack_signing_secret_arn;
        let check = |secrets: &Rotating| verify(secrets.all(), timestamp, signature, body, now.as_second());
        let known = self.secrets.get_rotating(arn).await.map_err(Error::SigningSecret)?;
        Ok(match check(&known) {
            Err(VerifyError::WrongSignature) => match self.secrets.replaced(arn, now).await {
                Some(newer) => check(&newer),
                None => Err(VerifyError::WrongSignature),
            },
            checked => checked,
        })
    }

    async fn act(&self, click: &Interaction, body: &[u8], request_id: &str, now: Timestamp) -> Result<Outcome, Error> {
        let Some((action_id, value)) = click.pressed() else {
            return Ok(Outcome::NotOurs);
        };
        if let Err(refusal) = gate::check(click, &self.config) {
            return Ok(self.refuse(click, refusal).await);
        }
        let pressed = match self.verified(action_id, value, now).await? {
            Ok(pressed) => pressed,
            Err(refusal) => return Ok(self.refuse(click, refusal).await),
        };
        if !self.is_first(click, body, request_id, now).await? {
            return Ok(self.refuse(click, Refusal::Replayed).await);
        }
        let action = pressed.action;
        let press = &Press { click, pressed, request_id, now };
        // Boxed, like the whole: each holds the states of all its requests.
        match action {
            Action::Remediate => Box::pin(self.quarantine(press)).await,
            Action::Dismiss(reason) => Box::pin(self.dismiss(press, reason)).await,
            Action::Reopen => Box::pin(self.reopen(press)).await,
            Action::ShowMore => Box::pin(self.show_more(press)).await,
            Action::Restore => Box::pin(self.ask_about_case(press, |case_id| Task::Restore { case_id })).await,
            Action::QuarantineVersions => {
                Box::pin(self.ask_about_case(press, |case_id| Task::QuarantineVersions { case_id })).await
            }
            Action::BlockPublicAccess => {
                Box::pin(self.change_bucket(press, |finding| Task::BlockPublicAccess { finding })).await
            }
            Action::EncryptByDefault => {
                Box::pin(self.change_bucket(press, |finding| Task::EncryptByDefault { finding })).await
            }
        }
    }

    /// The button, if it is one of ours and still holds. What is done goes by its signed value; an `action_id` that
    /// does not go with it was not written by us.
    async fn verified(&self, action_id: &str, value: &str, now: Timestamp) -> Result<Result<Pressed, Refusal>, Error> {
        let check = |keys: &Rotating| {
            button::verify(value, keys.all().iter().map(ExposeSecret::expose_secret), self.config.buttons.place(), now)
        };
        let mut verified = check(&self.button_keys().await?);
        // The key may have been replaced since it was read, and the button made with the new one.
        if verified == Err(InvalidValue::Forged)
            && let Some(newer) = self.secrets.replaced(&self.config.slack_button_key_secret_arn, now).await
        {
            verified = check(&newer);
        }
        Ok(match verified {
            Ok(pressed) if pressed.action.action_id() == action_id => Ok(pressed),
            Ok(_) | Err(InvalidValue::Forged) => Err(Refusal::ForgedButton),
            Err(InvalidValue::Expired) => Err(Refusal::ExpiredButton),
        })
    }

    /// Whether this request comes for the first time. Slack's signature holds for five minutes, and what the case is by
    /// then may let an old decision count as a new one; so S3 takes one record for each request. Slack never sends an
    /// interaction twice: whoever presses again makes a new one.
    async fn is_first(
        &self,
        click: &Interaction,
        body: &[u8],
        request_id: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (key, trace) = (press_key(body), json!({"at": now, "by": click.user.id, "requestId": request_id}));
        if self.records.create(&key, &trace).await.map_err(Error::Press)? {
            return Ok(true);
        }
        // S3 may have taken it, and the SDK have asked once more because the answer was lost.
        Ok(self.records.read::<Value>(&key).await.map_err(Error::Press)? == Some(trace))
    }

    pub(crate) async fn button_keys(&self) -> Result<Rotating, Error> {
        self.secrets.get_rotating(&self.config.slack_button_key_secret_arn).await.map_err(Error::ButtonKey)
    }

    pub(crate) fn signer<'a>(&'a self, keys: &'a Rotating, now: Timestamp) -> Signer<'a> {
        self.config.buttons.signer(keys.newest().expose_secret(), now)
    }

    /// Who decided and when, and where the message can be changed: not for a list, which stays.
    pub(crate) fn clicked(&self, press: &Press<'_>) -> Click {
        let click = press.click;
        let response_url = click.response_url.clone().filter(|url| self.slack.owns(url));
        Click {
            user_id: click.user.id.clone(),
            user_name: click.user.username.clone().or_else(|| click.user.name.clone()),
            channel_id: self.config.buttons.channel_id.clone(),
            decided_at: press.now,
            response_url: response_url.filter(|_| !press.pressed.in_list),
        }
    }

    /// The finding as Macie has it now. The button only says which.
    pub(crate) async fn finding(&self, finding_id: &str) -> Result<Option<Finding>, Error> {
        if !is_finding_id(finding_id) {
            return Ok(None);
        }
        let failed = |source| Error::GetFinding { finding_id: finding_id.to_owned(), source: Box::new(source) };
        let answer = self.macie.get_findings().finding_ids(finding_id).send().await.map_err(failed)?;
        let found = answer.findings.unwrap_or_default().into_iter().filter_map(from_sdk);
        Ok(found.into_iter().find(|finding| finding.id == finding_id))
    }

    pub(crate) async fn invoke_remediator(&self, task: Task, decision: Decision) -> Result<(), Error> {
        let function = &self.config.remediator_function_name;
        invoke::start(&self.lambda, function, &Request { task, decision }).await.map_err(Error::Invoke)
    }

    pub(crate) async fn refuse(&self, click: &Interaction, refusal: Refusal) -> Outcome {
        tracing::warn!(user.id = click.user.id, ?refusal, "refused a click");
        self.measure_refusal((self.clock)());
        self.answer(click, &refused(&refusal)).await;
        Outcome::Refused(refusal)
    }

    fn measure_refusal(&self, now: Timestamp) {
        self.metrics.count(Metric::ClicksRefused);
        self.metrics.flush(now);
    }

    /// Puts the message in the place of the clicked one; a list stays, and the message comes beside it.
    pub(crate) async fn replace(&self, press: &Press<'_>, message: Message) {
        let message = if press.pressed.in_list { message.beside_the_original() } else { message.replacing_original() };
        self.answer(press.click, &message).await;
    }

    /// Says something where the click came from. Only a courtesy, and bounded: a failure is logged, and the click is answered
    /// all the same.
    pub(crate) async fn answer(&self, click: &Interaction, message: &Message) {
        let Some(url) = &click.response_url else {
            return;
        };
        let url = SecretString::from(url.as_str());
        match tokio::time::timeout(self.time_to_answer, self.slack.post(&url, message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = platform::chain(&error), "could not answer a click"),
            Err(_) => tracing::warn!("could not answer a click in time"),
        }
    }
}
