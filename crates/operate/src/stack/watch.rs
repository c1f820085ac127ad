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
const REMEDIES: [(&str, &str); 4] = [
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
    ("Macie is not enabled", "turn Macie on in this Region, and deploy again"),
];

/// The newest event of a stack, so that those after it can be told.
pub(super) async fn latest_event(client: &Client, name: &str) -> anyhow::Result<Option<String>> {
    let events = client.describe_stack_events().stack_name(name).send().await.context("read the stack's events")?;
    Ok(events.stack_events().first().and_then(StackEvent::event_id).map(str::to_owned))
}

/// Tells what happens until nothing does any more.
pub(super) async fn until_settled(
    account: &Account,
    client: &Client,
    name: &str,
    before: Option<&str>,
    console: &Console,
) -> anyhow::Result<()> {
    let mut told = BTreeSet::new();
    for _ in 0..MOST_LOOKS {
        let stack = describe(client, name).await?.with_context(|| format!("the stack {name} is gone"))?;
        let status = stack.stack_status().context("the stack has no status")?;
        let begun = tell(client, name, before, &mut told, console).await?;
        match status {
            // The state from before the change, which has not begun yet.
            _ if !begun => {}
            StackStatus::CreateComplete | StackStatus::UpdateComplete => return Ok(()),
            // What was replaced is being removed; the stack itself works already, but takes no other change.
            status if status.as_str().ends_with("_IN_PROGRESS") => {}
            status => bail!("the stack {name} is {status}:\n{}", reasons(client, name, before).await),
        }
        tokio::time::sleep(account.pause()).await;
    }
    bail!("the stack {name} is still changing after an hour: look at it in the console of CloudFormation")
}

/// Tells what happens until the stack is gone.
pub(super) async fn until_deleted(
    account: &Account,
    client: &Client,
    id: &str,
    name: &str,
    before: Option<&str>,
    console: &Console,
) -> anyhow::Result<()> {
    let mut told = BTreeSet::new();
    for _ in 0..MOST_LOOKS {
        let Some(stack) = describe(client, id).await? else { return Ok(()) };
        let status = stack.stack_status().context("the stack has no status")?;
        if *status == StackStatus::DeleteComplete {
            return Ok(());
        }
        tell(client, id, before, &mut told, console).await?;
        if !status.as_str().ends_with("_IN_PROGRESS") {
            bail!("the stack {name} is {status}:\n{}", reasons(client, id, before).await);
        }
        tokio::time::sleep(account.pause()).await;
    }
    bail!("the stack {name} is still being deleted after an hour: look at it in the console of CloudFormation")
}

/// Tells each resource that is done, once. Says whether the stack itself has begun to change.
async fn tell(
    client: &Client,
    name: &str,
    before: Option<&str>,
    told: &mut BTreeSet<String>,
    console: &Console,
) -> anyhow::Result<bool> {
    let mut begun = false;
    for event in since(client, name, before).await? {
        begun |= event.resource_type() == Some("AWS::CloudFormation::Stack");
        let status = event.resource_status().map(ResourceStatus::as_str).unwrap_or_default();
        let done = status.ends_with("_COMPLETE") || status.ends_with("_FAILED") || status == "DELETE_SKIPPED";
        if done && told.insert(event.event_id().unwrap_or_default().to_owned()) {
            console.say(&format!("  {status:24} {}", event.logical_resource_id().unwrap_or_default()));
        }
    }
    Ok(begun)
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

/// What CloudFormation says about the resources that failed first.
async fn reasons(client: &Client, name: &str, before: Option<&str>) -> String {
    let events = since(client, name, before).await.unwrap_or_default();
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
