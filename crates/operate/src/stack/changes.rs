//! What CloudFormation would change, in words.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::Context as _;
use aws_sdk_cloudformation::{
    Client,
    types::{Change, ChangeAction, ChangeSetStatus, Replacement, ResourceChange},
};

use crate::account::Account;

/// More than planning ever takes.
const MOST_LOOKS: u32 = 600;

/// A plan.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) status: ChangeSetStatus,
    /// There is nothing to change, which CloudFormation calls a failure.
    pub(super) is_empty: bool,
    pub(super) reason: String,
    pub(super) preview: String,
}

/// Waits for CloudFormation to make the plan.
pub(super) async fn wait(account: &Account, client: &Client, id: &str) -> anyhow::Result<Planned> {
    for _ in 0..MOST_LOOKS {
        let mut changes: Vec<Change> = Vec::new();
        let mut token = None;
        let answer = loop {
            let page = client.describe_change_set().change_set_name(id).set_next_token(token).send().await?;
            changes.extend_from_slice(page.changes());
            match page.next_token() {
                Some(next) => token = Some(next.to_owned()),
                None => break page,
            }
        };
        let status = answer.status().context("the plan has no status")?.clone();
        if !matches!(status, ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) {
            let reason = answer.status_reason().unwrap_or_default().to_owned();
            // Both are documented: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html
            let is_empty =
                reason.contains("didn't contain changes") || reason.contains("No updates are to be performed");
            let changes: Vec<&ResourceChange> = changes.iter().filter_map(Change::resource_change).collect();
            return Ok(Planned { status, is_empty, reason, preview: preview(&changes) });
        }
        tokio::time::sleep(account.pause()).await;
    }
    anyhow::bail!("CloudFormation is still planning the changes")
}

/// New resources are counted by type; whatever happens to something that exists has a line of its own.
fn preview(changes: &[&ResourceChange]) -> String {
    let mut added: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for change in changes {
        let kind = change.resource_type().unwrap_or_default();
        let name = change.logical_resource_id().unwrap_or_default();
        match (change.action(), change.replacement()) {
            (Some(ChangeAction::Add), _) => *added.entry(kind).or_default() += 1,
            (Some(ChangeAction::Remove), _) => lines.push(format!("  - remove   {name} ({kind})")),
            (_, Some(Replacement::True)) => lines.push(format!("  ! replace  {name} ({kind})")),
            (_, Some(Replacement::Conditional)) => lines.push(format!("  ! may replace  {name} ({kind})")),
            _ => lines.push(format!("  ~ change   {name} ({kind})")),
        }
    }
    lines.sort();
    let mut text = format!("{} change{}", changes.len(), if changes.len() == 1 { "" } else { "s" });
    for (kind, count) in added {
        // Writing into a String cannot fail.
        let _ = write!(text, "\n  + create   {count} {kind}");
    }
    for line in lines {
        let _ = write!(text, "\n{line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: ChangeAction, replacement: Option<Replacement>, name: &str, kind: &str) -> ResourceChange {
        ResourceChange::builder()
            .action(action)
            .set_replacement(replacement)
            .logical_resource_id(name)
            .resource_type(kind)
            .build()
    }

    #[test]
    fn counts_what_is_new_and_names_what_exists() {
        let changes = [
            change(ChangeAction::Add, None, "A", "AWS::IAM::Role"),
            change(ChangeAction::Add, None, "B", "AWS::IAM::Role"),
            change(ChangeAction::Modify, Some(Replacement::False), "Approval", "AWS::Lambda::Function"),
            change(ChangeAction::Modify, Some(Replacement::True), "Channel", "AWS::Chatbot::SlackChannelConfiguration"),
            change(ChangeAction::Remove, None, "Old", "AWS::SNS::Topic"),
        ];
        let changes: Vec<&ResourceChange> = changes.iter().collect();
        insta::assert_snapshot!(preview(&changes), @r"
        5 changes
          + create   2 AWS::IAM::Role
          ! replace  Channel (AWS::Chatbot::SlackChannelConfiguration)
          - remove   Old (AWS::SNS::Topic)
          ~ change   Approval (AWS::Lambda::Function)
        ");
    }
}
