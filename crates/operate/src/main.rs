//! `operate deploy`, `doctor`, `destroy`, `slack-manifest`: see the scripts of the same names.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use operate::{
    account::{Account, Choice},
    config::{self, Config},
    console::Console,
    deploy::{self, Chosen, Request},
    destroy::{self, Data},
    doctor,
    parameters::Stack,
    preflight,
    release::{self, Release},
    slack_manifest,
    stack::{self, Outcome},
};

/// Deploys security-chatops into an AWS account, looks after it, and removes it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Creates or updates the stacks. Running it again is safe.
    Deploy(Deploy),
    /// Says what would fail today, and what to do about it.
    Doctor {
        #[command(flatten)]
        place: Where,
        /// Also sends a test message into each Slack channel.
        #[arg(long)]
        notify: bool,
    },
    /// Removes the stacks; evidence, uploads and quarantined objects stay.
    Destroy {
        #[command(flatten)]
        place: Where,
        /// Also deletes all data. Asks once more.
        #[arg(long)]
        empty_evidence_and_quarantine: bool,
        /// Says so a second time, instead of being asked.
        #[arg(long, requires = "empty_evidence_and_quarantine")]
        yes_delete_all_data: bool,
    },
    /// Prints the manifest of the Slack app that shows findings.
    SlackManifest {
        #[command(flatten)]
        place: Where,
    },
}

/// Which deployment, in which account.
#[derive(Args)]
struct Where {
    /// The configuration file, instead of security-chatops.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The deployment's name, instead of the file's.
    #[arg(long)]
    name: Option<String>,
    /// The AWS Region, instead of the file's.
    #[arg(long)]
    region: Option<String>,
    /// The AWS profile, instead of the file's.
    #[arg(long)]
    profile: Option<String>,
    /// The address of a local cloud.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Answers every question with yes.
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
struct Deploy {
    #[command(flatten)]
    place: Where,
    /// The folder that scripts/package wrote.
    #[arg(long, default_value = "dist", value_name = "FOLDER")]
    dist: PathBuf,
    /// Deploys a release that was uploaded before: a roll-back.
    #[arg(long, value_name = "RELEASE", conflicts_with = "dist")]
    release: Option<String>,
    /// Lists the uploaded releases, and does nothing else.
    #[arg(long)]
    releases: bool,
    /// Checks account, Slack and SonarQube, and does nothing else.
    #[arg(long, conflicts_with = "releases")]
    check_only: bool,
    /// Deploys although a check fails.
    #[arg(long)]
    although_checks_fail: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Deploy(arguments) => deploy(&arguments).await,
        Command::Doctor { place, notify } => doctor(&place, notify).await,
        Command::Destroy { place, empty_evidence_and_quarantine, yes_delete_all_data } => {
            let data = match (empty_evidence_and_quarantine, yes_delete_all_data) {
                (false, _) => Data::Stays,
                (true, false) => Data::Goes,
                (true, true) => Data::GoesForSure,
            };
            destroy(&place, data).await
        }
        Command::SlackManifest { place } => slack_manifest(&place).await,
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing can be done about a standard error that is gone.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Where {
    fn console(&self) -> Console {
        Console::printing(self.yes)
    }

    /// The deployment's name and the account it is in; a file is not needed for that.
    async fn account_of(&self, config: Option<Config>) -> anyhow::Result<(String, Account)> {
        let config = self.or_default(config)?;
        let account = self.account(&config).await?;
        Ok((config.name, account))
    }

    /// Without a file, the options alone.
    fn or_default(&self, config: Option<Config>) -> anyhow::Result<Config> {
        config.map_or_else(|| self.replaced(Config::default()), Ok)
    }

    fn file(&self) -> &Path {
        self.config.as_deref().unwrap_or_else(|| Path::new(config::FILE))
    }

    /// The file with what the options replace; none if there is no file and none was named: a slip in its name must not
    /// lead to another deployment.
    fn config(&self) -> anyhow::Result<Option<Config>> {
        let config = Config::read(self.file())?;
        if config.is_none() && self.config.is_some() {
            bail!("there is no {}", self.file().display());
        }
        config.map(|config| self.replaced(config)).transpose()
    }

    fn replaced(&self, mut config: Config) -> anyhow::Result<Config> {
        config.profile = self.profile.clone().or(config.profile.take());
        config.region = self.region.clone().or(config.region.take());
        if let Some(name) = &self.name {
            config.rename(name)?;
        }
        Ok(config)
    }

    /// What leads to the same deployment again: ` with the same --config and --region`; nothing if no option chose it.
    fn repeated(&self) -> String {
        let options = [
            ("--config", self.config.is_some()),
            ("--name", self.name.is_some()),
            ("--region", self.region.is_some()),
            ("--profile", self.profile.is_some()),
            ("--endpoint-url", self.endpoint_url.is_some()),
        ];
        let given: Vec<&str> = options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        match given.as_slice() {
            [] => String::new(),
            [one] => format!(" with the same {one}"),
            [first @ .., last] => format!(" with the same {} and {last}", first.join(", ")),
        }
    }

    async fn account(&self, config: &Config) -> anyhow::Result<Account> {
        let (profile, region) = (config.profile.clone(), config.region.clone());
        Account::connect(&Choice { profile, region, endpoint_url: self.endpoint_url.clone() }).await
    }
}

async fn deploy(arguments: &Deploy) -> anyhow::Result<bool> {
    let console = arguments.place.console();
    let config = match arguments.place.config()? {
        Some(mut config) => {
            config.complete(&console)?;
            config
        }
        None if console.can_ask() => ask(&arguments.place, &console)?,
        None => bail!(
            "there is no {}: copy security-chatops.example.toml to it and fill it in",
            arguments.place.file().display()
        ),
    };
    let account = arguments.place.account(&config).await?;
    if arguments.releases {
        return releases(&account, &config, &console).await;
    }
    console.say(&format!("account {} in {}, as {}", account.id, account.region, account.identity));
    let stacks = config.stacks();
    let mut existing = Vec::new();
    for stack in &stacks {
        if stack::find(&account, &stack.of(&config.name)).await?.is_some_and(|found| found.runs()) {
            existing.push(*stack);
        }
    }
    let variable = |name: &str| std::env::var(name).ok();
    // To look only, nothing is needed that is not there.
    let has = |stack| arguments.check_only || existing.contains(&stack);
    let secrets = config::secrets(&stacks, variable, has, &console)?;

    let checks = preflight::run(&account, &config, &secrets).await?;
    for check in &checks {
        console.say(&check.to_string());
    }
    let failed = checks.iter().filter(|check| check.has_failed()).count();
    if arguments.check_only {
        return Ok(failed == 0);
    }
    if failed > 0 && !arguments.although_checks_fail {
        bail!(
            "{failed} of {} checks failed, nothing is deployed; --although-checks-fail deploys all the same",
            checks.len()
        );
    }
    let release = match &arguments.release {
        Some(name) => Chosen::Uploaded(name.clone()),
        None => Chosen::New(Arc::new(Release::read(&arguments.dist)?)),
    };
    let mut parameters = std::collections::BTreeMap::new();
    for stack in stacks {
        parameters.insert(stack, config.parameters(stack)?);
    }
    let request = Request { name: config.name.clone(), release, parameters, secrets };
    let done = deploy::deploy(&account, &request, &console).await?;
    report(&done, &config, &console);
    console.say(&format!("\nThen run scripts/doctor{}.", arguments.place.repeated()));
    Ok(true)
}

async fn doctor(place: &Where, notify: bool) -> anyhow::Result<bool> {
    let (name, account) = place.account_of(place.config()?).await?;
    let console = place.console();
    let checks = doctor::run(&account, &name, notify).await?;
    for check in &checks {
        console.say(&check.to_string());
    }
    let failed = checks.iter().filter(|check| check.has_failed()).count();
    console.say(&match failed {
        0 => format!("\n{name} is healthy: {} checks", checks.len()),
        _ => format!("\n{name} is not healthy: {failed} of {} checks failed", checks.len()),
    });
    Ok(failed == 0)
}

async fn destroy(place: &Where, data: Data) -> anyhow::Result<bool> {
    let config = place.config()?;
    if place.name.is_none() && config.is_none() {
        bail!("say which deployment: there is no {}, and no --name", place.file().display());
    }
    let (name, account) = place.account_of(config).await?;
    destroy::destroy(&account, &name, data, &place.console()).await?;
    Ok(true)
}

async fn slack_manifest(place: &Where) -> anyhow::Result<bool> {
    let config = place.or_default(place.config()?)?;
    // The app is made before the deployment, and whoever makes it may have no access to the account.
    let url = address_for_clicks(place, &config).await;
    let manifest = slack_manifest::manifest(&config.name, url.as_ref().ok().and_then(Option::as_deref));
    // Only the manifest, so that it can be piped.
    place.console().say(&serde_json::to_string_pretty(&manifest).context("write the manifest")?);
    let missing = match url {
        Ok(Some(_)) => return Ok(true),
        Ok(None) => "There is no address for clicks before the deployment".to_owned(),
        Err(error) => format!("The address for clicks is missing, because AWS could not be asked for it ({error:#})"),
    };
    let words =
        format!("{missing}: print this again after the deployment, and paste it into the app's page App Manifest.");
    let _ = writeln!(std::io::stderr(), "{words}");
    Ok(true)
}

/// Where the deployment takes clicks; none before it is there.
async fn address_for_clicks(place: &Where, config: &Config) -> anyhow::Result<Option<String>> {
    let account = place.account(config).await?;
    let found = stack::find(&account, &Stack::MacieRemediation.of(&config.name)).await?;
    Ok(found.and_then(|found| found.outputs.get("RemediationUrl").cloned()))
}

/// Asks for everything, and keeps the answers.
fn ask(place: &Where, console: &Console) -> anyhow::Result<Config> {
    console.say(&format!("There is no {}. Some questions instead:", place.file().display()));
    let config = place.replaced(Config::ask(console)?)?;
    std::fs::write(place.file(), config.to_toml()).with_context(|| format!("write {}", place.file().display()))?;
    console.say(&format!("Your answers are in {}.", place.file().display()));
    Ok(config)
}

async fn releases(account: &Account, config: &Config, console: &Console) -> anyhow::Result<bool> {
    let base = Stack::PreRequisite.of(&config.name);
    let found = stack::find(account, &base).await?.with_context(|| format!("there is no stack {base}"))?;
    let bucket = found.outputs.get("S3LambdaBucket").context("the stack has no output S3LambdaBucket")?;
    let mut runs = Vec::new();
    for stack in [Stack::AppSecurity, Stack::MacieRemediation] {
        if let Some(found) = stack::find(account, &stack.of(&config.name)).await? {
            runs.extend(found.parameters.get("Release").map(|release| (release.clone(), stack.word())));
        }
    }
    for (name, time) in release::list(&aws_sdk_s3::Client::new(&account.aws), bucket).await? {
        let by: Vec<&str> = runs.iter().filter(|(release, _)| *release == name).map(|(_, word)| *word).collect();
        let by = if by.is_empty() { String::new() } else { format!("  runs in {}", by.join(", ")) };
        console.say(&format!("{name}  uploaded {time}{by}"));
    }
    Ok(true)
}

fn report(done: &deploy::Done, config: &Config, console: &Console) {
    console.say(&format!("\nrelease {}", done.release));
    for (stack, outcome) in &done.outcomes {
        let word = match outcome {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
            Outcome::Declined => "left as it was",
        };
        console.say(&format!("  {:40} {word}", stack.of(&config.name)));
    }
    console.say("\noutputs");
    for (name, value) in &done.outputs {
        console.say(&format!("  {name:28} {value}"));
    }
    let steps = deploy::next_steps(done);
    if !steps.is_empty() {
        console.say("\nby hand, once");
        for (number, step) in steps.iter().enumerate() {
            console.say(&format!("  {}. {step}", number + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(arguments: &[&str]) -> Where {
        let arguments = ["operate", "destroy"].iter().chain(arguments);
        match Cli::parse_from(arguments).command {
            Command::Destroy { place, .. } => place,
            _ => panic!("another command"),
        }
    }

    #[test]
    fn the_options_that_chose_a_deployment_lead_to_it_again() {
        assert_eq!(place(&["--yes"]).repeated(), "");
        assert_eq!(place(&["--config", "staging.toml"]).repeated(), " with the same --config");
        let options = ["--profile", "p", "--region", "eu-west-1", "--name", "demo"];
        assert_eq!(place(&options).repeated(), " with the same --name, --region and --profile");
    }

    #[tokio::test]
    async fn a_slip_in_the_name_of_the_file_leads_to_no_deployment() {
        let refused = place(&["--config", "stagin.toml"]).config().unwrap_err();
        assert_eq!(refused.to_string(), "there is no stagin.toml");
        assert!(destroy(&place(&["--config", "stagin.toml", "--name", "demo"]), Data::Stays).await.is_err());
        // The crate's folder has no security-chatops.toml.
        let refused = destroy(&place(&["--yes"]), Data::GoesForSure).await.unwrap_err();
        assert!(refused.to_string().starts_with("say which deployment"), "{refused}");
    }
}
