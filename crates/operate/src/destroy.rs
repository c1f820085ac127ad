//! Removes a deployment. What cannot be made again stays, unless somebody says twice that it shall not.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use aws_sdk_cloudformation::types::StackStatus;
use aws_sdk_eventbridge::operation::disable_rule::DisableRuleError;
use aws_sdk_kms::{operation::describe_key::DescribeKeyError, types::KeyState};
use aws_sdk_sfn::{operation::list_executions::ListExecutionsError, types::ExecutionStatus};

use crate::{account::Account, buckets, console::Console, parameters::Stack, stack};

/// Days until KMS deletes the key: time to find out that something still needs it.
const KEY_WAITS_DAYS: i32 = 30;

/// Scans are looked for so often, pages of a thousand.
const MOST_LOOKS: u32 = 100;

/// What shall become of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Evidence, uploads and quarantine stay.
    Stays,
    /// All of it goes: said once, so it is asked for once more.
    Goes,
    /// All of it goes: said twice.
    GoesForSure,
}

/// A bucket or a key of the deployment that outlives its stack.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Thing {
    stack: Stack,
    logical_id: String,
    kind: Kind,
    id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Can be packaged and uploaded again.
    Code,
    /// Reports, decisions, uploads, quarantined objects.
    Data,
    /// What the evidence is encrypted with.
    Key,
}

/// Removes the stacks of a deployment and the code bucket, and the data if that is wanted. Doing it again is safe, and
/// can remove the data of stacks that are gone already.
///
/// # Errors
/// Something cannot be removed; what was removed before stays removed.
pub async fn destroy(account: &Account, name: &str, data: Data, console: &Console) -> anyhow::Result<()> {
    let s3 = aws_sdk_s3::Client::new(&account.aws);
    let things = things(account, name).await?;
    let client = aws_sdk_cloudformation::Client::new(&account.aws);
    let (mut stacks, mut protected) = (Vec::new(), Vec::new());
    for stack in [Stack::MacieRemediation, Stack::AppSecurity, Stack::PreRequisite] {
        // The plan of a stack goes as well: a deployment was interrupted before it was carried out.
        if let Some(found) = stack::describe(&client, &stack.of(name)).await? {
            stacks.push(stack);
            protected.extend((found.enable_termination_protection() == Some(true)).then(|| stack.of(name)));
        }
    }
    if stacks.is_empty() && things.is_empty() {
        console.say(&format!("There is no deployment {name} in account {} in {}.", account.id, account.region));
        return Ok(());
    }
    for stack in &stacks {
        console.say(&format!("removes  the stack {}", stack.of(name)));
    }
    for thing in &things {
        let goes = thing.kind == Kind::Code || data != Data::Stays;
        let contents = if thing.kind == Kind::Key { String::new() } else { buckets::describe(&s3, &thing.id).await };
        let words = format!("{} {} {contents}", thing.logical_id, thing.id);
        console.say(&format!("{}  {}", if goes { "removes" } else { "keeps  " }, words.trim_end()));
    }
    for warning in warnings(account, name, &stacks).await {
        console.say(&format!("note: {warning}"));
    }
    if let Some(other) = other_user(account, name, &things).await? {
        bail!("nothing was removed: the stack {other} uses this deployment's bucket, key or secrets; remove it first");
    }
    if !protected.is_empty() {
        bail!("nothing was removed: turn off the termination protection of {} first", protected.join(" and "));
    }
    if data != Data::Stays {
        refuse_locked(&s3, &things).await?;
    }
    confirm(account, name, data, console)?;

    for stack in stacks {
        if stack == Stack::AppSecurity {
            end_scans(account, name).await?;
        }
        stack::delete(account, &stack.of(name), console).await.with_context(|| match stack {
            Stack::AppSecurity => "the code scan takes no uploads any more, and is not gone".to_owned(),
            _ => format!("{} is not gone", stack.of(name)),
        })?;
        console.say(&format!("the stack {} is gone", stack.of(name)));
    }
    let mut kept = Vec::new();
    // The key last: without it nothing of the evidence could be read any more.
    let (keys, buckets): (Vec<Thing>, Vec<Thing>) = things.into_iter().partition(|thing| thing.kind == Kind::Key);
    for thing in buckets {
        if thing.kind == Kind::Data && data == Data::Stays {
            kept.push(thing);
        } else {
            let removed = buckets::remove(&s3, &thing.id).await?;
            console.say(&format!("the bucket {} is gone, with {removed} versions of objects", thing.id));
        }
    }
    for thing in keys {
        if data == Data::Stays {
            kept.push(thing);
        } else {
            schedule(account, &thing.id).await?;
            console.say(&format!("the key {} will be deleted in {KEY_WAITS_DAYS} days", thing.id));
        }
    }
    say_what_is_left(&kept, console);
    Ok(())
}

/// Known before anything is removed: half a removal would leave the rest without its stack.
async fn refuse_locked(s3: &aws_sdk_s3::Client, things: &[Thing]) -> anyhow::Result<()> {
    for thing in things.iter().filter(|thing| thing.kind == Kind::Data) {
        if let Some(until) = buckets::locked_until(s3, &thing.id).await?
            && until > jiff::Timestamp::now()
        {
            bail!(
                "nothing was removed: Object Lock keeps what is in {} until {until}. Leave the data out, or remove it then",
                thing.id
            );
        }
    }
    Ok(())
}

fn confirm(account: &Account, name: &str, data: Data, console: &Console) -> anyhow::Result<()> {
    if !console.agrees(&format!("Remove the deployment {name} from account {}?", account.id), "--yes")? {
        bail!("nothing was removed");
    }
    if data == Data::Goes {
        if !console.can_ask() {
            bail!("nothing was removed: to delete all data, say it twice with --yes-delete-all-data");
        }
        let typed = console.line(&format!(
            "Evidence, uploads and quarantined objects cannot be made again. To delete them, type {name}:"
        ))?;
        if typed != name {
            bail!("nothing was removed: `{typed}` is not {name}");
        }
    }
    Ok(())
}

/// What would be lost that nobody sees in a list of resources.
async fn warnings(account: &Account, name: &str, stacks: &[Stack]) -> Vec<String> {
    let mut warnings = Vec::new();
    for stack in stacks {
        let outputs = stack::find(account, &stack.of(name)).await.ok().flatten().map(|found| found.outputs);
        let outputs = outputs.unwrap_or_default();
        if let Some(machine) = outputs.get("StateMachineArn") {
            let client = aws_sdk_sfn::Client::new(&account.aws);
            let running = client.list_executions().state_machine_arn(machine).status_filter(ExecutionStatus::Running);
            let running = running.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
            let count = running.map(|running| running.len()).unwrap_or_default();
            if count > 0 {
                warnings.push(format!("{count} scans run or wait for a decision, and end without one"));
            }
        }
        for (output, what) in [("FindingQueueUrl", "wait"), ("FindingDeadLetterQueueUrl", "could not be handled")] {
            let Some(url) = outputs.get(output) else { continue };
            let count = crate::doctor::messages(account, url).await.unwrap_or_default();
            if count > 0 {
                warnings.push(format!("{count} findings {what}, and are lost (they stay in Macie)"));
            }
        }
    }
    warnings
}

/// The buckets and the key of the deployment that are still there, also of stacks that are deleted already:
/// CloudFormation remembers those for 90 days.
async fn things(account: &Account, name: &str) -> anyhow::Result<Vec<Thing>> {
    let s3 = aws_sdk_s3::Client::new(&account.aws);
    let (mut ids, mut gone) = (BTreeMap::new(), BTreeSet::new());
    let names: BTreeMap<String, Stack> = [Stack::PreRequisite, Stack::AppSecurity, Stack::MacieRemediation]
        .into_iter()
        .map(|stack| (stack.of(name), stack))
        .collect();
    let client = aws_sdk_cloudformation::Client::new(&account.aws);
    let mut pages = client.list_stacks().into_paginator().send();
    while let Some(page) = pages.next().await {
        for summary in page.context("list the stacks")?.stack_summaries() {
            let (Some(stack), Some(id)) = (summary.stack_name().and_then(|name| names.get(name)), summary.stack_id())
            else {
                continue;
            };
            if summary.stack_status() == Some(&StackStatus::DeleteComplete) {
                gone.insert(id.to_owned());
            }
            if summary.stack_status() != Some(&StackStatus::ReviewInProgress) {
                ids.insert(id.to_owned(), *stack);
            }
        }
    }
    let mut things = Vec::new();
    for (id, stack) in ids {
        let resources = if gone.contains(&id) {
            stack::skipped(account, &id).await?
        } else {
            stack::resources(account, &id).await?
        };
        for (logical_id, (kind, physical_id)) in resources {
            let kind = match kind.as_str() {
                "AWS::S3::Bucket" if stack == Stack::PreRequisite => Kind::Code,
                "AWS::S3::Bucket" => Kind::Data,
                "AWS::KMS::Key" => Kind::Key,
                _ => continue,
            };
            let there = match kind {
                Kind::Key => key_is_there(account, &physical_id).await?,
                Kind::Code | Kind::Data => buckets::exists(&s3, &physical_id).await?,
            };
            if there {
                things.push(Thing { stack, logical_id, kind, id: physical_id });
            }
        }
    }
    Ok(things)
}

async fn key_is_there(account: &Account, key: &str) -> anyhow::Result<bool> {
    match aws_sdk_kms::Client::new(&account.aws).describe_key().key_id(key).send().await {
        Ok(answer) => {
            let state = answer.key_metadata.and_then(|key| key.key_state);
            Ok(state != Some(KeyState::PendingDeletion))
        }
        Err(error) if error.as_service_error().is_some_and(DescribeKeyError::is_not_found_exception) => Ok(false),
        Err(error) => Err(error).with_context(|| format!("look for the key {key}")),
    }
}

/// Another stack that has this deployment's bucket, key or secrets among its parameters, and would lose them.
async fn other_user(account: &Account, name: &str, things: &[Thing]) -> anyhow::Result<Option<String>> {
    let base = things.iter().filter(|thing| thing.stack == Stack::PreRequisite);
    let mut lent: Vec<String> = base.map(|thing| thing.id.clone()).collect();
    let full_name = Stack::PreRequisite.of(name);
    if stack::find(account, &full_name).await?.is_some() {
        let resources = stack::resources(account, &full_name).await?.into_values();
        lent.extend(resources.filter(|(kind, _)| kind == "AWS::SecretsManager::Secret").map(|(_, id)| id));
    }
    lent.retain(|id| !id.is_empty());
    let own = [Stack::AppSecurity, Stack::MacieRemediation].map(|stack| stack.of(name));
    let mut pages = aws_sdk_cloudformation::Client::new(&account.aws).describe_stacks().into_paginator().send();
    while let Some(page) = pages.next().await {
        for stack in page.context("look at the other stacks")?.stacks() {
            let uses = stack.parameters().iter().any(|parameter| {
                // A key is known by its id, and given by its ARN.
                let value = parameter.parameter_value().unwrap_or_default();
                lent.iter().any(|id| value.ends_with(id.as_str()))
            });
            let other = stack.stack_name().unwrap_or_default();
            if uses && !own.iter().any(|own| own == other) && other != Stack::PreRequisite.of(name) {
                return Ok(Some(other.to_owned()));
            }
        }
    }
    Ok(None)
}

/// Takes no more uploads and ends the scans that run or wait: CloudFormation deletes a state machine only after its last
/// execution has ended, and one may wait for a decision for days.
async fn end_scans(account: &Account, name: &str) -> anyhow::Result<()> {
    let full_name = Stack::AppSecurity.of(name);
    if stack::find(account, &full_name).await?.is_none() {
        return Ok(());
    }
    let resources = stack::resources(account, &full_name).await?;
    if let Some((_, rule)) = resources.get("UploadRule").filter(|(_, id)| !id.is_empty()) {
        let rule = rule.rsplit('|').next().unwrap_or(rule);
        let disabled = aws_sdk_eventbridge::Client::new(&account.aws).disable_rule().name(rule).send().await;
        if let Err(error) = disabled
            && !error.as_service_error().is_some_and(DisableRuleError::is_resource_not_found_exception)
        {
            return Err(error).context("stop taking uploads");
        }
    }
    let Some((_, machine)) = resources.get("CodeScanStateMachine").filter(|(_, id)| !id.is_empty()) else {
        return Ok(());
    };
    let client = aws_sdk_sfn::Client::new(&account.aws);
    for _ in 0..MOST_LOOKS {
        let running = client.list_executions().state_machine_arn(machine).status_filter(ExecutionStatus::Running);
        let running = match running.send().await {
            Ok(answer) => answer.executions,
            Err(error)
                if error.as_service_error().is_some_and(ListExecutionsError::is_state_machine_does_not_exist) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error).context("look for scans that run"),
        };
        if running.is_empty() {
            return Ok(());
        }
        for execution in running {
            let stop = client.stop_execution().execution_arn(execution.execution_arn());
            stop.error("Removed").cause("The deployment was removed").send().await.context("end a scan")?;
        }
        tokio::time::sleep(account.pause()).await;
    }
    bail!("scans are still running: run scripts/destroy again")
}

async fn schedule(account: &Account, key: &str) -> anyhow::Result<()> {
    let client = aws_sdk_kms::Client::new(&account.aws);
    let request = client.schedule_key_deletion().key_id(key).pending_window_in_days(KEY_WAITS_DAYS);
    request.send().await.map(|_| ()).with_context(|| format!("schedule the deletion of the key {key}"))
}

fn say_what_is_left(kept: &[Thing], console: &Console) {
    if kept.is_empty() {
        console.say("Nothing of the deployment is left.");
    } else {
        console.say("\nLeft, because it cannot be made again:");
        for thing in kept {
            let what = if thing.kind == Kind::Key { "key" } else { "bucket" };
            console.say(&format!("  {what:7} {} ({} of {})", thing.id, thing.logical_id, thing.stack.word()));
        }
        console.say(
            "To delete that as well: scripts/destroy --empty-evidence-and-quarantine, within 90 days (CloudFormation \
             forgets deleted stacks then).",
        );
    }
    console.say(
        "Not touched, because others may use it: Macie itself, identities in SES, the Slack app, the Slack workspace's \
         authorisation for Amazon Q.",
    );
}

#[cfg(test)]
mod tests;
