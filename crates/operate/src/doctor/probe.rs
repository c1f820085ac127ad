//! The address that Slack posts clicks to, tried as Slack would.
//!
//! A click that is not signed is not tried: it counts as a forged one, and five of them ring the alarm ClicksRefused. That
//! such clicks are refused is known without it, from the code and the settings that the function runs with.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::Patient;
use crate::check::{Check, chain};

const HARMLESS: &str = r#"{"type":"deployment_check","user":{"id":"doctor"}}"#;

/// One request as Slack signs it, about a click that does not exist.
pub(super) async fn check(patient: &Patient<'_>) -> Check {
    let what = "signed click";
    let Some(deployed) = patient.deployed.outputs.get("RemediationUrl") else {
        return Check::fails(what, "the stack has no output RemediationUrl", "run scripts/deploy");
    };
    let url = match patient.account.reachable(deployed) {
        Ok(url) => url,
        Err(error) => return Check::fails(what, format!("{error:#}"), "run scripts/deploy"),
    };
    let id = patient.resources.get("SlackSigningSecretSecret").map(|(_, id)| id.as_str()).unwrap_or_default();
    let secret = match patient.secrets.get(id).await {
        Ok(secret) => secret,
        Err(error) => return Check::fails(what, chain(&error), "put the signing secret into Secrets Manager"),
    };
    // The function reads form fields as Slack posts them.
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", HARMLESS).finish();
    let now = jiff::Timestamp::now().as_second();
    let remedy = "the signing secret in Secrets Manager is not the one that the function has, or the function fails: look \
                  into the log of RemediationHandler, and into the API's access log";
    match post(&url, &body, now, &sign(&secret, now, body.as_bytes())).await {
        Ok(200) => Check::well(what, "answered with 200"),
        Ok(status) => Check::fails(what, format!("answered with {status} instead of 200"), remedy),
        Err(why) => Check::fails(what, why, remedy),
    }
}

async fn post(url: &str, body: &str, timestamp: i64, signature: &str) -> Result<u16, String> {
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(15));
    let builder = if url.starts_with("http://127.0.0.1:") { builder.no_proxy() } else { builder };
    let client = builder.build().map_err(|error| chain(&error))?;
    let request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
    let request = request.header("x-slack-request-timestamp", timestamp).header("x-slack-signature", signature);
    request.send().await.map(|answer| answer.status().as_u16()).map_err(|error| chain(&error))
}

/// As Slack signs: <https://docs.slack.dev/authentication/verifying-requests-from-slack>. While one secret replaces
/// another there are two, separated by a space; the first will do.
fn sign(secret: &SecretString, timestamp: i64, body: &[u8]) -> String {
    let secret = secret.expose_secret().split_whitespace().next().unwrap_or_default();
    // HMAC takes keys of any length, so this cannot fail; an empty signature would be refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}
