//! The three stacks, deployed to the local cloud from the real templates with the programs of this build.

mod code_scan;
mod release;
mod stack;

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_config::SdkConfig;
use aws_sdk_macie2::operation::enable_macie::EnableMacieError;
use aws_sdk_sesv2::operation::create_email_identity::CreateEmailIdentityError;

pub use self::code_scan::CodeScan;
use self::release::Release;
use crate::{
    cloud::REGION,
    slack::{App, Channel, Person, Slack, TEAM},
};

/// The sender that the local cloud's SES has verified.
pub const SENDER: &str = "security-chatops@example.com";

/// The developers' shared inbox.
pub const INBOX: &str = "developers@example.com";

/// Slack gives each app one of 32 hexadecimal digits.
const SIGNING_SECRET: &str = "10ca110ca110ca110ca110ca110ca11f";

/// What the stacks are told about SonarQube.
#[derive(Clone, Debug)]
pub struct SonarAccess {
    pub url: String,
    pub token: String,
    pub reader_token: String,
}

/// A deployment under a name of its own; several live side by side.
#[derive(Clone, Debug)]
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
    outputs: BTreeMap<String, String>,
    /// What `app-security` was created with.
    scan_parameters: BTreeMap<String, String>,
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
}

impl Deployment {
    /// Creates the stacks, one after the other as a person would, with a channel for each of the two pipelines.
    pub async fn create(
        aws: &SdkConfig,
        cloud_url: &str,
        slack: &Slack,
        release: &Release,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let name = &settings.name;
        let cloudformation = aws_sdk_cloudformation::Client::new(aws);
        let scan_channel = slack.add_channel(&format!("{name}-code-scan"));
        let finding_channel = slack.add_channel(&format!("{name}-macie-findings"));
        let app = slack.install_app(&format!("{name} Macie remediation"), &finding_channel, SIGNING_SECRET);

        let mut outputs = stack::create(
            &cloudformation,
            &format!("{name}-pre-requisite"),
            "pre-requisite.yml",
            parameters([
                ("SonarToken", settings.sonar.token.as_str()),
                ("SonarReaderToken", settings.sonar.reader_token.as_str()),
            ]),
        )
        .await?;
        let of = |name: &str| outputs.get(name).cloned().with_context(|| format!("the stack has no output {name}"));
        let bucket = of("S3LambdaBucket")?;
        release.upload(&aws_sdk_s3::Client::new(aws), &bucket).await?;
        prepare_account(aws).await?;

        let mut scan = parameters([
            ("EnvironmentType", "dev"),
            ("S3LambdaBucket", &bucket),
            ("Release", release.name()),
            ("CKMSKeyArn", &of("CKMSKeyArn")?),
            ("CKMSKeyId", &of("CKMSKeyId")?),
            ("SESEmail", SENDER),
            ("SharedInboxMail", INBOX),
            ("SlackChannelId", &scan_channel.id),
            ("SlackWorkspaceId", TEAM),
            ("SonarHostUrl", &settings.sonar.url),
            ("SonarSecretArn", &of("SonarSecretArn")?),
            ("SonarReaderSecretArn", &of("SonarReaderSecretArn")?),
            ("TriageGuideUrl", "https://wiki.example.com/triage"),
        ]);
        scan.extend(settings.scan_parameters.clone());
        let scan_parameters = scan.clone();
        let allowed: Vec<&str> = settings.allowed.iter().map(|person| person.id.as_str()).collect();
        let mut finding = parameters([
            ("S3LambdaBucket", bucket.as_str()),
            ("Release", release.name()),
            ("SlackWebHookUrl", &slack.webhook_url(&app)),
            ("SlackSigningSecret", SIGNING_SECRET),
            ("SlackWorkspaceId", TEAM),
            ("SlackAppId", &app.id),
            ("SlackChannelId", &finding_channel.id),
            ("SlackAllowedUserIds", &allowed.join(",")),
            ("SlackEndpointUrl", slack.url()),
        ]);
        finding.extend(settings.finding_parameters.clone());
        let (scan_name, finding_name) = (format!("{name}-app-security"), format!("{name}-macie-remediation"));
        let (scan, finding) = tokio::try_join!(
            stack::create(&cloudformation, &scan_name, "app-security.yml", scan),
            stack::create(&cloudformation, &finding_name, "macie-remediation.yml", finding),
        )?;
        outputs.extend(scan);
        outputs.extend(finding);

        let deployed = outputs.get("RemediationUrl").context("the stack has no output RemediationUrl")?;
        let remediation_url = reachable(deployed, cloud_url)?;
        slack.set_request_url(&app, &remediation_url);
        Ok(Self { name: name.clone(), scan_channel, finding_channel, app, remediation_url, outputs, scan_parameters })
    }

    /// Its code scan, without the rest.
    #[must_use]
    pub fn code_scan(&self) -> CodeScan {
        CodeScan { channel: self.scan_channel.clone(), outputs: self.outputs.clone() }
    }

    /// An output of one of the stacks.
    pub fn output(&self, name: &str) -> anyhow::Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| format!("the stacks have no output {name}"))
    }
}

/// Builds the release out of the programs of this build; see `Release`.
pub fn release() -> anyhow::Result<Release> {
    Release::of_this_build()
}

/// What the templates take for granted in an account: Macie is on, and SES knows the sender. Somebody would click on the
/// link that SES mails to a new sender; the local cloud takes that for granted.
async fn prepare_account(aws: &SdkConfig) -> anyhow::Result<()> {
    let macie = aws_sdk_macie2::Client::new(aws).enable_macie().send().await;
    // Another deployment was here before.
    if let Err(error) = macie
        && !error.as_service_error().is_some_and(EnableMacieError::is_conflict_exception)
    {
        return Err(error).context("turn Macie on");
    }
    let sender = aws_sdk_sesv2::Client::new(aws).create_email_identity().email_identity(SENDER).send().await;
    if let Err(error) = sender
        && !error.as_service_error().is_some_and(CreateEmailIdentityError::is_already_exists_exception)
    {
        return Err(error).context("verify the sender of the mails");
    }
    Ok(())
}

/// `https://<id>.execute-api.<Region>.amazonaws.com/<path>` as an address of the local cloud, which serves every API on
/// its one port.
fn reachable(deployed: &str, cloud_url: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(deployed).with_context(|| format!("read the address {deployed}"))?;
    let host = url.host_str().unwrap_or_default();
    let id = host.split_once(".execute-api.").map(|(id, _)| id);
    let id = id.with_context(|| format!("{deployed} is no API in {REGION}"))?;
    Ok(format!("{cloud_url}/_aws/execute-api/{id}/$default{}", url.path()))
}

fn parameters<const N: usize>(list: [(&str, &str); N]) -> BTreeMap<String, String> {
    list.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_api_in_the_local_cloud() {
        assert_eq!(
            reachable("https://0a1b2c3d.execute-api.us-east-1.amazonaws.com/slack/actions", "http://127.0.0.1:1")
                .unwrap(),
            "http://127.0.0.1:1/_aws/execute-api/0a1b2c3d/$default/slack/actions"
        );
        assert!(reachable("https://example.com/", "http://127.0.0.1:1").is_err());
    }
}
