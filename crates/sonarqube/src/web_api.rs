//! The server's web API, as far as its set-up needs it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

/// A client with the rights of one user.
pub(crate) struct WebApi<'a> {
    client: reqwest::Client,
    url: &'a str,
    login: &'a str,
    password: &'a str,
}

impl<'a> WebApi<'a> {
    /// Asks as the user `login`.
    pub(crate) fn new(url: &'a str, login: &'a str, password: &'a str) -> anyhow::Result<Self> {
        Ok(Self { client: client(Duration::from_mins(1))?, url, login, password })
    }

    /// Calls an action that changes something and whose answer does not matter.
    pub(crate) async fn post(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<()> {
        self.send(path, parameters).await.map(drop)
    }

    /// Calls an action that changes something and answers in JSON.
    pub(crate) async fn post_for<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<T> {
        let answer = self.send(path, parameters).await?;
        serde_json::from_str(&answer).with_context(|| format!("understand SonarQube's answer to {path}"))
    }

    /// Asks for something in JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let request = self.client.get(format!("{}/{path}", self.url));
        let answer = self.answer(request, path).await?;
        serde_json::from_str(&answer).with_context(|| format!("understand SonarQube's answer to {path}"))
    }

    async fn send(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<String> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let request = self
            .client
            .post(format!("{}/{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        self.answer(request, path).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder, path: &str) -> anyhow::Result<String> {
        let response = request
            .basic_auth(self.login, Some(self.password))
            .send()
            .await
            .with_context(|| format!("ask SonarQube for {path}"))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("read SonarQube's answer to {path}"))?;
        if !status.is_success() {
            bail!("SonarQube refused {path} with {status}: {text}");
        }
        Ok(text)
    }
}

/// Whether a server at `url` says that it is up.
pub(crate) async fn is_up(url: &str) -> bool {
    let Ok(client) = client(Duration::from_secs(5)) else { return false };
    let Ok(response) = client.get(format!("{url}/api/system/status")).send().await else { return false };
    response.text().await.is_ok_and(|text| says_up(&text))
}

fn says_up(answer: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Answer {
        status: String,
    }
    serde_json::from_str(answer).is_ok_and(|answer: Answer| answer.status == "UP")
}

fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    // The server is on this machine; a proxy could not reach it.
    reqwest::Client::builder().no_proxy().timeout(timeout).build().context("make an HTTP client")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_is_nothing_but_up() {
        assert!(says_up(r#"{"id":"335AA34B-AaH8PJuqUJrcImn_rfym","version":"25.12.0.117093","status":"UP"}"#));
        assert!(!says_up(r#"{"id":"335AA34B-AaH8PJuqUJrcImn_rfym","version":"25.12.0.117093","status":"STARTING"}"#));
        assert!(!says_up("<html>SonarQube is starting</html>"));
        assert!(!says_up(""));
    }
}
