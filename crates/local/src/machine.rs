//! What the machine must have for the local world, and how to get what is missing.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::bail;

/// What was found.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Python 3.10 or later that can make virtual environments.
    pub python: PathBuf,
}

/// Looks for everything at once, so that nobody has to come back three times. `run_sonarqube`: whether a server is to run
/// here.
pub fn check(run_sonarqube: bool) -> anyhow::Result<Machine> {
    let mut missing = Vec::new();
    let python = python();
    if python.is_none() {
        missing.push(
            "Python 3.10 or later, with venv, runs the local cloud: install it with `apt install python3 python3-venv` \
             or `brew install python`."
                .to_owned(),
        );
    }
    if run_sonarqube {
        missing.extend(sonarqube::missing());
    }
    match python {
        Some(python) if missing.is_empty() => Ok(Machine { python }),
        _ => bail!("this machine lacks something:\n- {}", missing.join("\n- ")),
    }
}

fn python() -> Option<PathBuf> {
    let test = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];
    names.into_iter().find(|name| answers(name, &["-c", test])).map(PathBuf::from)
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
