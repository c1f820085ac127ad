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
use serde_json::{Value, json};

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

impl Call {
    /// A call that was not made, without condition keys, to ask whether it would be allowed.
    #[must_use]
    pub fn by_role(role: &str, action: &str, resource: impl Into<String>) -> Self {
        let (role, action) = (role.to_owned(), action.to_owned());
        Self { role, by: String::new(), action, resource: resource.into(), context: BTreeMap::new() }
    }
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

impl Role {
    /// A role that no stack made, with one policy.
    ///
    /// # Errors
    /// The policy has something that the evaluator does not know.
    pub fn of_the_account(arn: &str, name: &str, policy: Value) -> anyhow::Result<Self> {
        let trust = json!({"Version": "2012-10-17", "Statement": []});
        Ok(Self {
            arn: arn.to_owned(),
            stack: String::new(),
            name: name.to_owned(),
            trust: serde_json::from_value(trust).context("understand the trust policy")?,
            policies: [(name.to_owned(), serde_json::from_value(policy).context("understand the policy")?)].into(),
            guardrails: BTreeMap::new(),
        })
    }

    /// One that may do everything with every bucket, as far as roles decide.
    ///
    /// # Errors
    /// None; its policy is written here.
    pub fn outsider() -> anyhow::Result<Self> {
        let statement = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
        let policy = json!({"Version": "2012-10-17", "Statement": statement});
        Self::of_the_account("arn:aws:iam::000000000000:role/outsider", "outsider", policy)
    }
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
