//! The local cloud: ministack with our plug-in, in a virtual environment that is made here, as one group of processes.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use sha2::{Digest as _, Sha256};
use sonarqube::{
    Maven,
    cache::{self, Lock, Progress},
};
use tokio::process::Command;

use crate::{
    checkout,
    process::{Group, tail},
    until::until,
};

/// From the start of the program to its first answer: a second, on a machine with nothing else to do.
const READY: Duration = Duration::from_mins(1);

pub const REGION: &str = "us-east-1";

/// What the local cloud must know of the world around it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where SNS delivers what is meant for Amazon Q.
    pub chatbot_url: String,
    /// HOME of builds, with Maven's settings and repository in it.
    pub build_home: Option<PathBuf>,
    /// The Maven that builds use.
    pub maven: Option<Maven>,
}

/// A running local cloud. Dropped, it is killed; [`Cloud::stop`] lets it end its functions and builds first.
#[derive(Debug)]
pub struct Cloud {
    url: String,
    log: PathBuf,
    /// Where the AWS CLI is.
    programs: PathBuf,
    group: Group,
}

impl Cloud {
    /// Starts the cloud on a free port of 127.0.0.1 and waits for it. Everything that it writes is in `folder`.
    pub async fn start(python: &Path, folder: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let log = folder.join("cloud.log");
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary).context("make the cloud's folder")?;
        let mut command = Command::new(python);
        // Nothing of the caller's environment: no proxy, no AWS profile, no Python settings.
        command
            .args(["-u", "-m", "chatops_cloud"])
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("TMPDIR", &temporary)
            .env("LANG", "C.UTF-8")
            .env("PYTHONPATH", checkout().join("crates/local/cloud"))
            // The checkout stays as it is.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", "0")
            .env("AWS_REGION", REGION)
            .env("LOCAL_CHATBOT_URL", &settings.chatbot_url)
            .env("LOCAL_STOP_WITH_PARENT", "1");
        if let Some(home) = &settings.build_home {
            command.env("LOCAL_BUILD_HOME", home);
        }
        if let Some(maven) = &settings.maven {
            command.env("LOCAL_BUILD_PATH", &maven.programs).env("LOCAL_BUILD_JAVA_HOME", &maven.java_home);
        }
        let mut group = Group::start("the local cloud", command, &log)?;
        let url = until(READY, "the local cloud", async || {
            if let Some(status) = group.exited() {
                bail!("the local cloud ended at its start ({status}):\n{}", tail(&log, 30));
            }
            Ok(ready_line(&log))
        })
        .await
        .with_context(|| format!("its last words:\n{}", tail(&log, 30)))?;
        let programs = python.parent().map(Path::to_owned).unwrap_or_default();
        let cloud = Self { url, log, programs, group };
        until(READY, "the local cloud's health", async || {
            let health = http()?.get(format!("{}/_local/health", cloud.url)).send().await;
            Ok(health.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        })
        .await?;
        Ok(cloud)
    }

    /// The endpoint of every AWS service.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the cloud and its functions write what they do.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The folder of the AWS CLI that comes with the local cloud.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// SDK settings for a person with an account in the local cloud.
    ///
    /// Built by hand, so that no profile and no variable of the caller has a say.
    #[must_use]
    pub fn aws(&self) -> SdkConfig {
        let credentials = Credentials::new("000000000000", "local", None, None, "local");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    /// Ends the cloud with everything that runs in it.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.group.stop().await
    }
}

/// A client for the local world: never through a proxy.
pub fn http() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(40));
    client.build().context("build an HTTP client")
}

/// The address in the line that the cloud writes when it listens.
fn ready_line(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let line = text.lines().find(|line| line.contains("ready") && line.contains("http://127.0.0.1:"))?;
    let (_, address) = line.split_once("http://127.0.0.1:")?;
    let port: String = address.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("http://127.0.0.1:{port}"))
}

/// The Python of a virtual environment with exactly the packages of `requirements.txt`, made on the first call.
///
/// It lies in the cache under the hash of the requirements: another version of them makes another environment.
pub async fn virtual_environment(python: &Path, progress: Progress<'_>) -> anyhow::Result<PathBuf> {
    let requirements = checkout().join("crates/local/cloud/requirements.txt");
    let wanted = std::fs::read(&requirements).context("read the cloud's requirements")?;
    let version = output(Command::new(python).args(["-c", "import sys; print(sys.version, sys.base_prefix)"])).await?;
    let digest = Sha256::new().chain_update(&wanted).chain_update(version).finalize();
    let folder = cache::folder()?.join("python").join(hex::encode(digest).split_at(16).0);
    let (inside, complete) = (folder.join("bin/python"), folder.join("complete"));
    let _lock = Lock::exclusive(&folder.with_extension("lock"), "installing the local cloud", progress).await?;
    if complete.exists() {
        return Ok(inside);
    }
    progress("Installing the local cloud into a virtual environment: 15 MiB, once");
    output(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder)).await?;
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes", "-r"];
    output(Command::new(&inside).args(pip).arg(&requirements)).await?;
    std::fs::write(&complete, "").context("mark the environment as complete")?;
    Ok(inside)
}

/// Runs a program to its end and returns what it printed.
async fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let name = format!("{:?}", command.as_std());
    let result = command.stdin(Stdio::null()).kill_on_drop(true).output().await.with_context(|| name.clone())?;
    let words = String::from_utf8_lossy(&result.stderr);
    ensure!(result.status.success(), "{name} failed ({}):\n{words}", result.status);
    Ok(result.stdout)
}
