//! The address that Slack posts clicks to, tried as Slack would: signed, it answers; unsigned, it refuses.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::Patient;
use crate::check::{Check, chain};

const HARMLESS: &str = r#"{"type":"deployment_check","user":{"id":"doctor"}}"#;

const REMEDY: &str = "look into the log of RemediationHandler, and into the API's access log";

/// Two requests: one as Slack signs it, about a click that does not exist, and one without a signature.
pub(super) async fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let what = "clicks from Slack";
    let Some(deployed) = patient.deployed.outputs.get("RemediationUrl") else {
        return vec![Check::fails(what, "the stack has no output RemediationUrl", "run scripts/deploy")];
    };
    let url = match patient.account.reachable(deployed) {
        Ok(url) => url,
        Err(error) => return vec![Check::fails(what, format!("{error:#}"), REMEDY)],
    };
    // The function reads form fields as Slack posts them.
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", HARMLESS).finish();
    let mut checks = Vec::new();
    if let Some(id) = secret_id(patient) {
        checks.push(match patient.secrets.get(id).await {
            Ok(secret) => {
                let now = jiff::Timestamp::now().as_second();
                let signature = sign(&secret, now, body.as_bytes());
                let status = post(&url, &body, Some((now, &signature))).await;
                expect(
                    "signed click",
                    status,
                    200,
                    "the signing secret in Secrets Manager is not the one that the \
                        function has, or the function fails: look into the log of RemediationHandler",
                )
            }
            Err(error) => Check::fails("signed click", chain(&error), "put the signing secret into Secrets Manager"),
        });
    }
    checks.push(expect("unsigned click", post(&url, &body, None).await, 401, REMEDY));
    checks
}

fn secret_id<'a>(patient: &'a Patient<'_>) -> Option<&'a str> {
    let resource = patient.resources.get("SlackSigningSecretSecret");
    resource.map(|(_, id)| id.as_str())
}

fn expect(what: &str, status: Result<u16, String>, wanted: u16, remedy: &str) -> Check {
    match status {
        Ok(status) if status == wanted => Check::well(what, format!("answered with {status}")),
        Ok(status) => Check::fails(what, format!("answered with {status} instead of {wanted}"), remedy),
        Err(why) => Check::fails(what, why, remedy),
    }
}

async fn post(url: &str, body: &str, signed: Option<(i64, &str)>) -> Result<u16, String> {
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(15));
    let builder = if url.starts_with("http://127.0.0.1:") { builder.no_proxy() } else { builder };
    let client = builder.build().map_err(|error| chain(&error))?;
    let mut request =
        client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
    if let Some((timestamp, signature)) = signed {
        request = request.header("x-slack-request-timestamp", timestamp).header("x-slack-signature", signature);
    }
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
