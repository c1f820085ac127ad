//! `scripts/sonarqube` keeps a server for later runs; `scripts/demo` lets one start beside the build.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand};
use sonarqube::{cache::Progress, interrupted};

/// A real SonarQube server on this machine, for the demo and the tests of security-chatops.
#[derive(Parser)]
#[command(bin_name = "scripts/sonarqube")]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Starts the server, or keeps the running one.
    Start,
    /// Stops the server and removes its data.
    Stop,
    /// Says whether a server is running, and where.
    Status,
    /// Says what this machine lacks for scans of code, before anything long begins.
    #[command(hide = true)]
    Check {
        /// For a server that is already somewhere: the scanner runs here all the same.
        #[arg(long)]
        without_server: bool,
    },
    /// Starts the server for a demo that is still being built. It ends with that demo.
    #[command(hide = true)]
    Prepare,
    /// Ends what `prepare` started, if no demo came to use it.
    #[command(hide = true)]
    Dismiss,
}

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]
async fn main() -> ExitCode {
    let outcome = tokio::select! {
        outcome = carry_out(Cli::parse().action, &|words| println!("{words}")) => outcome,
        // Drops what was started so far, and with it the processes.
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(action: Action, progress: Progress<'_>) -> anyhow::Result<()> {
    let now = jiff::Timestamp::now();
    match action {
        Action::Start => {
            check_machine(true)?;
            progress(&sonarqube::start(progress).await?.describe(now));
        }
        Action::Check { without_server } => check_machine(!without_server)?,
        Action::Prepare => {
            check_machine(true)?;
            sonarqube::prepare(progress).await?;
            progress("SonarQube is ready");
        }
        Action::Dismiss => sonarqube::dismiss().await?,
        Action::Status => match sonarqube::status().await? {
            Some(status) => progress(&status.describe(now)),
            None => progress("SonarQube is not running"),
        },
        Action::Stop => progress(&sonarqube::stop(progress).await?.to_string()),
    }
    Ok(())
}

fn check_machine(server: bool) -> anyhow::Result<()> {
    let mut missing: Vec<String> = sonarqube::find_maven().err().into_iter().collect();
    if server {
        missing.extend(sonarqube::missing_for_a_server());
    }
    if !missing.is_empty() {
        bail!("this machine lacks something:\n- {}", missing.join("\n- "));
    }
    Ok(())
}
