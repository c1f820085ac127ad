//! `local demo` tells the stories; `local sonarqube` keeps a server for the next run.

mod demo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use local::{
    cloud, machine,
    narrator::Narrator,
    sonarqube::{self, Stopped},
};

/// The local world of security-chatops: a local cloud, a Slack stand-in and a real SonarQube on this machine.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells stories: the named ones, or the two of the README.
    Demo(demo::Arguments),
    /// Prints the Python of the local cloud's virtual environment, made if need be.
    Python,
    /// Keeps a SonarQube server running between demos and tests.
    Sonarqube {
        #[command(subcommand)]
        action: Action,
    },
}

#[derive(Subcommand)]
enum Action {
    /// Starts the server, or keeps the running one.
    Start,
    /// Stops the server and removes its data.
    Stop,
    /// Says whether a server is running, and where.
    Status,
}

#[tokio::main]
async fn main() -> ExitCode {
    let narrator = Narrator::printing();
    let result = match Cli::parse().command {
        Command::Demo(arguments) => demo::run(&arguments, &narrator).await,
        Command::Python => python(&narrator).await,
        Command::Sonarqube { action } => sonarqube(&action, &narrator).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            narrator.say(&format!("\nFailed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn python(narrator: &Narrator) -> anyhow::Result<()> {
    let machine = machine::check(false)?;
    let python = cloud::virtual_environment(&machine.python, &|_| {}).await?;
    narrator.say(&python.display().to_string());
    Ok(())
}

async fn sonarqube(action: &Action, narrator: &Narrator) -> anyhow::Result<()> {
    let progress = |words: &str| narrator.step(words);
    let now = jiff::Timestamp::now();
    let words = match action {
        Action::Start => sonarqube::start(&progress).await?.describe(now),
        Action::Status => match sonarqube::status().await? {
            Some(status) => status.describe(now),
            None => "SonarQube is not running".to_owned(),
        },
        Action::Stop => match sonarqube::stop(&progress).await? {
            Stopped::Now => "SonarQube is stopped",
            Stopped::WithItsLastUser => "SonarQube is in use, and stops when the last run is done with it",
            Stopped::WasNotRunning => "SonarQube was not running",
        }
        .to_owned(),
    };
    narrator.say(&words);
    Ok(())
}
