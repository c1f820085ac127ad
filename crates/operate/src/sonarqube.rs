//! Whether the SonarQube server can be used: reachable, with both tokens, and with a gate that can fail a first upload.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};

use crate::check::{Check, chain};

/// Conditions on these judge new code only, and in a first upload nothing is new.
const NEW_CODE: &str = "new_";

#[derive(Deserialize)]
struct Status {
    status: String,
    version: String,
}

#[derive(Deserialize)]
struct Validity {
    valid: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gates {
    qualitygates: Vec<Gate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    name: String,
    #[serde(default)]
    is_default: bool,
}

#[derive(Deserialize)]
struct Conditions {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    metric: String,
}

/// Looks at a server with the tokens that are at hand.
pub(crate) async fn checks(url: &str, scanner: Option<&str>, reader: Option<&str>) -> Vec<Check> {
    let reach = "SonarQube server";
    let client = match client(url) {
        Ok(client) => client,
        Err(error) => return vec![Check::fails(reach, chain(&error), "check this machine's certificates")],
    };
    let server = Server { client, url: url.trim_end_matches('/') };
    let status: Status = match server.get("api/system/status", None).await {
        Ok(status) => status,
        Err(why) => {
            let remedy = "SonarHostUrl must be the address that a browser uses, reachable from here, from CodeBuild and \
                          from Lambda";
            return vec![Check::fails(reach, format!("{url}: {why}"), remedy)];
        }
    };
    if status.status != "UP" {
        let why = format!("{url} says that it is {}", status.status);
        return vec![Check::fails(reach, why, "wait until its page opens in a browser, or look into its log")];
    }
    let mut checks = vec![Check::well(reach, format!("{url}, version {}", status.version))];
    let tokens = [
        ("SonarQube token that analyses", scanner, "make a global analysis token of an ordinary user"),
        ("SonarQube token that reads", reader, "make a user token of an ordinary user who may browse the projects"),
    ];
    for (what, token, remedy) in tokens {
        let Some(token) = token else { continue };
        checks.push(match server.get::<Validity>("api/authentication/validate", Some(token)).await {
            Ok(Validity { valid: true }) => Check::well(what, ""),
            Ok(Validity { valid: false }) => Check::fails(what, "the server does not take it", remedy),
            Err(why) => Check::fails(what, why, remedy),
        });
    }
    if let Some(reader) = reader {
        checks.push(gate(&server, reader).await);
    }
    checks
}

/// Whether the default gate judges overall code.
async fn gate(server: &Server<'_>, reader: &str) -> Check {
    let what = "SonarQube quality gate";
    let judged = async {
        let gates: Gates = server.get("api/qualitygates/list", Some(reader)).await?;
        let gate = gates.qualitygates.into_iter().find(|gate| gate.is_default);
        let gate = gate.ok_or("the server has no default gate")?;
        let name: String = form_urlencoded::byte_serialize(gate.name.as_bytes()).collect();
        let shown: Conditions = server.get(&format!("api/qualitygates/show?name={name}"), Some(reader)).await?;
        Ok::<_, String>((gate.name, shown.conditions))
    };
    match judged.await {
        Ok((name, conditions)) if conditions.iter().any(|condition| !condition.metric.starts_with(NEW_CODE)) => {
            Check::well(what, name)
        }
        Ok((name, _)) => Check::fails(
            what,
            format!("the default gate \"{name}\" judges new code only, and in a first upload nothing is new"),
            "make a gate with conditions on overall code (security rating worse than A, more than 0 vulnerabilities) and \
             set it as the default, or assign it to the projects",
        ),
        Err(why) => Check::fails(what, why, "the reading token must be a user token of a user who may browse"),
    }
}

struct Server<'a> {
    client: reqwest::Client,
    url: &'a str,
}

impl Server<'_> {
    async fn get<T: DeserializeOwned>(&self, path: &str, token: Option<&str>) -> Result<T, String> {
        let mut request = self.client.get(format!("{}/{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.map_err(|error| chain(&error.without_url()))?;
        let answer = answer.error_for_status().map_err(|error| chain(&error.without_url()))?;
        answer.json().await.map_err(|error| chain(&error.without_url()))
    }
}

/// No redirects: a token must not follow one.
fn client(url: &str) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .timeout(Duration::from_secs(15))
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none());
    // This machine is never behind its own proxy.
    if url.starts_with("http://127.0.0.1:") { builder.no_proxy().build() } else { builder.build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn says_what_to_do_about_a_server_that_is_not_there() {
        let checks = checks("http://127.0.0.1:9", Some("token"), Some("token")).await;
        assert_eq!(checks.len(), 1, "{checks:?}");
        let words = checks.first().unwrap().to_string();
        assert!(words.starts_with("FAILS  SonarQube server: http://127.0.0.1:9: "), "{words}");
        assert!(words.contains("SonarHostUrl must be"), "{words}");
    }
}
