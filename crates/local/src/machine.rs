//! What the machine must have for the local world, and how to get what is missing.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::bail;
use sonarqube::{Maven, Source};

/// What was found.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Python 3.10 or later that can make virtual environments.
    pub python: PathBuf,
    /// With Java 17 or later. Looked for when code is to be scanned.
    pub maven: Option<Maven>,
}

/// Looks for everything at once, so that nobody has to come back three times. `server`: the one that code is to be
/// scanned with, if any is. The scanner runs here, wherever the server is.
///
/// # Errors
/// Something is missing: all of it, and how to get it.
pub fn check(server: Option<&Source>) -> anyhow::Result<Machine> {
    let mut missing = Vec::new();
    let python = python();
    if python.is_none() {
        missing.push(
            "Python 3.10 or later, with venv, runs the local cloud: install it with `apt install python3 python3-venv` \
             or `brew install python`."
                .to_owned(),
        );
    }
    let maven = server.and_then(|_| sonarqube::find_maven().map_err(|sentence| missing.push(sentence)).ok());
    if matches!(server, Some(Source::Local)) {
        missing.extend(sonarqube::missing_for_a_server());
    }
    match python {
        Some(python) if missing.is_empty() => Ok(Machine { python, maven }),
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
