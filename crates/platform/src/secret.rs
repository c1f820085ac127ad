//! Secrets from Secrets Manager, fetched at first use and kept for five minutes, so that a rotated one is picked up; at
//! once when something is signed with a secret that is not the kept one.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_secretsmanager::{Client, error::SdkError, operation::get_secret_value::GetSecretValueError};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

const KEEP: Duration = Duration::from_mins(5);
/// Whoever sends forged signatures must not make us ask Secrets Manager for each.
const ASK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// No secret that we use is shorter: a Slack signing secret has 32 characters, a SonarQube token 44.
const SHORTEST: usize = 16;
const PLACEHOLDERS: [&str; 5] = ["update-this", "update_this", "changeme", "change-me", "placeholder"];

/// Why a secret cannot be used. The secret's value is in none of the texts.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not answer with a secret.
    #[error("could not read the secret `{arn}`")]
    Unreadable {
        /// Which secret.
        arn: String,
        /// What Secrets Manager said.
        #[source]
        source: Box<SdkError<GetSecretValueError>>,
    },
    /// The secret holds bytes, or nothing, instead of text.
    #[error("the secret `{arn}` has no text")]
    NoText {
        /// Which secret.
        arn: String,
    },
    /// The secret was never set, or is too short to be a real one.
    #[error("the secret `{arn}` is still a placeholder: put the real value into Secrets Manager")]
    Placeholder {
        /// Which secret.
        arn: String,
    },
    /// The secret should be a JSON object with a text under this key.
    #[error("the secret `{arn}` is no JSON object with a text `{key}`")]
    NoSuchKey {
        /// Which secret.
        arn: String,
        /// The key that is missing.
        key: String,
    },
}

/// A secret that may hold two texts, one a line, while the newer one replaces the older.
#[derive(Debug, Clone)]
pub struct Rotating {
    newest: SecretString,
    all: Vec<SecretString>,
}

impl Rotating {
    /// The first line: what new things are signed with.
    #[must_use]
    pub fn newest(&self) -> &SecretString {
        &self.newest
    }

    /// Every line: what is still accepted.
    #[must_use]
    pub fn all(&self) -> &[SecretString] {
        &self.all
    }

    /// Texts shorter than any secret of ours are left out: a stray character must not become a key.
    fn parse(text: &str) -> Option<Self> {
        let parts = text.split_whitespace().filter(|part| part.len() >= SHORTEST);
        let all: Vec<SecretString> = parts.map(SecretString::from).collect();
        Some(Self { newest: all.first()?.clone(), all })
    }
}

/// Reads secrets and remembers them for a while.
#[derive(Debug)]
pub struct SecretStore {
    client: Client,
    kept: Mutex<HashMap<String, (Instant, SecretString)>>,
    /// When each secret was asked for before its time.
    asked_again: Mutex<HashMap<String, Timestamp>>,
}

impl SecretStore {
    /// A store over the given configuration. Nothing is fetched yet.
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig) -> Self {
        Self::from_client(Client::new(aws))
    }

    /// A store over a given client, for tests.
    #[must_use]
    pub fn from_client(client: Client) -> Self {
        Self { client, kept: Mutex::default(), asked_again: Mutex::default() }
    }

    /// The text of the secret with this ARN or name.
    ///
    /// # Errors
    /// [`SecretError`]: unreadable, no text, or a placeholder.
    pub async fn get(&self, arn: &str) -> Result<SecretString, SecretError> {
        if let Some(secret) = self.kept(arn) {
            return Ok(secret);
        }
        let secret = self.fetch_real(arn).await?;
        self.keep(arn, secret.clone());
        Ok(secret)
    }

    /// The texts of the secret with this ARN or name: one, or two on lines of their own, the newest first.
    ///
    /// # Errors
    /// [`SecretError`]: as [`SecretStore::get`], or no line that is long enough.
    pub async fn get_rotating(&self, arn: &str) -> Result<Rotating, SecretError> {
        let text = self.get(arn).await?;
        Rotating::parse(text.expose_secret()).ok_or_else(|| SecretError::Placeholder { arn: arn.to_owned() })
    }

    /// The texts of the secret as Secrets Manager has them now, for what none of the kept ones fits. None when they are
    /// the kept ones, when Secrets Manager does not give them (which is logged), and within a minute of the last time
    /// that this process asked so for this secret: `now` says when that is over.
    pub async fn replaced(&self, arn: &str, now: Timestamp) -> Option<Rotating> {
        if !self.may_ask_again(arn, now) {
            return None;
        }
        let before = self.kept(arn);
        match self.fetch_real(arn).await {
            Ok(secret) if before.is_some_and(|before| before.expose_secret() == secret.expose_secret()) => None,
            Ok(secret) => {
                tracing::info!(secret.arn = arn, "took a new value of a secret");
                let rotating = Rotating::parse(secret.expose_secret());
                self.keep(arn, secret);
                rotating
            }
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "could not look for a new value of a secret");
                None
            }
        }
    }

    /// Whether a minute is over; if so, the next one begins. A clock that was set back keeps nobody waiting.
    fn may_ask_again(&self, arn: &str, now: Timestamp) -> bool {
        let mut asked = self.asked_again.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = |last: &Timestamp| *last <= now && now.duration_since(*last) < ASK_AGAIN_AFTER;
        if asked.get(arn).is_some_and(is_early) {
            return false;
        }
        asked.insert(arn.to_owned(), now);
        true
    }

    /// The text under `key` of a secret that is a JSON object, as `{"token": "…"}`.
    ///
    /// # Errors
    /// [`SecretError`]: as [`SecretStore::get`], or no such key.
    pub async fn get_key(&self, arn: &str, key: &str) -> Result<SecretString, SecretError> {
        let name = format!("{arn}#{key}");
        if let Some(secret) = self.kept(&name) {
            return Ok(secret);
        }
        let text = self.fetch(arn).await?;
        let secret = serde_json::from_str::<HashMap<String, serde_json::Value>>(text.expose_secret())
            .ok()
            .and_then(|object| object.get(key)?.as_str().map(SecretString::from))
            .ok_or_else(|| SecretError::NoSuchKey { arn: arn.to_owned(), key: key.to_owned() })?;
        refuse_placeholder(arn, secret.expose_secret())?;
        self.keep(&name, secret.clone());
        Ok(secret)
    }

    async fn fetch_real(&self, arn: &str) -> Result<SecretString, SecretError> {
        let secret = self.fetch(arn).await?;
        refuse_placeholder(arn, secret.expose_secret())?;
        Ok(secret)
    }

    async fn fetch(&self, arn: &str) -> Result<SecretString, SecretError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(arn)
            .send()
            .await
            .map_err(|source| SecretError::Unreadable { arn: arn.to_owned(), source: Box::new(source) })?;
        answer.secret_string().map(SecretString::from).ok_or_else(|| SecretError::NoText { arn: arn.to_owned() })
    }

    fn kept(&self, name: &str) -> Option<SecretString> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).filter(|(since, _)| since.elapsed() < KEEP).map(|(_, secret)| secret.clone())
    }

    fn keep(&self, name: &str, secret: SecretString) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), (Instant::now(), secret));
    }
}

fn refuse_placeholder(arn: &str, secret: &str) -> Result<(), SecretError> {
    let lower = secret.to_ascii_lowercase();
    if secret.trim().len() < SHORTEST || PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder)) {
        return Err(SecretError::Placeholder { arn: arn.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::*;

    fn store_with(secret: &'static str) -> (SecretStore, aws_smithy_mocks::Rule) {
        let rule = mock!(Client::get_secret_value)
            .then_output(move || GetSecretValueOutput::builder().secret_string(secret).build());
        (SecretStore::from_client(mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule])), rule)
    }

    #[tokio::test]
    async fn a_secret_is_fetched_once_and_then_remembered() {
        let (store, rule) = store_with("8f742231b10e8888abcd99yyyzzz85a5");
        for _ in 0..3 {
            assert_eq!(store.get("arn").await.unwrap().expose_secret(), "8f742231b10e8888abcd99yyyzzz85a5");
        }
        assert_eq!(rule.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_placeholder_or_short_secret_is_refused_and_not_shown() {
        for secret in ["UPDATE-THIS", "short", "", "this-is-a-placeholder-for-later", "ChangeMe-0123456789"] {
            let (store, _) = store_with(secret);
            let error = store.get("arn").await.unwrap_err();
            assert!(matches!(error, SecretError::Placeholder { .. }), "{secret}");
            assert!(secret.is_empty() || !error.to_string().contains(secret));
        }
    }

    #[tokio::test]
    async fn a_secret_may_hold_two_texts_and_the_first_is_the_newest() {
        let (store, _) = store_with("1b1b1b1b1b1b1b1b2c2c2c2c2c2c2c2c\r\n8f742231b10e8888abcd99yyyzzz85a5\nx\n");
        let rotating = store.get_rotating("arn").await.unwrap();
        assert_eq!(rotating.newest().expose_secret(), "1b1b1b1b1b1b1b1b2c2c2c2c2c2c2c2c");
        let all: Vec<_> = rotating.all().iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(all, ["1b1b1b1b1b1b1b1b2c2c2c2c2c2c2c2c", "8f742231b10e8888abcd99yyyzzz85a5"]);

        let (store, _) = store_with("many short words, none of them a key");
        assert!(matches!(store.get_rotating("arn").await, Err(SecretError::Placeholder { .. })));
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_169_801 + second).unwrap()
    }

    #[tokio::test]
    async fn a_replaced_secret_is_asked_for_once_a_minute() {
        let values = ["8f742231b10e8888abcd99yyyzzz85a5", "1b1b1b1b1b1b1b1b2c2c2c2c2c2c2c2c"];
        let given = std::sync::Arc::new(Mutex::new(values[0]));
        let gives = std::sync::Arc::clone(&given);
        let rule = mock!(Client::get_secret_value)
            .then_output(move || GetSecretValueOutput::builder().secret_string(*gives.lock().unwrap()).build());
        let store = SecretStore::from_client(mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]));
        store.get_rotating("arn").await.unwrap();

        assert!(store.replaced("arn", at(0)).await.is_none(), "it is the kept one");
        *given.lock().unwrap() = values[1];
        for second in [0, 1, 59] {
            assert!(store.replaced("arn", at(second)).await.is_none());
        }
        assert_eq!(rule.num_calls(), 2, "once for the first use, and once for the first misfit");

        let replaced = store.replaced("arn", at(60)).await.unwrap();
        assert_eq!(replaced.newest().expose_secret(), values[1]);
        assert_eq!(store.get("arn").await.unwrap().expose_secret(), values[1], "it is kept from then on");
        assert!(store.replaced("arn", at(61)).await.is_none());
        assert_eq!(rule.num_calls(), 3);
        assert!(store.replaced("another", at(61)).await.is_some(), "each secret has its own minute");
        assert!(store.replaced("arn", at(-100)).await.is_none() && rule.num_calls() == 5, "a clock that was set back");
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_asked_for_again_stays_the_kept_one() {
        let rule = mock!(Client::get_secret_value)
            .sequence()
            .output(|| GetSecretValueOutput::builder().secret_string("8f742231b10e8888abcd99yyyzzz85a5").build());
        let rule = rule.output(|| GetSecretValueOutput::builder().secret_string("update-this").build()).build();
        let store = SecretStore::from_client(mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]));
        store.get("arn").await.unwrap();
        assert!(store.replaced("arn", at(0)).await.is_none());
        assert_eq!(store.get("arn").await.unwrap().expose_secret(), "8f742231b10e8888abcd99yyyzzz85a5");
    }

    #[tokio::test]
    async fn a_key_of_a_json_secret_is_read() {
        let (store, rule) = store_with(r#"{"token":"squ_0123456789abcdef0123"}"#);
        assert_eq!(store.get_key("arn", "token").await.unwrap().expose_secret(), "squ_0123456789abcdef0123");
        assert_eq!(store.get_key("arn", "token").await.unwrap().expose_secret(), "squ_0123456789abcdef0123");
        assert_eq!(rule.num_calls(), 1);
        assert!(matches!(store.get_key("arn", "other").await, Err(SecretError::NoSuchKey { .. })));
        let (store, _) = store_with("not json, but long enough");
        assert!(matches!(store.get_key("arn", "token").await, Err(SecretError::NoSuchKey { .. })));
    }
}
