//! The IAM policies that are deployed, held against the calls that were really made.
//!
//! The local cloud refuses nothing. It keeps every call with its action, resource and condition keys instead, and this
//! module says what AWS would have made of each (`evaluate`), and which grants nobody needed (`judgement`). That the
//! comparison would notice a grant more or less is shown on the recorded calls themselves (`mutation`).

pub mod condition;
pub mod evaluate;
pub mod judgement;
pub mod mutation;
pub mod pattern;
pub mod policy;
pub mod width;

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use self::policy::Document;
use crate::cloud::http;

/// A call as the local cloud kept it.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// The role it was made with, or empty if a service made it in its own name.
    pub role: String,
    /// That service, for example `events.amazonaws.com`.
    pub by: String,
    pub action: String,
    /// An ARN, or `*` where the action knows no resource.
    pub resource: String,
    /// The condition keys that the request gave.
    pub context: BTreeMap<String, String>,
}

/// Roles, and the policies of resources by their ARN.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployed {
    pub roles: Vec<Role>,
    pub resources: BTreeMap<String, ResourcePolicy>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Role {
    pub arn: String,
    /// The stack that made it, and its name in the template.
    pub stack: String,
    pub name: String,
    pub trust: Document,
    pub policies: BTreeMap<String, Document>,
    /// Amazon Q allows only what these allow, too.
    pub guardrails: BTreeMap<String, Document>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ResourcePolicy {
    pub stack: String,
    pub name: String,
    pub policy: Document,
}

/// What is deployed in the local cloud at `url`.
pub async fn deployed(url: &str) -> anyhow::Result<Deployed> {
    let answer = http()?.get(format!("{url}/_local/permissions")).send().await.context("ask for the permissions")?;
    ensure!(answer.status().is_success(), "the local cloud has no permissions: {}", answer.status());
    let text = answer.text().await.context("read the permissions")?;
    serde_json::from_str(&text).context("a deployed policy has something that this evaluator does not know")
}

/// Every distinct call that was made in the local cloud at `url`.
pub async fn calls(url: &str) -> anyhow::Result<Vec<Call>> {
    #[derive(Deserialize)]
    struct Answer {
        calls: Vec<Call>,
    }
    let answer = http()?.get(format!("{url}/_local/calls")).send().await.context("ask for the calls")?;
    let answer: Answer = answer.json().await.context("read the calls")?;
    Ok(answer.calls)
}
