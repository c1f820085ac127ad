//! The three stacks, deployed to the local cloud from the real templates with the programs of this build.

mod code_scan;
mod order;
mod release;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::{Capability, Parameter, StackStatus};
use aws_sdk_macie2::operation::enable_macie::EnableMacieError;
use aws_sdk_sesv2::operation::{
    create_configuration_set::CreateConfigurationSetError, create_email_identity::CreateEmailIdentityError,
};

use operate::{account::Account, parameters::Stack, release::Release};

use self::order::Order;
use crate::{
    slack::{App, Channel, Person, Slack, TEAM},
    until::until,
};

pub use self::{
    code_scan::CodeScan,
    order::{By, OPERATOR, Output, Script},
};

/// The sender that the local cloud's SES has verified.
pub const SENDER: &str = "security-chatops@example.com";

/// What SES knows of it.
const SENDERS_DOMAIN: &str = "example.com";
const CONFIGURATION_SET: &str = "security-mails";

/// The developers' shared inbox.
pub const INBOX: &str = "developers@example.com";

/// Who is mailed when an alarm goes off.
const OPERATORS: &str = "operators@example.com";

/// Slack gives each app one of 32 hexadecimal digits.
const SIGNING_SECRET: &str = "10ca110ca110ca110ca110ca110ca11f";

const UPDATED: Duration = Duration::from_mins(1);

/// What the stacks are told about SonarQube.
#[derive(Clone, Debug)]
pub struct SonarAccess {
    pub url: String,
    pub token: String,
    pub reader_token: String,
}

/// A deployment under a name of its own; several live side by side.
#[derive(Debug)]
pub struct Deployment {
    pub name: String,
    /// Where Amazon Q speaks about code scans.
    pub scan_channel: Channel,
    /// Where the findings go.
    pub finding_channel: Channel,
    /// The Slack app that posts findings.
    pub app: App,
    /// The address that the app's clicks are posted to.
    pub remediation_url: String,
    release: String,
    outputs: BTreeMap<String, String>,
    account: Account,
    script: Option<Script>,
}

/// What differs between deployments.
#[derive(Clone, Debug)]
pub struct Settings {
    pub name: String,
    pub sonar: SonarAccess,
    /// Who may press buttons on findings; nobody here means everybody in the channel.
    pub allowed: Vec<Person>,
    /// Parameters of `app-security` and of `macie-remediation` that replace ours.
    pub scan_parameters: BTreeMap<String, String>,
    pub finding_parameters: BTreeMap<String, String>,
    pub by: By,
}

impl Deployment {
    /// Creates the stacks with a channel for each of the two pipelines, and does by hand what a person would.
    pub async fn create(
        aws: &SdkConfig,
        cloud_url: &str,
        slack: &Slack,
        release: &Arc<Release>,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let name = &settings.name;
        let scan_channel = slack.add_channel(&format!("{name}-code-scan"));
        let finding_channel = slack.add_channel(&format!("{name}-macie-findings"));
        let app = slack.install_app(&format!("{name} Macie remediation"), &finding_channel, SIGNING_SECRET);
        prepare_account(aws).await?;

        let mut scan = parameters([
            ("EnvironmentType", "dev"),
            ("SESEmail", SENDER),
            ("SESIdentity", SENDERS_DOMAIN),
            ("SESConfigurationSet", CONFIGURATION_SET),
            ("SharedInboxMail", INBOX),
            ("SlackChannelId", &scan_channel.id),
            ("SlackWorkspaceId", TEAM),
            ("SonarHostUrl", &settings.sonar.url),
            ("TriageGuideUrl", "https://wiki.example.com/triage"),
        ]);
        scan.extend(settings.scan_parameters.clone());
        let allowed: Vec<&str> = settings.allowed.iter().map(|person| person.id.as_str()).collect();
        let mut finding = parameters([
            ("SlackWorkspaceId", TEAM),
            ("SlackAppId", &app.id),
            ("SlackChannelId", &finding_channel.id),
            ("SlackAllowedUserIds", &allowed.join(",")),
            ("SlackEndpointUrl", slack.url()),
        ]);
        if settings.by == By::Script {
            scan.insert("AlarmEmail".to_owned(), OPERATORS.to_owned());
            finding.insert("AlarmEmail".to_owned(), OPERATORS.to_owned());
        }
        finding.extend(settings.finding_parameters.clone());
        let order = Order {
            name,
            release: Arc::clone(release),
            scan,
            finding,
            secrets: [
                ("SonarToken", settings.sonar.token.clone()),
                ("SonarReaderToken", settings.sonar.reader_token.clone()),
                ("SlackWebHookUrl", slack.webhook_url(&app)),
                ("SlackSigningSecret", SIGNING_SECRET.to_owned()),
            ],
        };
        let account = Account::of(aws.clone(), Some(cloud_url.to_owned())).await?;
        let (outputs, script) = match settings.by {
            By::Library => (order.deploy(&account).await?, None),
            By::Script => {
                let script = Script::new(name, cloud_url)?;
                (order.run(&account, &script).await?, Some(script))
            }
        };

        let deployed = outputs.get("RemediationUrl").context("the stack has no output RemediationUrl")?;
        let remediation_url = account.reachable(deployed)?;
        slack.set_request_url(&app, &remediation_url);
        let (name, release) = (name.clone(), release.name().to_owned());
        Ok(Self { name, scan_channel, finding_channel, app, remediation_url, release, outputs, account, script })
    }

    /// The name of the release that was deployed.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The account that it is in, as the scripts see it.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The scripts with this deployment's settings, if it was made by them.
    #[must_use]
    pub fn script(&self) -> Option<&Script> {
        self.script.as_ref()
    }

    /// Its code scan, without the rest.
    #[must_use]
    pub fn code_scan(&self) -> CodeScan {
        CodeScan { channel: self.scan_channel.clone(), outputs: self.outputs.clone() }
    }

    /// Gives other values to parameters of its Macie remediation; the others stay.
    pub async fn set_finding_parameters<const N: usize>(
        &self,
        aws: &SdkConfig,
        changed: [(&str, &str); N],
    ) -> anyhow::Result<()> {
        let client = aws_sdk_cloudformation::Client::new(aws);
        let stack = Stack::MacieRemediation.of(&self.name);
        let describe = || async {
            let answer = client.describe_stacks().stack_name(&stack).send().await.context("look at the stack")?;
            answer.stacks.unwrap_or_default().pop().with_context(|| format!("there is no stack {stack}"))
        };
        let known = describe().await?.parameters.unwrap_or_default();
        let parameters = known.into_iter().filter_map(|parameter| parameter.parameter_key).map(|name| {
            let parameter = Parameter::builder().parameter_key(&name);
            match changed.iter().find(|(other, _)| *other == name) {
                Some((_, value)) => parameter.parameter_value(*value).build(),
                None => parameter.use_previous_value(true).build(),
            }
        });
        let update = client.update_stack().stack_name(&stack).use_previous_template(true);
        let update = update.capabilities(Capability::CapabilityIam).set_parameters(Some(parameters.collect()));
        update.send().await.context("update the stack")?;
        until(UPDATED, "the end of the update", async || match describe().await?.stack_status {
            Some(StackStatus::UpdateComplete) => Ok(Some(())),
            Some(StackStatus::UpdateInProgress | StackStatus::UpdateCompleteCleanupInProgress) => Ok(None),
            status => bail!("the stack is {status:?} after an update"),
        })
        .await
    }

    /// An output of one of the stacks.
    pub fn output(&self, name: &str) -> anyhow::Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| format!("the stacks have no output {name}"))
    }
}

/// Builds the release out of the programs of this build; for `Deployment::create`.
pub fn release() -> anyhow::Result<Arc<Release>> {
    release::of_this_build().map(Arc::new)
}

/// What the templates take for granted in an account: Macie is on, and SES knows the sender's domain and the configuration
/// set. Somebody would add the DNS records that SES asks for; the local cloud takes that for granted.
async fn prepare_account(aws: &SdkConfig) -> anyhow::Result<()> {
    let macie = aws_sdk_macie2::Client::new(aws).enable_macie().send().await;
    // Another deployment was here before.
    if let Err(error) = macie
        && !error.as_service_error().is_some_and(EnableMacieError::is_conflict_exception)
    {
        return Err(error).context("turn Macie on");
    }
    let ses = aws_sdk_sesv2::Client::new(aws);
    let domain = ses.create_email_identity().email_identity(SENDERS_DOMAIN).send().await;
    if let Err(error) = domain
        && !error.as_service_error().is_some_and(CreateEmailIdentityError::is_already_exists_exception)
    {
        return Err(error).context("verify the domain that mails are sent from");
    }
    let set = ses.create_configuration_set().configuration_set_name(CONFIGURATION_SET).send().await;
    if let Err(error) = set
        && !error.as_service_error().is_some_and(CreateConfigurationSetError::is_already_exists_exception)
    {
        return Err(error).context("create the configuration set of the mails");
    }
    Ok(())
}

fn parameters<const N: usize>(list: [(&str, &str); N]) -> BTreeMap<String, String> {
    list.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
