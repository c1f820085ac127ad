//! Everything that a story needs, started and stopped as one.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Deserialize;
use sonarqube::{Server, Source};
use tokio::sync::OnceCell;

use crate::{
    announcements::Announcements,
    cloud::{self, Cloud},
    deployment::{self, By, CodeScan, Deployment, SonarAccess},
    machine::{self, Machine},
    mail::{self, Mail},
    narrator::Narrator,
    process::tail,
    run_folder::RunFolder,
    slack::{self, Person, Slack},
};

/// The local cloud with one deployment, the Slack stand-in, and SonarQube.
#[derive(Debug)]
pub struct World {
    pub slack: Slack,
    pub deployment: Deployment,
    /// Presses buttons, and may.
    pub alice: Person,
    /// Presses buttons, and may.
    pub bob: Person,
    /// Is in the channel, and may not.
    pub mallory: Person,
    pub cloud_url: String,
    /// What there was in the cloud before anything was deployed, in the words of [`inventory`].
    pub things_before: BTreeSet<String>,
    pub aws: aws_config::SdkConfig,
    pub s3: aws_sdk_s3::Client,
    pub sfn: aws_sdk_sfn::Client,
    pub macie: aws_sdk_macie2::Client,
    pub sns: aws_sdk_sns::Client,
    announcements: OnceCell<Announcements>,
    // Fields are dropped in this order: the cloud writes into the folder.
    cloud: Cloud,
    sonarqube: Option<Server>,
    folder: RunFolder,
}

/// What stands above the last lines of [`World::tour`], a command.
pub const UPLOAD: &str = "Upload a zip of your own:";

/// Everything that there is in the local cloud, in all its services: `iam._roles demo-…`.
pub async fn inventory(cloud_url: &str) -> anyhow::Result<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Inventory {
        things: BTreeSet<String>,
    }
    let answer = cloud::http()?.get(format!("{cloud_url}/_local/inventory")).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status).context("ask what there is in the cloud")?;
    Ok(answer.json::<Inventory>().await.context("understand what there is in the cloud")?.things)
}

impl World {
    /// Starts what does not depend on each other side by side, then deploys. Without a source of SonarQube, no code can
    /// be scanned.
    pub async fn start(sonarqube: Option<Source>, narrator: &Narrator) -> anyhow::Result<Self> {
        Self::start_by(By::Library, sonarqube, narrator).await
    }

    /// The same, deployed in one of two ways.
    pub async fn start_by(by: By, sonarqube: Option<Source>, narrator: &Narrator) -> anyhow::Result<Self> {
        let machine = machine::check(sonarqube.as_ref())?;
        let folder = RunFolder::new()?;
        let slack = Slack::start().await?;
        let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|name| slack.add_person(name));

        let scans = sonarqube.is_some();
        let pack = tokio::task::spawn_blocking(deployment::release);
        let (cloud, release, sonarqube) = tokio::try_join!(
            start_cloud(&machine, folder.path(), scans, &slack, narrator),
            async { pack.await.context("pack the functions")? },
            start_sonarqube(sonarqube, narrator),
        )?;
        let aws = cloud.aws();
        slack.connect(slack::Cloud {
            url: cloud.url().to_owned(),
            chatbot_url: format!("{}/_local/chatbot", cloud.url()),
            lambda: aws_sdk_lambda::Client::new(&aws),
        });
        let settings = deployment::Settings {
            name: "demo".to_owned(),
            sonar: access(sonarqube.as_ref()),
            allowed: vec![alice.clone(), bob.clone()],
            scan_parameters: [].into(),
            // All stories share this channel; only one is about a burst, with a type of findings and a channel of its own.
            finding_parameters: [
                ("IndividualMessages", "1000"),
                ("SecondApprover", "HIGH"),
                ("CustomIdentifierAction", "IGNORE"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            by,
        };
        let things_before = inventory(cloud.url()).await?;
        let deployment = Deployment::create(&aws, cloud.url(), &slack, &release, &settings).await;
        let deployment = deployment.with_context(|| format!("the cloud's last words:\n{}", tail(cloud.log(), 20)))?;
        narrator.step(&format!("Deployed the three stacks, release {}", release.name()));
        Ok(Self {
            slack,
            deployment,
            alice,
            bob,
            mallory,
            cloud_url: cloud.url().to_owned(),
            things_before,
            s3: aws_sdk_s3::Client::new(&aws),
            sfn: aws_sdk_sfn::Client::new(&aws),
            macie: aws_sdk_macie2::Client::new(&aws),
            sns: aws_sdk_sns::Client::new(&aws),
            aws,
            announcements: OnceCell::new(),
            cloud,
            sonarqube,
            folder,
        })
    }

    /// Another code scan in the same account, which differs in these parameters of `app-security`.
    pub async fn another_code_scan<const N: usize>(
        &self,
        narrator: &Narrator,
        name: &str,
        changed: [(&str, &str); N],
    ) -> anyhow::Result<CodeScan> {
        let place = CodeScan::beside(&self.deployment, &self.slack, name, changed).await?;
        narrator.step(&format!("Deployed another stack for code scans, {name}"));
        Ok(place)
    }

    /// The folder of the AWS CLI that comes with the local cloud.
    #[must_use]
    pub fn programs(&self) -> &Path {
        self.cloud.programs()
    }

    /// The server that scans code, if there is one.
    #[must_use]
    pub fn sonarqube(&self) -> Option<&Server> {
        self.sonarqube.as_ref()
    }

    /// What is announced about code scans; from the first call on.
    pub(crate) async fn announcements(&self) -> anyhow::Result<&Announcements> {
        self.announcements.get_or_try_init(|| Announcements::listen(&self.aws)).await
    }

    /// What SES would have sent so far.
    pub async fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        mail::outbox(&self.cloud_url).await
    }

    /// Where to look, and what to try, while everything keeps running.
    #[must_use]
    pub fn tour(&self) -> String {
        let upload = self.deployment.output("UploadBucket").unwrap_or_default();
        let sonarqube = self.sonarqube.as_ref().map_or("not started", |server| server.url.as_str());
        format!(
            "Slack stand-in   {}\nlocal cloud      {}\nSonarQube        {sonarqube}\n\n{UPLOAD}\n  \
             AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=local AWS_REGION={} \\\n  \
             {} --endpoint-url {} s3 cp code.zip s3://{upload}/my-project/code.zip",
            self.slack.url(),
            self.cloud_url,
            cloud::REGION,
            self.programs().join("aws").display(),
            self.cloud_url,
        )
    }

    /// The last lines of what the cloud and its functions wrote.
    #[must_use]
    pub fn last_words(&self) -> String {
        tail(self.cloud.log(), 60)
    }

    /// Stops everything and removes what it wrote. Every part is stopped, whatever becomes of the others.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self { cloud, sonarqube, folder, .. } = self;
        let cloud = cloud.stop().await;
        let sonarqube = match sonarqube {
            Some(server) => server.release().await,
            None => Ok(()),
        };
        folder.close()?;
        cloud.and(sonarqube)
    }
}

async fn start_cloud(
    machine: &Machine,
    folder: &Path,
    scans: bool,
    slack: &Slack,
    narrator: &Narrator,
) -> anyhow::Result<Cloud> {
    let progress = |words: &str| narrator.step(words);
    let (python, build_home) =
        tokio::try_join!(cloud::virtual_environment(&machine.python, &progress), build_home(scans, narrator),)?;
    let settings = cloud::Settings { chatbot_url: slack.chatbot_url(), build_home, maven: machine.maven.clone() };
    let cloud = Cloud::start(&python, folder, &settings).await?;
    narrator.step(&format!("The local cloud listens on {}", cloud.url()));
    Ok(cloud)
}

async fn build_home(scans: bool, narrator: &Narrator) -> anyhow::Result<Option<PathBuf>> {
    if !scans {
        return Ok(None);
    }
    sonarqube::build_home(&|words| narrator.step(words)).await.map(Some)
}

async fn start_sonarqube(source: Option<Source>, narrator: &Narrator) -> anyhow::Result<Option<Server>> {
    match source {
        Some(source) => sonarqube::acquire(source, &|words| narrator.step(words)).await.map(Some),
        None => Ok(None),
    }
}

/// Without a server, the stacks still want an address and tokens: nothing listens there, and nobody asks.
fn access(server: Option<&Server>) -> SonarAccess {
    match server {
        Some(server) => SonarAccess {
            url: server.url.clone(),
            token: server.scanner_token.clone(),
            reader_token: server.reader_token.clone(),
        },
        None => SonarAccess {
            url: "http://127.0.0.1:9".to_owned(),
            token: format!("sqa_{}", "0".repeat(40)),
            reader_token: format!("squ_{}", "0".repeat(40)),
        },
    }
}
