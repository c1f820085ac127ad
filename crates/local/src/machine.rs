//! What the machine must have, and how to get what is missing.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::bail;

/// SonarQube, a scanner and the local cloud together take about 3.5 GB.
const MEMORY_MB: u64 = 4_000;

/// SonarQube's archive, its unpacked copies and the scanner.
const DISK_MB: u64 = 5_000;

/// Something that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What it is, and what it is for.
    pub what: String,
    /// How Debian and Ubuntu install it; nothing if it cannot be installed.
    pub debian: &'static str,
    /// How macOS does, with Homebrew.
    pub macos: &'static str,
}

/// What was found on the way.
#[derive(Clone, Debug)]
pub struct Machine {
    pub python: PathBuf,
}

/// Looks for everything. `sonarqube`: whether a server is to run here; `scanner`: whether code is to be scanned; `cache`:
/// where the downloads will lie.
pub fn check(sonarqube: bool, scanner: bool, cache: &Path) -> anyhow::Result<Machine> {
    let mut missing = Vec::new();
    let python = python();
    if python.is_none() {
        missing.push(Missing {
            what: "Python 3.10 or later with venv, for the local cloud".to_owned(),
            debian: "sudo apt-get install python3 python3-venv",
            macos: "brew install python",
        });
    }
    if !answers("cc", &["--version"]) {
        missing.push(Missing {
            what: "a C compiler, for the TLS library of the AWS SDK".to_owned(),
            debian: "sudo apt-get install build-essential",
            macos: "xcode-select --install",
        });
    }
    if scanner {
        missing.extend(maven());
    }
    if sonarqube {
        missing.extend(room("memory for SonarQube", free_memory_mb(), MEMORY_MB));
        missing.extend(room(&format!("disk space in {}", cache.display()), free_disk_mb(cache), DISK_MB));
    }
    match python {
        Some(python) if missing.is_empty() => Ok(Machine { python }),
        _ => bail!("{}", report(&missing)),
    }
}

/// Says what is missing, one paragraph each.
#[must_use]
pub fn report(missing: &[Missing]) -> String {
    let mut text = "This machine lacks:".to_owned();
    for item in missing {
        let _ = write!(text, "\n- {}", item.what);
        if !item.debian.is_empty() {
            let _ = write!(text, "\n    Debian, Ubuntu:  {}\n    macOS:           {}", item.debian, item.macos);
        }
    }
    text
}

/// The first Python that is new enough and can make virtual environments.
fn python() -> Option<PathBuf> {
    let test = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];
    names.into_iter().find(|name| answers(name, &["-c", test])).map(PathBuf::from)
}

fn maven() -> Option<Missing> {
    let version = Command::new("mvn").arg("--version").stdin(Stdio::null()).output().ok();
    let text = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    (java_of_maven(&text) < Some(17)).then(|| Missing {
        what: "Maven with Java 17 or later, which fetches SonarQube and its scanner".to_owned(),
        debian: "sudo apt-get install maven default-jdk-headless",
        macos: "brew install maven",
    })
}

/// The major version in a line such as `Java version: 17.0.9, vendor: Debian, runtime: …`.
fn java_of_maven(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("Java version: ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn room(what: &str, found: Option<u64>, needed: u64) -> Option<Missing> {
    // What cannot be asked is not held against the machine.
    let found = found?;
    let what = format!("{what}: {needed} MB free, there are {found} MB");
    (found < needed).then_some(Missing { what, debian: "", macos: "" })
}

fn free_memory_mb() -> Option<u64> {
    if let Ok(text) = std::fs::read_to_string("/proc/meminfo") {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        return line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes / 1024);
    }
    // macOS gives memory back under pressure: what is installed counts.
    let output = Command::new("sysctl").args(["-n", "hw.memsize"]).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok().map(|bytes| bytes / 1_048_576)
}

/// Free space where `folder` is, or will be.
fn free_disk_mb(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|folder| folder.is_dir())?;
    let output = Command::new("df").args(["-Pk"]).arg(existing).output().ok()?;
    available_of_df(&String::from_utf8_lossy(&output.stdout))
}

fn available_of_df(text: &str) -> Option<u64> {
    let line = text.lines().nth(1)?;
    line.split_whitespace().nth(3)?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_java_that_maven_uses() {
        let text = "Apache Maven 3.8.7\nMaven home: /usr/share/maven\nJava version: 17.0.9, vendor: Debian\n";
        assert_eq!(java_of_maven(text), Some(17));
        assert_eq!(java_of_maven("Java version: 1.8.0_392, vendor: x"), Some(1));
        assert_eq!(java_of_maven(""), None);
        assert!(None < Some(17));
    }

    #[test]
    fn reads_the_free_space() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 264000 1000 2048000 1% /\n";
        assert_eq!(available_of_df(text), Some(2000));
    }

    #[test]
    fn says_how_to_install_what_is_missing() {
        let text = report(&[
            Missing { what: "Maven".to_owned(), debian: "apt", macos: "brew" },
            Missing { what: "memory".to_owned(), debian: "", macos: "" },
        ]);
        assert_eq!(text, "This machine lacks:\n- Maven\n    Debian, Ubuntu:  apt\n    macOS:           brew\n- memory");
    }
}
