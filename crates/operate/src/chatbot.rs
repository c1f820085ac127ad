//! Amazon Q Developer in chat applications, whose API has the name that it had before: AWS Chatbot.
//! <https://docs.aws.amazon.com/chatbot/latest/APIReference/Welcome.html>

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use aws_sdk_sts::config::ProvideCredentials as _;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use serde_json::Value;

use crate::account::Account;

/// The service is one for all Regions, and answers in four of them:
/// <https://docs.aws.amazon.com/general/latest/gr/chatbot.html>
const REGION: &str = "us-east-2";

/// Calls an operation by its path, for example `get-custom-action`, and returns the answer.
///
/// There is no SDK for it here: two questions are not worth a crate, and each is one signed request.
///
/// # Errors
/// There are no credentials, or the service refused; its own words are in the error.
pub async fn call(account: &Account, operation: &str, request: &Value) -> anyhow::Result<Value> {
    let url = match &account.endpoint_url {
        Some(endpoint) => format!("{}/{operation}", endpoint.trim_end_matches('/')),
        None => format!("https://chatbot.{REGION}.amazonaws.com/{operation}"),
    };
    let body = request.to_string();
    let provider = account.aws.credentials_provider().context("there are no credentials")?;
    let identity = provider.provide_credentials().await.context("get the credentials")?.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("chatbot")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .context("prepare the signature")?;
    let headers = [("content-type", "application/json")];
    let signable =
        SignableRequest::new("POST", url.as_str(), headers.into_iter(), SignableBody::Bytes(body.as_bytes()))
            .context("prepare the request")?;
    let (instructions, _) = sign(signable, &parameters.into()).context("sign the request")?.into_parts();

    let client = reqwest::Client::builder().timeout(Duration::from_secs(15));
    let client = if account.endpoint_url.is_some() { client.no_proxy() } else { client };
    let mut post = client.build()?.post(&url).header("content-type", "application/json").body(body);
    for (name, value) in instructions.headers() {
        post = post.header(name, value);
    }
    let answer = post.send().await.with_context(|| format!("ask Amazon Q to {operation}"))?;
    let status = answer.status();
    let text = answer.text().await.with_context(|| format!("read the answer to {operation}"))?;
    if !status.is_success() {
        bail!("Amazon Q refuses {operation} with {status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("understand the answer to {operation}"))
}
