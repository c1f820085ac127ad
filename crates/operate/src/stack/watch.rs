//! Watching a stack change, and explaining why it could not.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use aws_sdk_cloudformation::{
    Client,
    types::{ResourceStatus, StackEvent, StackStatus},
};

use super::describe;
use crate::{account::Account, console::Console};

/// An hour at three seconds each: longer than anything here takes.
const MOST_LOOKS: u32 = 1_200;

/// The first failures say why; those after them follow from the roll-back.
const MOST_REASONS: usize = 5;

/// What people meet that CloudFormation does not explain, by its words.
const REMEDIES: [(&str, &str); 5] = [
    (
        "already been configured",
        "a Slack channel can be configured once in an account, whatever the Region: set another SlackChannelId, or delete \
         the other configuration in the console of Amazon Q Developer in chat applications",
    ),
    (
        "already configured",
        "a Slack channel can be configured once in an account, whatever the Region: set another SlackChannelId, or delete \
         the other configuration in the console of Amazon Q Developer in chat applications",
    ),
    (
        "not authorized with AWS account",
        "authorise the Slack workspace once in the console of Amazon Q Developer in chat applications, and deploy again",
    ),
    (
        "UnreservedConcurrentExecution",
        "Lambda has too little concurrency left in this Region: set RemediatorConcurrency = \"0\", or ask in Service Quotas \
         for more",
    ),
    ("Macie is not enabled", "turn Macie on in this Region, and deploy again"),
];

/// A change of a stack, watched from before it begins.
pub(super) struct Watch<'a> {
    account: &'a Account,
    client: &'a Client,
    /// The name or the id to ask with: the name of a deleted stack is gone with it.
    id: &'a str,
    name: &'a str,
    console: &'a Console,
    /// The newest event from before the change.
    before: Option<String>,
    /// The events that were told.
    told: BTreeSet<String>,
}

/// How far a change is.
struct Progress {
    status: StackStatus,
    /// Whether the stack itself has begun to change.
    begun: bool,
}

impl<'a> Watch<'a> {
    /// Remembers where the stack's events end, so that only those after it are told.
    pub(super) async fn begin(
        account: &'a Account,
        client: &'a Client,
        (id, name): (&'a str, &'a str),
        console: &'a Console,
    ) -> anyhow::Result<Self> {
        let events = client.describe_stack_events().stack_name(id).send().await.context("read the stack's events")?;
        let before = events.stack_events().first().and_then(StackEvent::event_id).map(str::to_owned);
        Ok(Self { account, client, id, name, console, before, told: BTreeSet::new() })
    }

    /// Tells what happens until nothing does any more.
    pub(super) async fn until_settled(mut self) -> anyhow::Result<()> {
        let name = self.name;
        for _ in 0..MOST_LOOKS {
            let progress = self.look().await?.with_context(|| format!("the stack {name} is gone"))?;
            match progress.status {
                // The state from before the change, which has not begun yet.
                _ if !progress.begun => {}
                StackStatus::CreateComplete | StackStatus::UpdateComplete => return Ok(()),
                // What was replaced is being removed; the stack itself works already, but takes no other change.
                status if status.as_str().ends_with("_IN_PROGRESS") => {}
                status => bail!("the stack {name} is {status}:\n{}", self.reasons().await),
            }
            tokio::time::sleep(self.account.pause()).await;
        }
        bail!("the stack {name} is still changing after an hour: look at it in the console of CloudFormation")
    }

    /// Tells what happens until the stack is gone.
    pub(super) async fn until_deleted(mut self) -> anyhow::Result<()> {
        let name = self.name;
        for _ in 0..MOST_LOOKS {
            let Some(Progress { status, begun }) = self.look().await? else { return Ok(()) };
            match status {
                StackStatus::DeleteComplete => return Ok(()),
                // The state from before the deletion, which has not begun yet.
                _ if !begun => {}
                status if status.as_str().ends_with("_IN_PROGRESS") => {}
                status => bail!("the stack {name} is {status}:\n{}", self.reasons().await),
            }
            tokio::time::sleep(self.account.pause()).await;
        }
        bail!("the stack {name} is still being deleted after an hour: look at it in the console of CloudFormation")
    }

    /// Tells each resource that is done, once. None if there is no such stack any more.
    async fn look(&mut self) -> anyhow::Result<Option<Progress>> {
        // The state first: if it is the last one, the events that explain it are there already.
        let Some(stack) = describe(self.client, self.id).await? else { return Ok(None) };
        let status = stack.stack_status().context("the stack has no status")?.clone();
        if status == StackStatus::DeleteComplete {
            return Ok(Some(Progress { status, begun: true }));
        }
        let mut begun = false;
        for event in since(self.client, self.id, self.before.as_deref()).await? {
            begun |= event.resource_type() == Some("AWS::CloudFormation::Stack");
            let status = event.resource_status().map(ResourceStatus::as_str).unwrap_or_default();
            let done = status.ends_with("_COMPLETE") || status.ends_with("_FAILED") || status == "DELETE_SKIPPED";
            if done && self.told.insert(event.event_id().unwrap_or_default().to_owned()) {
                self.console.say(&format!("  {status:24} {}", event.logical_resource_id().unwrap_or_default()));
            }
        }
        Ok(Some(Progress { status, begun }))
    }

    /// What CloudFormation says about the resources that failed first.
    async fn reasons(&self) -> String {
        let events = since(self.client, self.id, self.before.as_deref()).await.unwrap_or_default();
        reasons(&events)
    }
}

/// The events after the given one, the oldest first.
async fn since(client: &Client, name: &str, before: Option<&str>) -> anyhow::Result<Vec<StackEvent>> {
    let mut pages = client.describe_stack_events().stack_name(name).into_paginator().send();
    let mut events = Vec::new();
    'pages: while let Some(page) = pages.next().await {
        for event in page.context("read the stack's events")?.stack_events() {
            if before.is_some() && event.event_id() == before {
                break 'pages;
            }
            events.push(event.clone());
        }
    }
    events.reverse();
    Ok(events)
}

/// The resources that failed first, each with its reason, and what people do about those that are known.
fn reasons(events: &[StackEvent]) -> String {
    let failed = |event: &StackEvent| {
        let status = event.resource_status()?.as_str();
        let reason = event.resource_status_reason().unwrap_or_default();
        let own = status.ends_with("_FAILED") && !reason.contains("cancelled");
        own.then(|| format!("  {}: {reason}", event.logical_resource_id().unwrap_or_default()))
    };
    let reasons: Vec<String> = events.iter().filter_map(failed).take(MOST_REASONS).collect();
    if reasons.is_empty() {
        return "  CloudFormation gave no reason".to_owned();
    }
    let remedies = REMEDIES.iter().filter(|(words, _)| reasons.iter().any(|reason| reason.contains(words)));
    let remedies = remedies.map(|(_, remedy)| format!("  -> {remedy}"));
    reasons.iter().cloned().chain(remedies).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
