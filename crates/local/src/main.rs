//! `local demo` tells the stories; `local python` is for the tests of the local cloud.

mod demo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use local::{cloud, machine, narrator::Narrator};

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
}

#[tokio::main]
async fn main() -> ExitCode {
    let narrator = Narrator::printing();
    let result = match Cli::parse().command {
        Command::Demo(arguments) => demo::run(&arguments, &narrator).await,
        Command::Python => python(&narrator).await,
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
    let machine = machine::check(None)?;
    let python = cloud::virtual_environment(&machine.python, &|_| {}).await?;
    narrator.say(&python.display().to_string());
    Ok(())
}
