//! A deployment: the stacks in their order, from one release.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret as _;

use crate::{
    account::Account,
    config::Secrets,
    console::Console,
    parameters::{self, SECRETS, Stack, Value, Values},
    release::{self, Manifest, Release},
    stack::{self, Outcome, Template, Texts},
};

/// What is to be deployed.
#[derive(Debug)]
pub struct Request {
    /// The beginning of the stacks' names.
    pub name: String,
    pub release: Chosen,
    /// Parameters that a person has set, by stack. A stack that is not named is left alone.
    pub parameters: BTreeMap<Stack, Values>,
    /// Secrets that are given; the others stay as they are.
    pub secrets: Secrets,
}

/// Which release.
#[derive(Debug)]
pub enum Chosen {
    /// One that lies on this machine.
    New(Arc<Release>),
    /// One that was uploaded before, by its name.
    Uploaded(String),
}

/// What came of it.
#[derive(Debug)]
pub struct Done {
    pub release: String,
    pub outcomes: Vec<(Stack, Outcome)>,
    /// The outputs of all stacks.
    pub outputs: Texts,
}

/// Creates or updates the stacks of a deployment, one after the other. Doing it again is safe.
///
/// # Errors
/// A stack cannot be changed, or somebody said no: what was done before stays.
pub async fn deploy(account: &Account, request: &Request, console: &Console) -> anyhow::Result<Done> {
    let s3 = aws_sdk_s3::Client::new(&account.aws);
    let mut done = Done { release: String::new(), outcomes: Vec::new(), outputs: Texts::new() };
    let base = Stack::PreRequisite.of(&request.name);

    if let Chosen::New(release) = &request.release {
        let template = release.template(Stack::PreRequisite)?;
        let values = values(account, request, Stack::PreRequisite, template, &BTreeMap::new(), console).await?;
        let outcome = stack::apply(account, &base, &Template::Body(template.to_owned()), &values, console).await?;
        finish(&mut done, Stack::PreRequisite, outcome)?;
    } else {
        for secret in SECRETS.iter().filter(|secret| secret.stack == Stack::PreRequisite) {
            if request.secrets.contains_key(secret.name) {
                console.say(&format!(
                    "{} is not changed: {base} stays as it is under an earlier release; deploy without --release to \
                     change it",
                    secret.variable
                ));
            }
        }
    }
    let found = stack::find(account, &base).await?;
    let found = found.with_context(|| format!("there is no stack {base}: deploy a new release first"))?;
    done.outputs.extend(found.outputs);
    let bucket = done.outputs.get("S3LambdaBucket").context("the stack has no output S3LambdaBucket")?.clone();

    let (name, manifest) = match &request.release {
        Chosen::New(release) => {
            let words = if release.upload(&s3, &bucket).await? { "uploaded to" } else { "is already in" };
            console.say(&format!("release {} {words} {bucket}", release.name()));
            (release.name().to_owned(), release.manifest().clone())
        }
        Chosen::Uploaded(name) => match Manifest::verify(&s3, &bucket, name).await? {
            Some(manifest) => (name.clone(), manifest),
            None => bail!("there is no release {name} in {bucket}: `scripts/deploy --releases` lists them"),
        },
    };
    done.release.clone_from(&name);

    let mut ours: BTreeMap<&str, String> = BTreeMap::new();
    ours.insert("Release", name.clone());
    ours.insert("Architecture", manifest.architecture);
    for output in ["S3LambdaBucket", "CKMSKeyArn", "CKMSKeyId", "SonarSecretArn", "SonarReaderSecretArn"] {
        // The secrets exist only where somebody gave the tokens.
        if let Some(value) = done.outputs.get(output) {
            ours.insert(output, value.clone());
        }
    }
    for stack in [Stack::AppSecurity, Stack::MacieRemediation] {
        let full_name = stack.of(&request.name);
        if request.parameters.contains_key(&stack) {
            let template = match &request.release {
                Chosen::New(release) => release.template(stack)?.to_owned(),
                Chosen::Uploaded(name) => release::uploaded_template(&s3, &bucket, name, stack).await?,
            };
            let values = values(account, request, stack, &template, &ours, console).await?;
            let url = account.object_url(&bucket, &format!("{name}/{}", stack.template()));
            let outcome = stack::apply(account, &full_name, &Template::At(url), &values, console).await?;
            finish(&mut done, stack, outcome)?;
        }
        if let Some(found) = stack::find(account, &full_name).await? {
            done.outputs.extend(found.outputs);
        }
    }
    Ok(done)
}

/// What is left for a person after a deployment, in the order in which it should be done.
#[must_use]
pub fn next_steps(done: &Done) -> Vec<String> {
    let new = |stack| done.outcomes.contains(&(stack, Outcome::Created));
    let mut steps = Vec::new();
    if new(Stack::AppSecurity) {
        steps.push("Invite @Amazon Q to the channel of the code scan: `/invite @Amazon Q`.".to_owned());
    }
    if new(Stack::MacieRemediation)
        && let Some(url) = done.outputs.get("RemediationUrl")
    {
        steps.push(format!(
            "Open your Slack app at https://api.slack.com/apps, Interactivity & Shortcuts, and set the Request URL to \
             {url} (`scripts/deploy slack-manifest` prints a manifest that has it)."
        ));
    }
    if !steps.is_empty() {
        steps.push("If you set AlarmEmail: confirm the subscriptions that AWS mails to that address.".to_owned());
    }
    steps
}

fn finish(done: &mut Done, stack: Stack, outcome: Outcome) -> anyhow::Result<()> {
    if outcome == Outcome::Declined {
        bail!("stopped before {}: what was done before it stays", stack.word());
    }
    done.outcomes.push((stack, outcome));
    Ok(())
}

/// All parameters of a stack: a person's, ours and the secrets. What this template does not know is an error in a new
/// release, and left out of an earlier one.
async fn values(
    account: &Account,
    request: &Request,
    stack: Stack,
    template: &str,
    ours: &BTreeMap<&str, String>,
    console: &Console,
) -> anyhow::Result<Values> {
    let known = parameters::names(template);
    let mut values = request.parameters.get(&stack).cloned().unwrap_or_default();
    let strange: Vec<String> = values.keys().filter(|name| !known.contains(*name)).cloned().collect();
    if !strange.is_empty() {
        let strange = strange.join(", ");
        match &request.release {
            Chosen::New(_) => bail!("{} has no parameter {strange}: templates/README.md lists them", stack.template()),
            Chosen::Uploaded(name) => console.say(&format!("release {name} does not know {strange}: left out")),
        }
        values.retain(|name, _| known.contains(name));
    }
    let ours = ours.iter().map(|(name, value)| ((*name).to_owned(), Value::Is(value.clone())));
    values.extend(ours.filter(|(name, _)| known.contains(name)));

    let exists = stack::find(account, &stack.of(&request.name)).await?;
    for secret in SECRETS.iter().filter(|secret| secret.stack == stack) {
        if let Some(given) = request.secrets.get(secret.name) {
            values.insert(secret.name.to_owned(), Value::Is(given.expose_secret().to_owned()));
        } else if exists.as_ref().is_some_and(|found| found.runs() && found.parameters.contains_key(secret.name)) {
            values.insert(secret.name.to_owned(), Value::Previous);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::{
        config::Secrets,
        scripted::{account, refused, stack, xml},
    };

    const TEMPLATE: &str = include_str!("../../../templates/macie-remediation.yml");

    /// The values of a stack that is in this state, and of which the webhook alone is given.
    async fn values_in(status: &'static str) -> Values {
        let (account, _) = account(move |what, _| {
            let hidden = [("SlackWebHookUrl", "****"), ("SlackSigningSecret", "****")];
            xml(what, &format!("<Stacks>{}</Stacks>", stack("demo-macie-remediation", status, &hidden)))
        });
        let request = Request {
            name: "demo".to_owned(),
            release: Chosen::Uploaded("0".repeat(16)),
            parameters: BTreeMap::new(),
            secrets: Secrets::from([("SlackWebHookUrl", SecretString::from("https://hooks.slack.com/1".to_owned()))]),
        };
        let console = Console::telling(|_| ());
        super::values(&account, &request, Stack::MacieRemediation, TEMPLATE, &BTreeMap::new(), &console).await.unwrap()
    }

    #[tokio::test]
    async fn a_token_that_an_earlier_release_cannot_change_is_named() {
        let (account, _) = account(|_, _| refused("ValidationError", "Stack with id x does not exist"));
        let token = SecretString::from("squ_1".to_owned());
        let request = Request {
            name: "demo".to_owned(),
            release: Chosen::Uploaded("0".repeat(16)),
            parameters: BTreeMap::new(),
            secrets: Secrets::from([("SonarToken", token)]),
        };
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = std::sync::Arc::clone(&told);
        let console = Console::telling(move |words| log.lock().unwrap().push(words.to_owned()));
        deploy(&account, &request, &console).await.unwrap_err();
        let told = told.lock().unwrap().join("\n");
        assert!(told.starts_with("SONAR_TOKEN is not changed: demo-pre-requisite stays as it is"), "{told}");
    }

    #[tokio::test]
    async fn a_stack_that_runs_keeps_the_secrets_that_are_not_given() {
        let values = values_in("UPDATE_ROLLBACK_COMPLETE").await;
        assert_eq!(values["SlackSigningSecret"], Value::Previous);
        assert_eq!(values["SlackWebHookUrl"], Value::Is("https://hooks.slack.com/1".to_owned()));
    }

    /// It is deleted before it is created again, and its secrets with it.
    #[tokio::test]
    async fn a_stack_that_never_ran_keeps_no_secret() {
        for status in ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"] {
            assert!(!values_in(status).await.contains_key("SlackSigningSecret"), "{status}");
        }
    }
}
