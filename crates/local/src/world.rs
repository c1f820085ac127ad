//! Everything that a story needs, started and stopped as one.

use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::{
    cloud::{self, Cloud},
    deployment::{self, Deployment, SonarAccess},
    machine::{self, Machine},
    mail::{self, Mail},
    narrator::Narrator,
    process::tail,
    slack::{self, Person, Slack},
};

/// Which SonarQube the code scan talks to.
#[derive(Clone, Debug)]
pub enum SonarQube {
    /// Ours, started here unless it runs already.
    Ours,
    /// One that is there already.
    Given(SonarAccess),
    /// None: no code is scanned.
    None,
}

/// The local cloud with one deployment, the Slack stand-in, and SonarQube.
#[derive(Debug)]
pub struct World {
    pub slack: Slack,
    pub deployment: Deployment,
    /// Presses buttons, and may.
    pub alice: Person,
    /// Is in the channel, and may not.
    pub mallory: Person,
    pub cloud_url: String,
    pub aws: aws_config::SdkConfig,
    pub s3: aws_sdk_s3::Client,
    pub sfn: aws_sdk_sfn::Client,
    pub macie: aws_sdk_macie2::Client,
    pub sns: aws_sdk_sns::Client,
    parts: Parts,
}

/// What must be stopped, in this order.
#[derive(Debug)]
struct Parts {
    cloud: Cloud,
    folder: TempDir,
}

impl World {
    /// Starts what does not depend on each other side by side, then deploys.
    pub async fn start(sonarqube: &SonarQube, narrator: &Narrator) -> anyhow::Result<Self> {
        let cache = Path::new("/var/cache/security-chatops");
        let scans = !matches!(sonarqube, SonarQube::None);
        let machine = machine::check(matches!(sonarqube, SonarQube::Ours), scans, cache)?;
        let folder = tempfile::Builder::new().prefix("security-chatops-").tempdir().context("make a folder")?;
        let slack = Slack::start().await?;
        let (alice, mallory) = (slack.add_person("alice"), slack.add_person("mallory"));

        let pack = tokio::task::spawn_blocking(deployment::release);
        let (cloud, release, sonar) = tokio::try_join!(
            start_cloud(&machine, cache, folder.path(), &slack, narrator),
            async { pack.await.context("pack the functions")? },
            start_sonarqube(sonarqube),
        )?;
        let aws = cloud.aws();
        slack.connect(slack::Cloud {
            chatbot_url: format!("{}/_local/chatbot", cloud.url()),
            lambda: aws_sdk_lambda::Client::new(&aws),
        });
        let settings = deployment::Settings {
            name: "demo".to_owned(),
            sonar,
            allowed: vec![alice.clone()],
            scan_parameters: [].into(),
            finding_parameters: [].into(),
        };
        let deployment = Deployment::create(&aws, cloud.url(), &slack, &release, &settings).await;
        let deployment = deployment.with_context(|| format!("the cloud's last words:\n{}", tail(cloud.log(), 20)))?;
        narrator.step(&format!("Deployed the three stacks, release {}", release.name()));
        Ok(Self {
            slack,
            deployment,
            alice,
            mallory,
            cloud_url: cloud.url().to_owned(),
            s3: aws_sdk_s3::Client::new(&aws),
            sfn: aws_sdk_sfn::Client::new(&aws),
            macie: aws_sdk_macie2::Client::new(&aws),
            sns: aws_sdk_sns::Client::new(&aws),
            aws,
            parts: Parts { cloud, folder },
        })
    }

    /// What SES would have sent so far.
    pub async fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        mail::outbox(&self.cloud_url).await
    }

    /// The last lines of what the cloud and its functions wrote.
    #[must_use]
    pub fn last_words(&self) -> String {
        tail(self.parts.cloud.log(), 60)
    }

    /// Stops everything and removes what it wrote.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Parts { cloud, folder } = self.parts;
        let stopped = cloud.stop().await;
        folder.close().context("remove the world's folder")?;
        stopped
    }
}

async fn start_cloud(
    machine: &Machine,
    cache: &Path,
    folder: &Path,
    slack: &Slack,
    narrator: &Narrator,
) -> anyhow::Result<Cloud> {
    let python = cloud::virtual_environment(&machine.python, cache).await?;
    narrator.step("The local cloud's virtual environment is there");
    let settings = cloud::Settings { chatbot_url: slack.chatbot_url(), ..cloud::Settings::default() };
    let cloud = Cloud::start(&python, folder, &settings).await?;
    narrator.step(&format!("The local cloud listens on {}", cloud.url()));
    Ok(cloud)
}

async fn start_sonarqube(sonarqube: &SonarQube) -> anyhow::Result<SonarAccess> {
    match sonarqube {
        SonarQube::Given(access) => Ok(access.clone()),
        SonarQube::Ours => anyhow::bail!("not there yet"),
        // The stacks want an address and tokens; nothing listens there and nobody asks.
        SonarQube::None => Ok(SonarAccess {
            url: "http://127.0.0.1:9".to_owned(),
            token: "sqa_0000000000000000000000000000000000000000".to_owned(),
            reader_token: "squ_0000000000000000000000000000000000000000".to_owned(),
        }),
    }
}
