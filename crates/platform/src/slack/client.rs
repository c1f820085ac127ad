use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use crate::http::header::{CONTENT_TYPE, RETRY_AFTER};
use crate::http::{HttpError, LazyClient, Limits, Request, StatusCode};

/// Slack's usual wait where a 429 names none.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a wait lasts at least.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// Slack answers with a word or a page of text.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), size: 65_536 };
/// Slack's error bodies are single words such as `no_service`; anything longer is not one.
const LONGEST_REASON: usize = 100;

/// Why a message did not reach Slack. No variant holds the address: it is a secret.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// The address does not belong to the Slack that this deployment talks to. Nothing was sent.
    #[error("the address of the message is not on the host of `SlackEndpointUrl`: one of the two parameters is wrong")]
    NotSlack,
    /// Slack wants fewer messages. Worth another try after the wait.
    #[error("Slack asks to wait {} s", retry_after.as_secs())]
    RateLimited {
        /// What `Retry-After` said.
        retry_after: Duration,
    },
    /// Slack will never take this message at this address: a person has to act.
    #[error("Slack refused the message with {status}: {reason}")]
    Refused {
        /// The HTTP status, 4xx.
        status: u16,
        /// Slack's word for it, such as `no_service` or `invalid_blocks`.
        reason: String,
    },
    /// Slack is having trouble. Worth another try.
    #[error("Slack answered {status}")]
    Unavailable {
        /// The HTTP status, 5xx or unknown.
        status: u16,
    },
    /// No answer came. [`HttpError::may_heal`] tells whether another try is worth it.
    #[error("could not reach Slack")]
    Unreachable(#[source] HttpError),
    /// The message cannot be sent as it is.
    #[error("the message cannot be written as a request")]
    Unsendable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SlackError {
    /// Whether the same message may get through later.
    #[must_use]
    pub fn may_heal(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unavailable { .. } => true,
            Self::Unreachable(error) => error.may_heal(),
            Self::NotSlack | Self::Refused { .. } | Self::Unsendable(_) => false,
        }
    }
}

/// Posts messages to addresses that Slack gave out: incoming webhooks and `response_url`s.
#[derive(Debug)]
pub struct Slack {
    endpoint: Url,
    http: LazyClient,
    waits: AtomicU32,
}

impl Slack {
    /// A client for the Slack at this address: `https://hooks.slack.com`, or `https://hooks.slack-gov.com` for
    /// GovSlack. Nothing is sent anywhere else, since a `response_url` arrives in a request.
    #[must_use]
    pub fn new(endpoint: Url) -> Self {
        Self { endpoint, http: LazyClient::default(), waits: AtomicU32::new(0) }
    }

    /// Whether the address belongs to this Slack: scheme, host and port are the same, and it carries no user name.
    #[must_use]
    pub fn owns(&self, address: &str) -> bool {
        self.parse(address).is_some()
    }

    /// How often it asked to wait since the last call of this function.
    #[must_use]
    pub fn take_waits(&self) -> u32 {
        self.waits.swap(0, Ordering::Relaxed)
    }

    fn parse(&self, address: &str) -> Option<Url> {
        let url = Url::parse(address).ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        (plain && url.origin() == self.endpoint.origin()).then_some(url)
    }

    /// Posts one message as JSON.
    ///
    /// # Errors
    /// [`SlackError`]; [`SlackError::may_heal`] tells whether to try again. Statuses: Slack documentation, "Handling
    /// errors" of incoming webhooks, and "Rate limits".
    pub async fn post(&self, address: &SecretString, message: &(impl Serialize + Sync)) -> Result<(), SlackError> {
        self.post_once(LIMITS.time, address, message).await
    }

    async fn post_once(
        &self,
        time: Duration,
        address: &SecretString,
        message: &(impl Serialize + Sync),
    ) -> Result<(), SlackError> {
        let url = self.parse(address.expose_secret()).ok_or(SlackError::NotSlack)?;
        let body = serde_json::to_vec(message).map_err(|error| SlackError::Unsendable(error.into()))?;
        let request = Request::post(url.as_str()).header(CONTENT_TYPE, "application/json").body(body.into());
        let request = request.map_err(|error| SlackError::Unsendable(error.into()))?;
        let answer = self
            .http
            .send(request, Limits { time: time.min(LIMITS.time), ..LIMITS })
            .await
            .map_err(SlackError::Unreachable)?;
        let status = answer.status;
        if status.is_success() {
            return Ok(());
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.waits.fetch_add(1, Ordering::Relaxed);
            let seconds = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            return Err(SlackError::RateLimited {
                retry_after: seconds.map_or(DEFAULT_RETRY_AFTER, Duration::from_secs),
            });
        }
        if status.is_client_error() {
            let reason = String::from_utf8_lossy(&answer.body);
            let reason = reason.trim().chars().filter(|character| !character.is_control()).take(LONGEST_REASON);
            return Err(SlackError::Refused { status: status.as_u16(), reason: reason.collect() });
        }
        Err(SlackError::Unavailable { status: status.as_u16() })
    }

    /// Posts one message, and once more each time that Slack asks to wait, as long as all of it, waits and answers,
    /// stays within `patience`.
    ///
    /// # Errors
    /// As [`Slack::post`]; [`SlackError::RateLimited`] when the patience did not suffice.
    pub async fn post_within(
        &self,
        patience: Duration,
        address: &SecretString,
        message: &(impl Serialize + Sync),
    ) -> Result<(), SlackError> {
        let start = Instant::now();
        loop {
            let left = patience.saturating_sub(start.elapsed());
            match self.post_once(left, address, message).await {
                // A Slack that always answers with a wait of zero must not be asked without a pause.
                Err(SlackError::RateLimited { retry_after })
                    if start.elapsed() + retry_after.max(SHORTEST_WAIT) <= patience =>
                {
                    tokio::time::sleep(retry_after.max(SHORTEST_WAIT)).await;
                }
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::post};

    use super::*;

    #[test]
    fn only_addresses_of_the_configured_slack_are_its_own() {
        let slack = Slack::new(Url::parse("https://hooks.slack.com").unwrap());
        assert!(slack.owns("https://hooks.slack.com/services/T1/B1/x"));
        for address in [
            "http://hooks.slack.com/services/x",
            "https://hooks.slack.com:8443/services/x",
            "https://hooks.slack.com.evil.example/x",
            "https://hooks.slack.com@evil.example/x",
            "https://user@hooks.slack.com/x",
            "https://evil.example/https://hooks.slack.com/",
            "http://169.254.169.254/latest/meta-data",
            "//hooks.slack.com/x",
            "",
        ] {
            assert!(!slack.owns(address), "{address}");
        }
    }

    async fn answering(
        status: StatusCode,
        headers: &'static [(&'static str, &'static str)],
        body: &'static str,
    ) -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route(
            "/services/x",
            post(move || async move {
                let mut answer = axum::response::Response::new(axum::body::Body::from(body));
                *answer.status_mut() = status;
                for (name, value) in headers {
                    answer.headers_mut().insert(*name, value.parse().unwrap());
                }
                answer
            }),
        );
        tokio::spawn(async move { axum::serve(listener, app).await });
        Url::parse(&format!("http://{address}")).unwrap()
    }

    async fn post_to(endpoint: Url) -> Result<(), SlackError> {
        let address = SecretString::from(format!("{endpoint}services/x"));
        Slack::new(endpoint).post(&address, &serde_json::json!({"text": "hello"})).await
    }

    #[tokio::test]
    async fn an_ok_is_success() {
        post_to(answering(StatusCode::OK, &[], "ok").await).await.unwrap();
    }

    #[tokio::test]
    async fn a_429_says_how_long_to_wait() {
        let endpoint = answering(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "30")], "rate_limited").await;
        let error = post_to(endpoint).await.unwrap_err();
        assert!(error.may_heal());
        assert_eq!(error.to_string(), "Slack asks to wait 30 s");
        let error = post_to(answering(StatusCode::TOO_MANY_REQUESTS, &[], "").await).await.unwrap_err();
        assert_eq!(error.to_string(), "Slack asks to wait 1 s");
    }

    #[tokio::test]
    async fn waits_are_counted_and_taken_once() {
        let endpoint = answering(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "0")], "rate_limited").await;
        let (slack, address) = (Slack::new(endpoint.clone()), SecretString::from(format!("{endpoint}services/x")));
        let _ = slack.post(&address, &serde_json::json!({})).await;
        let _ = slack.post(&address, &serde_json::json!({})).await;
        assert_eq!((slack.take_waits(), slack.take_waits()), (2, 0));
    }

    #[tokio::test]
    async fn a_wait_beyond_our_patience_does_not_begin() {
        let endpoint = answering(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "30")], "rate_limited").await;
        let address = SecretString::from(format!("{endpoint}services/x"));
        let message = serde_json::json!({"text": "hello"});
        let result = Slack::new(endpoint).post_within(Duration::from_secs(29), &address, &message).await;
        assert_eq!(result.unwrap_err().to_string(), "Slack asks to wait 30 s");
    }

    #[tokio::test]
    async fn a_slack_that_takes_and_never_answers_holds_us_no_longer_than_our_patience() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
        let address = SecretString::from(format!("{endpoint}services/x"));
        let (start, message) = (Instant::now(), serde_json::json!({"text": "hello"}));
        let error = Slack::new(endpoint).post_within(Duration::from_millis(200), &address, &message).await.unwrap_err();
        assert!(error.may_heal());
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_slack_that_never_stops_asking_to_wait_does_not_hold_us_for_ever() {
        let endpoint = answering(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "0")], "rate_limited").await;
        let address = SecretString::from(format!("{endpoint}services/x"));
        let message = serde_json::json!({"text": "hello"});
        let start = Instant::now();
        let result = Slack::new(endpoint).post_within(Duration::from_millis(250), &address, &message).await;
        // The last answer may have come too late.
        assert!(result.unwrap_err().may_heal());
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_refusal_carries_slacks_word_and_does_not_heal() {
        let error = post_to(answering(StatusCode::NOT_FOUND, &[], "no_service\n").await).await.unwrap_err();
        assert!(!error.may_heal());
        assert_eq!(error.to_string(), "Slack refused the message with 404: no_service");
    }

    #[tokio::test]
    async fn a_redirect_or_a_500_may_heal_and_is_not_followed() {
        let moved = answering(StatusCode::FOUND, &[("location", "http://127.0.0.1:1/")], "").await;
        for (endpoint, status) in [(moved, 302), (answering(StatusCode::INTERNAL_SERVER_ERROR, &[], "").await, 500)] {
            let error = post_to(endpoint).await.unwrap_err();
            assert!(error.may_heal());
            assert_eq!(error.to_string(), format!("Slack answered {status}"));
        }
    }

    #[tokio::test]
    async fn an_unreachable_slack_is_an_error_that_does_not_show_the_address() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        let error = post_to(endpoint).await.unwrap_err();
        assert!(error.may_heal());
        assert!(!crate::chain(&error).contains("services"), "{}", crate::chain(&error));
    }
}
