//! What would fail today in a deployment: everything that can be looked at from outside, resource by resource.

mod alarm;
mod bucket;
mod build;
mod channel;
mod compare;
mod function;
mod invocation;
mod key;
mod log_group;
mod notify;
mod probe;
mod queue;
mod resource;
mod role;
mod rule;
mod state_machine;
mod topic;

use std::collections::BTreeMap;

use anyhow::Context as _;
use platform::secret::SecretStore;
use serde_json::Value;

pub(crate) use self::queue::messages;
use crate::{
    account::Account,
    check::{Check, chain},
    parameters::Stack,
    preflight,
    release::Manifest,
    sonarqube,
    stack::{self, Deployed},
    template::{Facts, Template},
};

/// What to do about a resource that is not as the template says.
const BY_HAND: &str = "somebody changed it by hand: set it as the template says (CloudFormation's drift detection shows the \
                       difference), and find out in CloudTrail who did it and why";

/// What to do about a resource that is not there.
const GONE: &str =
    "somebody deleted it: run scripts/destroy and scripts/deploy, your data stays; CloudTrail says who did it";

/// What the checks of one stack share.
pub(crate) struct Patient<'a> {
    pub(crate) account: &'a Account,
    pub(crate) stack: Stack,
    pub(crate) deployed: &'a Deployed,
    /// Physical ids and types by logical ids.
    pub(crate) resources: BTreeMap<String, (String, String)>,
    /// The template as it was deployed, with the stack's values.
    pub(crate) template: Template,
    pub(crate) secrets: &'a SecretStore,
}

impl Patient<'_> {
    /// What the template lets and forbids with the bucket, queue or topic of this id: the document of the resource of
    /// that type which names it in that property. Null if there is none.
    fn policy_of(&self, kind: &str, property: &str, id: &str) -> anyhow::Result<Value> {
        for name in self.template.of_type(kind)? {
            let mut properties = self.template.properties(&name)?;
            let of = match &properties[property] {
                Value::Array(ids) => ids.iter().any(|one| one == id),
                one => one == id,
            };
            if of {
                return Ok(properties["PolicyDocument"].take());
            }
        }
        Ok(Value::Null)
    }
}

/// Checks a deployment; `notify` also sends a message into each channel.
///
/// # Errors
/// CloudFormation does not answer, or there is no such deployment.
pub async fn run(account: &Account, name: &str, notify: bool) -> anyhow::Result<Vec<Check>> {
    let mut checks = vec![Check::well("identity and Region", format!("{} in {}", account.identity, account.region))];
    let secrets = SecretStore::new(&account.aws);
    let mut found = Vec::new();
    for stack in [Stack::PreRequisite, Stack::AppSecurity, Stack::MacieRemediation] {
        if let Some(deployed) = stack::find(account, &stack.of(name)).await? {
            found.push((stack, deployed));
        }
    }
    let base = found.iter().find(|(stack, _)| *stack == Stack::PreRequisite).map(|(_, deployed)| deployed);
    let base = base.with_context(|| {
        format!("there is no deployment {name} in account {} in {}: run scripts/deploy", account.id, account.region)
    })?;
    let bucket = base.outputs.get("S3LambdaBucket").cloned().unwrap_or_default();

    for (stack, deployed) in &found {
        let full_name = stack.of(name);
        checks.push(status(&full_name, deployed));
        let resources = stack::resources(account, &full_name).await?;
        let template = template(account, &full_name, deployed, &resources).await?;
        let patient = Patient { account, stack: *stack, deployed, resources, template, secrets: &secrets };
        if *stack != Stack::PreRequisite {
            let manifest = manifest(&patient, &bucket, &mut checks).await;
            checks.extend(function::checks(&patient, manifest.as_ref()).await?);
        }
        checks.extend(resource::checks(&patient).await?);
        match stack {
            Stack::PreRequisite => {}
            Stack::AppSecurity => checks.extend(code_scan(&patient, base).await),
            Stack::MacieRemediation => {
                checks.push(preflight::macie(account).await);
                checks.push(probe::check(&patient).await);
            }
        }
        if notify {
            checks.extend(notify::send(&patient).await);
        }
    }
    Ok(checks)
}

fn status(name: &str, deployed: &Deployed) -> Check {
    let what = format!("stack {name}");
    let status = deployed.status.as_str();
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Check::well(what, status),
        "UPDATE_ROLLBACK_COMPLETE" => Check::note(what, "the last update failed and was rolled back"),
        _ => Check::fails(what, format!("it is {status}"), "run scripts/deploy again; it says what is in the way"),
    }
}

async fn template(
    account: &Account,
    name: &str,
    deployed: &Deployed,
    resources: &BTreeMap<String, (String, String)>,
) -> anyhow::Result<Template> {
    let answer = aws_sdk_cloudformation::Client::new(&account.aws).get_template().stack_name(name).send().await;
    let answer = answer.with_context(|| format!("read the template of {name}"))?;
    let facts = Facts {
        partition: account.partition().to_owned(),
        region: account.region.clone(),
        account: account.id.clone(),
        stack_id: deployed.id.clone(),
        stack_name: name.to_owned(),
        parameters: deployed.parameters.clone(),
        resources: resources.clone(),
    };
    Template::read(&answer.template_body.unwrap_or_default(), facts)
        .with_context(|| format!("understand the template of {name}"))
}

/// The release that the stack says it runs.
async fn manifest(patient: &Patient<'_>, bucket: &str, checks: &mut Vec<Check>) -> Option<Manifest> {
    let what = format!("release of {}", patient.stack.word());
    let release = patient.deployed.parameters.get("Release").cloned().unwrap_or_default();
    let s3 = aws_sdk_s3::Client::new(&patient.account.aws);
    match Manifest::fetch(&s3, bucket, &release).await {
        Ok(Some(manifest)) => {
            checks.push(Check::well(what, format!("{release}, {}", manifest.architecture)));
            Some(manifest)
        }
        Ok(None) => {
            let why = format!("{bucket} has no complete release {release}");
            checks.push(Check::fails(what, why, "run scripts/package and scripts/deploy"));
            None
        }
        Err(error) => {
            checks.push(Check::fails(what, format!("{error:#}"), "allow s3:GetObject on the code bucket"));
            None
        }
    }
}

/// The mails and the SonarQube server.
async fn code_scan(patient: &Patient<'_>, base: &Deployed) -> Vec<Check> {
    let of = |name: &str| patient.deployed.parameters.get(name).map(String::as_str).unwrap_or_default();
    let identity = if of("SESIdentity").is_empty() { of("SESEmail") } else { of("SESIdentity") };
    let mut checks = vec![
        preflight::sender(patient.account, identity, of("SESEmail")).await,
        preflight::sandbox(patient.account, of("SharedInboxMail")).await,
    ];
    checks.extend(preflight::configuration_set(patient.account, of("SESConfigurationSet")).await);
    let mut tokens = Vec::new();
    for output in ["SonarSecretArn", "SonarReaderSecretArn"] {
        tokens.push(match base.outputs.get(output) {
            Some(arn) => patient.secrets.get_key(arn, "token").await.map_err(|error| chain(&error)),
            None => Err(format!("the stack has no output {output}")),
        });
    }
    // A secret that cannot be read has a line of its own already.
    let token = |index: usize| {
        use secrecy::ExposeSecret as _;
        tokens.get(index).and_then(|token| token.as_ref().ok()).map(|token| token.expose_secret().to_owned())
    };
    let (scanner, reader) = (token(0), token(1));
    checks.extend(sonarqube::checks(of("SonarHostUrl"), scanner.as_deref(), reader.as_deref()).await);
    checks
}
