//! A deployment, ordered: by a call of what `scripts/deploy` calls, or by the script itself.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use operate::{
    account::Account,
    config,
    console::Console,
    deploy::{self, Chosen, Request},
    parameters::{Stack, Value, Values},
    release::Release,
    stack,
};
use secrecy::SecretString;
use tokio::process::Command;

use super::release;
use crate::{checkout, cloud::REGION};

/// The role that the scripts run as. No stack makes it: it stands for whoever deploys.
pub const OPERATOR: &str = "arn:aws:iam::000000000000:role/operator";

/// How the stacks are deployed. Both ways run the same code; the first saves a program's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Library,
    Script,
}

/// What is deployed.
pub(super) struct Order<'a> {
    pub(super) name: &'a str,
    pub(super) release: Arc<Release>,
    pub(super) scan: BTreeMap<String, String>,
    pub(super) finding: BTreeMap<String, String>,
    /// By parameter.
    pub(super) secrets: [(&'static str, String); 4],
}

impl Order<'_> {
    pub(super) async fn deploy(self, account: &Account) -> anyhow::Result<BTreeMap<String, String>> {
        let values = |list: BTreeMap<String, String>| -> Values {
            list.into_iter().map(|(name, value)| (name, Value::Is(value))).collect()
        };
        let request = Request {
            name: self.name.to_owned(),
            release: Chosen::New(self.release),
            parameters: [
                (Stack::PreRequisite, Values::new()),
                (Stack::AppSecurity, values(self.scan)),
                (Stack::MacieRemediation, values(self.finding)),
            ]
            .into(),
            secrets: self.secrets.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect(),
        };
        Ok(deploy::deploy(account, &request, &Console::telling(|_| ())).await?.outputs)
    }

    pub(super) async fn run(self, account: &Account, script: &Script) -> anyhow::Result<BTreeMap<String, String>> {
        script.write_config(&self.scan, &self.finding)?;
        script.write_release(&self.release)?;
        let names = operate::parameters::SECRETS.map(|secret| (secret.name, secret.variable));
        let variable = |name: &str| names.iter().find(|(other, _)| *other == name).map(|(_, variable)| *variable);
        let secrets = self.secrets.iter().filter_map(|(name, value)| Some((variable(name)?, value.as_str())));
        // Without a SonarQube server, that check fails, as it should.
        let arguments = if self.scan.get("SonarHostUrl").is_some_and(|url| url.ends_with(":9")) {
            vec!["--yes", "--although-checks-fail"]
        } else {
            vec!["--yes"]
        };
        let output = script.run("deploy", &arguments, secrets).await?;
        ensure!(output.success, "scripts/deploy failed:\n{}", output.words);
        let mut outputs = BTreeMap::new();
        for part in [Stack::PreRequisite, Stack::AppSecurity, Stack::MacieRemediation] {
            let found = stack::find(account, &part.of(self.name)).await?;
            outputs.extend(found.with_context(|| format!("there is no stack {}", part.of(self.name)))?.outputs);
        }
        Ok(outputs)
    }
}

/// Runs the product's scripts as a person would, from a folder with a configuration file in it.
#[derive(Debug)]
pub struct Script {
    folder: tempfile::TempDir,
    cloud_url: String,
    name: String,
    program: PathBuf,
}

/// What a script did.
#[derive(Debug)]
pub struct Output {
    pub success: bool,
    /// Both of its streams.
    pub words: String,
}

impl Script {
    /// For the deployment of that name.
    pub fn new(name: &str, cloud_url: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the configuration")?;
        fs::create_dir(folder.path().join("dist")).context("make a folder for the release")?;
        let program = release::programs()?.join("operate");
        Ok(Self { folder, cloud_url: cloud_url.to_owned(), name: name.to_owned(), program })
    }

    /// The configuration file, with these parameters of the two stacks.
    pub fn write_config(
        &self,
        scan: &BTreeMap<String, String>,
        finding: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let mut text = format!("name = \"{}\"\nregion = \"{REGION}\"\n", self.name);
        for (section, parameters) in [("app-security", scan), ("macie-remediation", finding)] {
            let _ = writeln!(text, "[{section}]");
            for (name, value) in parameters {
                let _ = writeln!(text, "{name} = {}", serde_json::Value::from(value.as_str()));
            }
        }
        fs::write(self.config(), text).context("write the configuration")
    }

    /// The release that the next `deploy` finds.
    pub fn write_release(&self, release: &Release) -> anyhow::Result<()> {
        release.write(&self.dist())
    }

    /// Runs `scripts/<name>` to its end.
    pub async fn run(
        &self,
        name: &str,
        arguments: &[&str],
        secrets: impl IntoIterator<Item = (&str, &str)>,
    ) -> anyhow::Result<Output> {
        let mut command = Command::new(checkout().join("scripts").join(name));
        // A word before the options.
        let (word, arguments) = match arguments {
            [word, rest @ ..] if !word.starts_with('-') => (Some(word), rest),
            all => (None, all),
        };
        command
            .args(word)
            .arg("--config")
            .arg(self.config())
            .args(["--endpoint-url", &self.cloud_url])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .envs(self.session(name).await?)
            .env("SECURITY_CHATOPS_OPERATE", &self.program)
            .envs(secrets)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let elsewhere = ["--release", "--dist"].iter().any(|option| arguments.contains(option));
        if name == "deploy" && word.is_none() && !elsewhere {
            command.arg("--dist").arg(self.dist());
        }
        let output = command.output().await.with_context(|| format!("run scripts/{name}"))?;
        let words = [output.stdout, output.stderr].concat();
        Ok(Output { success: output.status.success(), words: String::from_utf8_lossy(&words).into_owned() })
    }

    /// A second deployment with the same settings but for one text, with the same release.
    pub fn twin(&self, name: &str, (text, instead): (&str, &str)) -> anyhow::Result<Self> {
        let twin = Self::new(name, &self.cloud_url)?;
        let config = fs::read_to_string(self.config()).context("read the configuration")?;
        ensure!(config.contains(text), "the configuration does not say {text}");
        let config =
            config.replace(text, instead).replace(&format!("name = \"{}\"", self.name), &format!("name = \"{name}\""));
        fs::write(twin.config(), config).context("write the configuration")?;
        for file in fs::read_dir(self.dist()).context("look into the release")? {
            let file = file.context("look into the release")?.path();
            let name = file.file_name().context("a file has no name")?;
            fs::copy(&file, twin.dist().join(name)).context("copy the release")?;
        }
        Ok(twin)
    }

    /// Credentials of the role [`OPERATOR`], so that what the script asks of AWS is kept as that role's calls.
    async fn session(&self, name: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let wanted = serde_json::json!({"role": OPERATOR, "session": name, "service": "sts.amazonaws.com"});
        let answer =
            crate::cloud::http()?.post(format!("{}/_local/sessions", self.cloud_url)).json(&wanted).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status).context("get credentials for the script")?;
        answer.json().await.context("understand the credentials")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join(config::FILE)
    }

    fn dist(&self) -> PathBuf {
        Path::new(self.folder.path()).join("dist")
    }
}
