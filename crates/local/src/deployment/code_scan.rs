//! One stack `app-security`: the deployment's own, or another one beside it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_config::SdkConfig;

use super::{Deployment, parameters, stack};
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
        aws: &SdkConfig,
        slack: &Slack,
        name: &str,
        changed: [(&str, &str); N],
    ) -> anyhow::Result<Self> {
        let channel = slack.add_channel(name);
        let mut outputs = deployment.outputs.clone();
        let mut given = deployment.scan_parameters.clone();
        given.insert("SlackChannelId".to_owned(), channel.id.clone());
        given.extend(parameters(changed));
        let cloudformation = aws_sdk_cloudformation::Client::new(aws);
        let name = format!("{}-{name}", deployment.name);
        outputs.extend(stack::create(&cloudformation, &name, "app-security.yml", given).await?);
        Ok(Self { channel, outputs })
    }

    /// An output of the stack, or of `pre-requisite`.
    pub fn output(&self, name: &str) -> anyhow::Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| format!("the stacks have no output {name}"))
    }
}
