//! One CloudFormation stack: previewed, carried out, watched, and explained when it fails.

mod changes;
mod watch;

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use aws_sdk_cloudformation::{
    Client,
    types::{Capability, ChangeSetStatus, ChangeSetType, Parameter, Stack as Found, StackStatus},
};

use self::watch::Watch;
use crate::{
    account::Account,
    console::Console,
    parameters::{Value, Values},
};

/// Where the template is.
#[derive(Clone, Debug)]
pub enum Template {
    /// At most 51,200 bytes.
    Body(String),
    /// An address in S3, for up to 1 MB.
    At(String),
}

/// What became of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
    /// The person said no.
    Declined,
}

/// Outputs and parameters by name.
pub type Texts = BTreeMap<String, String>;

/// A stack that exists.
#[derive(Clone, Debug)]
pub struct Deployed {
    pub id: String,
    pub status: StackStatus,
    pub parameters: Texts,
    pub outputs: Texts,
}

impl Deployed {
    /// Whether the stack runs: if not, it is deleted before it is created again, and keeps no parameter.
    #[must_use]
    pub fn runs(&self) -> bool {
        !DOES_NOT_RUN.contains(&self.status)
    }
}

/// CloudFormation takes no change of a stack in these states; it must be deleted.
const DOES_NOT_RUN: [StackStatus; 4] =
    [StackStatus::RollbackComplete, StackStatus::RollbackFailed, StackStatus::CreateFailed, StackStatus::DeleteFailed];

/// Creates or updates a stack: shows what would change, asks, does it, and waits.
///
/// # Errors
/// CloudFormation refuses, or the stack fails; the error names the resources that failed first, and why.
pub async fn apply(
    account: &Account,
    name: &str,
    template: &Template,
    parameters: &Values,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let client = Client::new(&account.aws);
    let kind = prepare(account, &client, name, console).await?;
    let change_set = format!("deploy-{}", jiff::Timestamp::now().as_millisecond());
    let mut request = client
        .create_change_set()
        .stack_name(name)
        .change_set_name(&change_set)
        .change_set_type(kind.clone())
        // No CAPABILITY_NAMED_IAM: the templates name no role.
        .capabilities(Capability::CapabilityIam)
        .set_parameters(Some(parameters.iter().map(|(key, value)| parameter(key, value)).collect()));
    request = match template {
        Template::Body(body) => request.template_body(body),
        Template::At(url) => request.template_url(url),
    };
    let created = request.send().await.with_context(|| format!("plan the changes of the stack {name}"))?;
    let id = created.id.context("CloudFormation did not name the change set")?;
    let stack = created.stack_id.context("CloudFormation did not name the stack")?;

    let planned = changes::wait(account, &client, &id).await.with_context(|| format!("plan the stack {name}"))?;
    if planned.status != ChangeSetStatus::CreateComplete {
        discard(&client, &id, &stack, &kind).await?;
        if planned.is_empty {
            console.say(&format!("{name}: nothing to change"));
            return Ok(Outcome::Unchanged);
        }
        bail!("CloudFormation will not change the stack {name}: {}", planned.reason);
    }
    console.say(&format!("{name}: {}", planned.preview));
    let question = match kind {
        ChangeSetType::Create => format!("Create the stack {name}?"),
        _ => format!("Update the stack {name}?"),
    };
    if !console.agrees(&question, "--yes")? {
        discard(&client, &id, &stack, &kind).await?;
        return Ok(Outcome::Declined);
    }

    let watch = Watch::begin(account, &client, (name, name), console).await?;
    let mut execution = client.execute_change_set().change_set_name(&id);
    if kind == ChangeSetType::Create {
        // A creation that fails leaves nothing behind, not even what a later deletion would keep.
        execution = execution.retain_except_on_create(true);
    }
    execution.send().await.with_context(|| format!("change the stack {name}"))?;
    watch.until_settled().await?;
    Ok(if kind == ChangeSetType::Create { Outcome::Created } else { Outcome::Updated })
}

/// The stack of that name; none if there is none, or only the plan of one.
///
/// # Errors
/// CloudFormation refuses to say.
pub async fn find(account: &Account, name: &str) -> anyhow::Result<Option<Deployed>> {
    let found = describe(&Client::new(&account.aws), name).await?;
    let Some(found) = found.filter(|stack| stack.stack_status() != Some(&StackStatus::ReviewInProgress)) else {
        return Ok(None);
    };
    let text = |key: Option<&str>, value: Option<&str>| Some((key?.to_owned(), value?.to_owned()));
    Ok(Some(Deployed {
        id: found.stack_id().unwrap_or_default().to_owned(),
        status: found.stack_status().context("the stack has no status")?.clone(),
        parameters: found.parameters().iter().filter_map(|p| text(p.parameter_key(), p.parameter_value())).collect(),
        outputs: found.outputs().iter().filter_map(|o| text(o.output_key(), o.output_value())).collect(),
    }))
}

/// Deletes a stack and waits until it is gone. A stack that is not there is gone already.
///
/// # Errors
/// CloudFormation refuses, or a resource cannot be deleted; the error names it.
pub async fn delete(account: &Account, name: &str, console: &Console) -> anyhow::Result<()> {
    let client = Client::new(&account.aws);
    let Some(stack) = describe(&client, name).await? else { return Ok(()) };
    let id = stack.stack_id().context("the stack has no id")?.to_owned();
    // By its id: the name is gone when the stack is.
    let watch = Watch::begin(account, &client, (&id, name), console).await?;
    client.delete_stack().stack_name(&id).send().await.with_context(|| format!("delete the stack {name}"))?;
    watch.until_deleted().await
}

/// The physical ids of a stack's resources by their logical ids, with their types. Also of a stack that is deleted, by
/// its id.
///
/// # Errors
/// CloudFormation refuses to say.
pub async fn resources(account: &Account, name: &str) -> anyhow::Result<BTreeMap<String, (String, String)>> {
    let mut pages = Client::new(&account.aws).list_stack_resources().stack_name(name).into_paginator().send();
    let mut found = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for resource in page.with_context(|| format!("list the resources of {name}"))?.stack_resource_summaries() {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            let entry = (text(resource.resource_type()), text(resource.physical_resource_id()));
            found.insert(text(resource.logical_resource_id()), entry);
        }
    }
    Ok(found)
}

/// What the deletion of a stack left, by the id of the deleted stack; in the shape of [`resources`].
///
/// # Errors
/// CloudFormation refuses to say.
pub async fn skipped(account: &Account, id: &str) -> anyhow::Result<BTreeMap<String, (String, String)>> {
    let mut pages = Client::new(&account.aws).describe_stack_events().stack_name(id).into_paginator().send();
    let mut found = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for event in page.with_context(|| format!("read the events of {id}"))?.stack_events() {
            if event.resource_status().is_some_and(|status| status.as_str() == "DELETE_SKIPPED") {
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                let entry = (text(event.resource_type()), text(event.physical_resource_id()));
                found.insert(text(event.logical_resource_id()), entry);
            }
        }
    }
    Ok(found)
}

/// Clears what is in the way, and says whether the stack is to be created or updated.
async fn prepare(account: &Account, client: &Client, name: &str, console: &Console) -> anyhow::Result<ChangeSetType> {
    let Some(stack) = describe(client, name).await? else { return Ok(ChangeSetType::Create) };
    let status = stack.stack_status().context("the stack has no status")?;
    match status {
        StackStatus::ReviewInProgress => Ok(ChangeSetType::Create),
        status if DOES_NOT_RUN.contains(status) => {
            let why = match status {
                StackStatus::DeleteFailed => "it was being removed, and some of it could not be",
                _ => "it never ran",
            };
            let question = format!("The stack {name} is {status}: {why}. Delete what is left of it?");
            if !console.agrees(&question, "--yes")? {
                bail!("the stack {name} is {status}, and CloudFormation takes no changes before it is deleted");
            }
            delete(account, name, console).await?;
            Ok(ChangeSetType::Create)
        }
        StackStatus::UpdateRollbackFailed => bail!(
            "the stack {name} is {status}: choose \"Continue update rollback\" in the console of CloudFormation, then \
             deploy again"
        ),
        status if status.as_str().ends_with("_IN_PROGRESS") => {
            bail!("somebody is changing the stack {name} right now ({status}): deploy again when that is done")
        }
        _ => Ok(ChangeSetType::Update),
    }
}

/// Removes a plan that is not carried out, and with it the empty stack that planning a new one has made; `stack` is that
/// one's id. Somebody else may have carried out a plan of theirs meanwhile, and then it is not empty any more.
async fn discard(client: &Client, id: &str, stack: &str, kind: &ChangeSetType) -> anyhow::Result<()> {
    client.delete_change_set().change_set_name(id).send().await.context("forget the planned changes")?;
    if *kind == ChangeSetType::Create
        && let Some(found) = describe(client, stack).await?
        && found.stack_status() == Some(&StackStatus::ReviewInProgress)
    {
        client.delete_stack().stack_name(stack).send().await.context("forget the planned stack")?;
    }
    Ok(())
}

/// The stack of that name or id, even if it is only planned; none if CloudFormation knows none.
pub(crate) async fn describe(client: &Client, name: &str) -> anyhow::Result<Option<Found>> {
    match client.describe_stacks().stack_name(name).send().await {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
        // There is no error type of its own for it: "Stack with id … does not exist".
        Err(error) => match error.as_service_error() {
            Some(service) if service.meta().message().is_some_and(|words| words.contains("does not exist")) => Ok(None),
            _ => Err(error).with_context(|| format!("look at the stack {name}")),
        },
    }
}

fn parameter(key: &str, value: &Value) -> Parameter {
    let parameter = Parameter::builder().parameter_key(key);
    match value {
        Value::Is(value) => parameter.parameter_value(value).build(),
        Value::Previous => parameter.use_previous_value(true).build(),
    }
}

#[cfg(test)]
mod tests;
