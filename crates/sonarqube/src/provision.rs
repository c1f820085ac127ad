//! What an administrator does once with a new server: a quality gate, and one user for each of the two tokens.
//!
//! **The gate** looks at the whole upload. A new gate starts with four conditions on new code (issues, coverage,
//! duplication, reviewed hotspots); all four are removed. A zip carries no history and no coverage reports, so they
//! say nothing about a first upload and something else about a second: with them, uploading the same clean zip
//! twice, or a repaired one after a broken one, could fail on "coverage of new code" what passed before. With
//! conditions on overall code, the same code has the same verdict, whatever was uploaded before it.
//!
//! **The scanner** may create projects and upload analyses, everywhere, because projects appear with the first upload
//! of a name. Its token is an analysis token, which cannot browse anything or review issues.
//!
//! **The reader** has, on every new project, Browse and Execute Analysis. As of 25.12, Browse alone is enough
//! for `qualitygates/project_status`, `issues/search`, `hotspots/search` and `measures/component`, but
//! `api/ce/task` then answers 403 "Insufficient privileges". It wants Execute Analysis, on that project or everywhere;
//! on the project is the smaller right: it cannot create projects.
//!
//! Projects are private, and what every signed-in user may do by default (create projects, analyse, browse, review
//! issues and hotspots) is taken away: neither token can mark an issue as accepted.

use std::io::Read as _;

use anyhow::Context as _;
use serde::Deserialize;

use crate::web_api::WebApi;

const ADMINISTRATOR: &str = "admin";
const GATE: &str = "security-chatops";
/// Metric, comparator, threshold: the gate fails if the comparison is true. Ratings count from 1 (A) to 5 (E).
const CONDITIONS: [(&str, &str, &str); 4] = [
    ("security_rating", "GT", "1"),
    ("vulnerabilities", "GT", "0"),
    ("reliability_rating", "GT", "3"),
    ("security_hotspots_reviewed", "LT", "100"),
];
const SCANNER: &str = "scanner";
const READER: &str = "reader";
const EVERYBODY: &str = "sonar-users";
const TEMPLATE: &str = "Default template";

/// What the set-up made.
pub(crate) struct Provisioned {
    pub(crate) administrator_password: String,
    pub(crate) scanner_token: String,
    pub(crate) reader_token: String,
}

/// Sets up a new server, which still has the password that every new server has.
pub(crate) async fn provision(url: &str) -> anyhow::Result<Provisioned> {
    let administrator_password = random_password()?;
    let scanner_password = random_password()?;
    WebApi::new(url, ADMINISTRATOR, "admin")?
        .post(
            "api/users/change_password",
            &[("login", ADMINISTRATOR), ("previousPassword", "admin"), ("password", &administrator_password)],
        )
        .await?;
    let administrator = WebApi::new(url, ADMINISTRATOR, &administrator_password)?;
    make_gate(&administrator).await?;
    take_from_everybody(&administrator).await?;

    make_user(&administrator, SCANNER, "Code scan: builds", &scanner_password).await?;
    for permission in ["scan", "provisioning"] {
        let parameters = [("login", SCANNER), ("permission", permission)];
        administrator.post("api/permissions/add_user", &parameters).await?;
    }
    // An administrator cannot make an analysis token for somebody else: "A Global Analysis Token cannot be generated
    // for another user."
    let scanner = WebApi::new(url, SCANNER, &scanner_password)?;
    let scanner_token = make_token(&scanner, "build", "GLOBAL_ANALYSIS_TOKEN").await?;

    let reader_password = random_password()?;
    make_user(&administrator, READER, "Code scan: CheckBuildStatus", &reader_password).await?;
    for permission in ["user", "scan"] {
        let parameters = [("templateName", TEMPLATE), ("login", READER), ("permission", permission)];
        administrator.post("api/permissions/add_user_to_template", &parameters).await?;
    }
    let reader = WebApi::new(url, READER, &reader_password)?;
    let reader_token = make_token(&reader, "check-build-status", "USER_TOKEN").await?;
    Ok(Provisioned { administrator_password, scanner_token, reader_token })
}

async fn make_gate(administrator: &WebApi<'_>) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Gate {
        conditions: Vec<Condition>,
    }
    #[derive(Deserialize)]
    struct Condition {
        id: String,
    }
    administrator.post("api/qualitygates/create", &[("name", GATE)]).await?;
    let gate: Gate = administrator.get(&format!("api/qualitygates/show?name={GATE}")).await?;
    for Condition { id } in gate.conditions {
        administrator.post("api/qualitygates/delete_condition", &[("id", &id)]).await?;
    }
    for (metric, comparator, threshold) in CONDITIONS {
        let parameters = [("gateName", GATE), ("metric", metric), ("op", comparator), ("error", threshold)];
        administrator.post("api/qualitygates/create_condition", &parameters).await?;
    }
    administrator.post("api/qualitygates/set_as_default", &[("name", GATE)]).await
}

async fn take_from_everybody(administrator: &WebApi<'_>) -> anyhow::Result<()> {
    for permission in ["scan", "provisioning"] {
        let parameters = [("groupName", EVERYBODY), ("permission", permission)];
        administrator.post("api/permissions/remove_group", &parameters).await?;
    }
    for permission in ["user", "codeviewer", "issueadmin", "securityhotspotadmin"] {
        let parameters = [("templateName", TEMPLATE), ("groupName", EVERYBODY), ("permission", permission)];
        administrator.post("api/permissions/remove_group_from_template", &parameters).await?;
    }
    // A person who looks at the pages is the administrator, and wants to see the code beside the issue.
    for permission in ["user", "codeviewer", "issueadmin", "securityhotspotadmin"] {
        let parameters = [("templateName", TEMPLATE), ("login", ADMINISTRATOR), ("permission", permission)];
        administrator.post("api/permissions/add_user_to_template", &parameters).await?;
    }
    administrator.post("api/projects/update_default_visibility", &[("projectVisibility", "private")]).await
}

async fn make_user(administrator: &WebApi<'_>, login: &str, name: &str, password: &str) -> anyhow::Result<()> {
    let parameters = [("login", login), ("name", name), ("password", password)];
    administrator.post("api/users/create", &parameters).await
}

async fn make_token(user: &WebApi<'_>, name: &str, kind: &str) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Made {
        token: String,
    }
    let parameters = [("name", name), ("type", kind)];
    let made: Made = user.post_for("api/user_tokens/generate", &parameters).await?;
    Ok(made.token)
}

/// 128 bits from the operating system, in the four kinds of characters that the server insists on.
fn random_password() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("read random bytes")?;
    Ok(format!("Aa1!{}", hex::encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_servers_have_the_same_password() {
        let (one, other) = (random_password().unwrap(), random_password().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
    }
}
