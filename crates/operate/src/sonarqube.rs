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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What is said about a server that answers each path with this; all others with 404.
    async fn said(answers: &'static [(&str, &str)]) -> Vec<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let length = connection.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split([' ', '?']).nth(1).unwrap_or_default();
                let body = answers.iter().find(|(known, _)| *known == path).map(|(_, body)| *body);
                let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
                let body = body.unwrap_or_default();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                connection.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        });
        let checks = checks(&url, Some("scanner"), Some("reader")).await;
        server.abort();
        checks.iter().map(ToString::to_string).collect()
    }

    const UP: (&str, &str) = ("/api/system/status", r#"{"status": "UP", "version": "25.12.0.117093"}"#);
    const VALID: (&str, &str) = ("/api/authentication/validate", r#"{"valid": true}"#);
    const GATES: (&str, &str) =
        ("/api/qualitygates/list", r#"{"qualitygates": [{"name": "Old"}, {"name": "Sonar way", "isDefault": true}]}"#);
    const SHOW: &str = "/api/qualitygates/show";

    #[tokio::test]
    async fn a_server_that_can_be_used_is_well() {
        const OVERALL: (&str, &str) = (SHOW, r#"{"conditions": [{"metric": "security_rating"}]}"#);
        let said = said(&[UP, VALID, GATES, OVERALL]).await;
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said.iter().all(|line| line.starts_with("ok     SonarQube ")), "{said:?}");
    }

    #[tokio::test]
    async fn each_reason_why_a_server_cannot_be_used_is_told_with_what_to_do() {
        const STARTING: (&str, &str) = ("/api/system/status", r#"{"status": "STARTING", "version": "25.12"}"#);
        const INVALID: (&str, &str) = ("/api/authentication/validate", r#"{"valid": false}"#);
        const NEW_CODE_ONLY: (&str, &str) = (SHOW, r#"{"conditions": [{"metric": "new_security_rating"}]}"#);
        const NONE: (&str, &str) = ("/api/qualitygates/list", r#"{"qualitygates": []}"#);
        const CASES: [(&[(&str, &str)], &str); 5] = [
            (&[STARTING], "wait until its page opens in a browser"),
            (&[UP, INVALID, GATES, NEW_CODE_ONLY], "make a global analysis token of an ordinary user"),
            (&[UP, VALID, GATES, NEW_CODE_ONLY], "\"Sonar way\" judges new code only"),
            (&[UP, VALID, NONE], "the server has no default gate"),
            (&[], "SonarHostUrl must be the address"),
        ];
        for (answers, words) in CASES {
            let said = said(answers).await;
            assert!(said.iter().any(|line| line.starts_with("FAILS") && line.contains(words)), "{words}: {said:?}");
        }
    }

    #[tokio::test]
    async fn says_what_to_do_about_a_server_that_is_not_there() {
        let checks = checks("http://127.0.0.1:9", Some("token"), Some("token")).await;
        assert_eq!(checks.len(), 1, "{checks:?}");
        let words = checks.first().unwrap().to_string();
        assert!(words.starts_with("FAILS  SonarQube server: http://127.0.0.1:9: "), "{words}");
        assert!(words.contains("SonarHostUrl must be"), "{words}");
    }
}
