use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use domain::finding::Finding;
use domain::policy::movable;
use domain::quarantine::is_finding_id;
use domain::remediation::{Click, Decision, Request, Task};
use domain::slack::button::{self, Action, InvalidValue, Place, Pressed};
use domain::slack::{Message, Refusal, already_decided, refused};
use jiff::Timestamp;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Response};
use platform::records::Records;
use platform::secret::SecretStore;
use platform::slack::{Slack, verify};
use secrecy::{ExposeSecret, SecretString};

use crate::claim::{Claimed, claim};
use crate::config::Config;
use crate::error::Error;
use crate::finding::from_sdk;
use crate::gate;
use crate::interaction::{self, Interaction};

/// Slack's own payloads hold one message and stay far below.
const LARGEST_BODY: usize = 262_144;
/// What a private answer may cost of the three seconds that Slack waits.
const PRIVATE_ANSWER: Duration = Duration::from_secs(1);

/// The function: configuration and clients.
#[derive(Debug)]
pub struct RemediationHandler {
    pub config: Config,
    pub lambda: aws_sdk_lambda::Client,
    pub macie: aws_sdk_macie2::Client,
    pub records: Records,
    pub secrets: SecretStore,
    pub slack: Slack,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// What became of a genuine click.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// Another button, or another kind of interaction.
    NotOurs,
    Refused(Refusal),
    AlreadyDecided,
    Started,
}

impl RemediationHandler {
    /// Builds the clients. Nothing is fetched yet.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        Self {
            slack: Slack::new(config.slack_endpoint_url.clone()),
            records: Records::new(aws_sdk_s3::Client::new(aws), &config.quarantine_bucket),
            config,
            lambda: aws_sdk_lambda::Client::new(aws),
            macie: aws_sdk_macie2::Client::new(aws),
            secrets: SecretStore::new(aws),
            clock: Timestamp::now,
        }
    }

    /// Answers one request of Slack: verify, parse, decide, act, in that order. Whatever is not genuine gets a status
    /// and a word, and touches nothing.
    ///
    /// # Errors
    /// [`Error`] when one of our own steps failed for a genuine click.
    pub async fn handle(&self, request: lambda_http::Request) -> Result<Response<Body>, Error> {
        if request.method() != Method::POST {
            return Ok(answer(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"));
        }
        let body = request.body().as_ref();
        if body.len() > LARGEST_BODY {
            tracing::warn!(request.size_bytes = body.len(), "refused a request that is too large");
            return Ok(answer(StatusCode::PAYLOAD_TOO_LARGE, "too large"));
        }

        let now = (self.clock)();
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let (timestamp, signature) = (header("x-slack-request-timestamp"), header("x-slack-signature"));
        let secrets = self.secrets.get_rotating(&self.config.slack_signing_secret_arn).await;
        let secrets = secrets.map_err(Error::SigningSecret)?;
        if let Err(why) = verify(secrets.all(), timestamp, signature, body, now.as_second()) {
            tracing::warn!(error = platform::chain(&why), "refused a request that is not Slack's");
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
        match Box::pin(self.act(&click, now)).await {
            Ok(outcome) => {
                tracing::info!(user.id = click.user.id, ?outcome, "handled a click");
                Ok(answer(StatusCode::OK, ""))
            }
            Err(error) => {
                self.answer_privately(&click, &refused(&Refusal::Failed)).await;
                Err(error)
            }
        }
    }

    async fn act(&self, click: &Interaction, now: Timestamp) -> Result<Outcome, Error> {
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
        match pressed.action {
            Action::Remediate | Action::RemediateListed => self.quarantine(click, &pressed, now).await,
            _ => Ok(Outcome::NotOurs),
        }
    }

    /// The button, if it is one of ours and still holds. What is done goes by its signed value; an `action_id` that
    /// does not go with it was not written by us.
    async fn verified(&self, action_id: &str, value: &str, now: Timestamp) -> Result<Result<Pressed, Refusal>, Error> {
        let keys = self.secrets.get_rotating(&self.config.slack_button_key_secret_arn).await;
        let keys = keys.map_err(Error::ButtonKey)?;
        let place = Place { team_id: &self.config.slack_team_id, channel_id: &self.config.slack_channel_id };
        Ok(match button::verify(value, keys.all().iter().map(ExposeSecret::expose_secret), place, now) {
            Ok(pressed) if pressed.action.action_id() == action_id => Ok(pressed),
            Ok(_) | Err(InvalidValue::Forged) => Err(Refusal::ForgedButton),
            Err(InvalidValue::Expired) => Err(Refusal::ExpiredButton),
        })
    }

    async fn quarantine(&self, click: &Interaction, pressed: &Pressed, now: Timestamp) -> Result<Outcome, Error> {
        let Some(finding) = self.finding(&pressed.subject).await? else {
            return Ok(self.refuse(click, Refusal::UnknownFinding).await);
        };
        let object = match movable(&finding, &self.config.quarantine_bucket) {
            Ok(object) => object,
            Err(reason) => return Ok(self.refuse(click, Refusal::NotMovable(reason)).await),
        };

        let decision = Decision::Person(Click {
            user_id: click.user.id.clone(),
            user_name: click.user.username.clone().or_else(|| click.user.name.clone()),
            channel_id: self.config.slack_channel_id.clone(),
            decided_at: now,
            response_url: click.response_url.clone().filter(|url| self.slack.owns(url)),
        });
        let case_id = object.case_id();
        let claimed = claim(&self.records, &case_id, &finding, &decision, now).await;
        match claimed.map_err(|source| Error::Claim { case_id: case_id.clone(), source })? {
            Claimed::Ours => {
                tracing::info!(finding.id = finding.id, case.id = case_id, "claimed the case");
                self.invoke_remediator(finding, decision).await?;
                Ok(Outcome::Started)
            }
            Claimed::Before { claim, manifest } => {
                self.answer_privately(click, &already_decided(&claim, manifest.as_deref())).await;
                let is_done = manifest.is_some_and(|manifest| manifest.is_quarantined());
                if is_done && claim.finding_id != finding.id {
                    // Another message about the same object, whose button is still there: the remediator replaces it
                    // by what was done.
                    self.invoke_remediator(finding, decision).await?;
                }
                Ok(Outcome::AlreadyDecided)
            }
        }
    }

    /// The finding as Macie has it now. The button only says which.
    async fn finding(&self, finding_id: &str) -> Result<Option<Finding>, Error> {
        if !is_finding_id(finding_id) {
            return Ok(None);
        }
        let failed = |source| Error::GetFinding { finding_id: finding_id.to_owned(), source: Box::new(source) };
        let answer = self.macie.get_findings().finding_ids(finding_id).send().await.map_err(failed)?;
        let found = answer.findings.unwrap_or_default().into_iter().filter_map(from_sdk);
        Ok(found.into_iter().find(|finding| finding.id == finding_id))
    }

    async fn invoke_remediator(&self, finding: Finding, decision: Decision) -> Result<(), Error> {
        let payload =
            serde_json::to_vec(&Request { task: Task::Quarantine { finding }, decision }).map_err(Error::Request)?;
        let function = &self.config.remediator_function_name;
        let invoke = self.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        let answer = invoke.payload(Blob::new(payload)).send().await;
        answer.map(|_| ()).map_err(|error| Error::Invoke { function: function.clone(), source: error.into() })
    }

    async fn refuse(&self, click: &Interaction, refusal: Refusal) -> Outcome {
        tracing::warn!(user.id = click.user.id, ?refusal, "refused a click");
        self.answer_privately(click, &refused(&refusal)).await;
        Outcome::Refused(refusal)
    }

    /// Only a courtesy, and bounded: a failure is logged, and the click is answered all the same.
    async fn answer_privately(&self, click: &Interaction, message: &Message) {
        let Some(url) = &click.response_url else {
            return;
        };
        let url = SecretString::from(url.as_str());
        match tokio::time::timeout(PRIVATE_ANSWER, self.slack.post(&url, message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = platform::chain(&error), "could not answer in private"),
            Err(_) => tracing::warn!("could not answer in private in time"),
        }
    }
}

fn answer(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(if body.is_empty() { Body::Empty } else { Body::from(body) });
    *response.status_mut() = status;
    response
}
