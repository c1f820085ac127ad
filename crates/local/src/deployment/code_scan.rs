//! One stack `app-security`: the deployment's own, or another one beside it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use operate::{
    console::Console,
    parameters::Value,
    stack::{self, Template},
};

use super::{Deployment, parameters};
use crate::slack::{Channel, Slack};

/// A code scan with a channel of its own.
#[derive(Clone, Debug)]
pub struct CodeScan {
    /// Where Amazon Q speaks about it.
    pub channel: Channel,
    pub(super) outputs: BTreeMap<String, String>,
}

impl CodeScan {
    /// Creates a stack beside the deployment's, on the same `pre-requisite`. `changed` are the parameters in which it
    /// differs.
    pub async fn beside<const N: usize>(
        deployment: &Deployment,
        slack: &Slack,
        name: &str,
        changed: [(&str, &str); N],
    ) -> anyhow::Result<Self> {
        let (account, quiet) = (&deployment.account, Console::telling(|_| ()));
        let channel = slack.add_channel(name);
        let own = stack::find(account, &format!("{}-app-security", deployment.name)).await?;
        let mut given = own.context("the deployment has no stack app-security")?.parameters;
        given.insert("SlackChannelId".to_owned(), channel.id.clone());
        given.extend(parameters(changed));
        let given = given.into_iter().map(|(name, value)| (name, Value::Is(value))).collect();
        let key = format!("{}/app-security.yml", deployment.release);
        let template = Template::At(account.object_url(deployment.output("S3LambdaBucket")?, &key));
        let name = format!("{}-{name}", deployment.name);
        stack::apply(account, &name, &template, &given, &quiet).await?;
        let created = stack::find(account, &name).await?.with_context(|| format!("there is no stack {name}"))?;
        let mut outputs = deployment.outputs.clone();
        outputs.extend(created.outputs);
        Ok(Self { channel, outputs })
    }

    /// An output of the stack, or of `pre-requisite`.
    pub fn output(&self, name: &str) -> anyhow::Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| format!("the stacks have no output {name}"))
    }
}
