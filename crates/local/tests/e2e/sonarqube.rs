//! The SonarQube server that the stories use: what its users may do, and that it need not be ours.

use std::{collections::BTreeMap, process::Stdio};

use anyhow::{Context as _, ensure};
use local::{cloud::http, narrator::Narrator, world::World};
use serde::Deserialize;
use tokio::process::Command;

/// Rights by the names of their holders.
type Rights = BTreeMap<String, Vec<String>>;

/// The build's user may upload analyses of any project, and make it. The reader may browse a project, and "Execute
/// Analysis", without which it is told nothing about analyses.
pub(crate) async fn its_users_may_do_no_more_than_they_need(_: &World, _: &Narrator) -> anyhow::Result<()> {
    let server = Administrator::find().await?;
    let everywhere = server.rights("users", "").await?;
    ensure!(everywhere.get("scanner").is_some_and(|rights| rights == &["provisioning", "scan"]), "{everywhere:?}");
    ensure!(everywhere.get("reader").is_some_and(Vec::is_empty), "{everywhere:?}");
    let template = "&templateName=Default%20template";
    let of_new_projects = server.rights("template_users", template).await?;
    ensure!(of_new_projects.get("scanner").is_some_and(Vec::is_empty), "{of_new_projects:?}");
    ensure!(of_new_projects.get("reader").is_some_and(|rights| rights == &["scan", "user"]), "{of_new_projects:?}");
    // Both are in the group of all users; whatever that may do, they may.
    for (what, of) in [("groups", ""), ("template_groups", template)] {
        let groups = server.rights(what, of).await?;
        for group in ["Anyone", "sonar-users"] {
            ensure!(groups.get(group).is_some_and(Vec::is_empty), "{what}: {groups:?}");
        }
    }
    Ok(())
}

/// As somebody would who has a server: by its address and two tokens.
pub(crate) async fn one_that_is_there_already_is_used_by_its_address(
    world: &World,
    _: &Narrator,
) -> anyhow::Result<()> {
    let server = world.sonarqube().context("there is no server")?;
    let output = Command::new(env!("CARGO_BIN_EXE_local"))
        .args(["demo", "--sonar-url", &server.url, "scan-passed"])
        .env("SONAR_TOKEN", &server.scanner_token)
        .env("SONAR_READER_TOKEN", &server.reader_token)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("run the demo")?;
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    ensure!(output.status.success(), "the demo ended with {}:\n{words}", output.status);
    // It neither looked for a server of its own nor ended the one that it was given.
    ensure!(!words.contains("SonarQube 2") && !words.contains("Starting SonarQube"), "{words}");
    let answer = http()?.get(format!("{}/api/system/status", server.url)).send().await.context("ask the server")?;
    ensure!(answer.text().await?.contains("\"UP\""), "the server is gone");
    Ok(())
}

struct Administrator {
    url: String,
    password: String,
}

impl Administrator {
    async fn find() -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Record {
            administrator_password: String,
        }
        let status = sonarqube::status().await?.context("no server runs")?;
        let record = std::fs::read(&status.record).context("read the record of the server")?;
        let record: Record = serde_json::from_slice(&record).context("understand the record of the server")?;
        Ok(Self { url: status.url, password: record.administrator_password })
    }

    /// What `api/permissions/<what>` says, each list sorted.
    async fn rights(&self, what: &str, of: &str) -> anyhow::Result<Rights> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(alias = "groups")]
            users: Vec<Holder>,
        }
        #[derive(Deserialize)]
        struct Holder {
            #[serde(alias = "login")]
            id: Option<String>,
            name: String,
            permissions: Vec<String>,
        }
        let url = format!("{}/api/permissions/{what}?ps=100{of}", self.url);
        let answer = http()?.get(url).basic_auth("admin", Some(&self.password)).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status).with_context(|| format!("ask for {what}"))?;
        let answer: Answer = answer.json().await.with_context(|| format!("understand the {what}"))?;
        let holders = answer.users.into_iter().map(|Holder { id, name, mut permissions }| {
            permissions.sort();
            // Users are known by their login, groups by their name.
            (id.filter(|_| what.ends_with("users")).unwrap_or(name), permissions)
        });
        Ok(holders.collect())
    }
}
