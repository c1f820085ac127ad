//! The home folder of local builds. Builds run without internet: what their buildspec fetches with Maven is here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tokio::process::Command;

use crate::{
    cache::{self, Lock, Progress},
    maven, requirements,
};

/// As in buildspec/sonar-scan.yml; a test compares.
const VERSION: &str = "8.1.0.6389";

/// The scanner for one kind of machine.
struct Scanner {
    classifier: &'static str,
    sha256: &'static str,
    size: u64,
}

/// Maven reads its settings from the folder that Java takes for the user's home, which Java asks the operating system
/// for, not the variable HOME. The script `mvn` reads this file first, and from `$HOME`.
const MAVENRC: &str = "MAVEN_OPTS=\"$MAVEN_OPTS -Duser.home=$HOME\"\n";

const SETTINGS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- Local builds: everything is in this folder's repository, nothing comes from the internet. -->
<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">
  <localRepository>${user.home}/.m2/repository</localRepository>
  <offline>true</offline>
</settings>
"#;

/// The folder to use as HOME of local builds, made ready if it is not: `mvn dependency:copy` of the scanner works there
/// without internet.
///
/// # Errors
/// The scanner cannot be fetched, is not the one that was published, or Maven cannot use it offline.
pub async fn build_home(progress: Progress<'_>) -> anyhow::Result<PathBuf> {
    let home = cache::folder()?.join("build-home");
    let _lock = Lock::exclusive(&home.join("lock"), "fetching the scanner", progress).await?;
    let scanner =
        scanner_of(std::env::consts::OS, std::env::consts::ARCH).context("there is no SonarScanner for this system")?;
    let ready = home.join(format!("ready-{VERSION}-{}", scanner.classifier));
    if !ready.exists() {
        prepare(&home, &scanner, progress).await?;
        fs::write(&ready, "").with_context(|| format!("write {}", ready.display()))?;
    }
    Ok(home)
}

fn scanner_of(system: &str, machine: &str) -> Option<Scanner> {
    let (classifier, sha256, size) = match (system, machine) {
        ("linux", "x86_64") => {
            ("linux-x64", "bb8f709f9cb73352f8d1260a3b3c506c0f41146754bc630762c126d795499d0b", 61_626_644)
        }
        ("linux", "aarch64") => {
            ("linux-aarch64", "5e1c9328f4e261838de778c9e586ee608cca45ff7f0538108642219214628ba5", 60_670_850)
        }
        ("macos", "x86_64") => {
            ("macosx-x64", "8afc8bbff9008434e53b31cb681333ff643b999f84ca537db573d0fae8883cdc", 51_731_952)
        }
        ("macos", "aarch64") => {
            ("macosx-aarch64", "20d12be4081896b337cd873d98ebd3d554be666086a45e31dd84a12ef51c3688", 57_860_699)
        }
        _ => return None,
    };
    Some(Scanner { classifier, sha256, size })
}

async fn prepare(home: &Path, scanner: &Scanner, progress: Progress<'_>) -> anyhow::Result<()> {
    let Scanner { classifier, sha256, size } = *scanner;
    let settings = home.join(".m2");
    let repository = settings.join("repository");
    let output = tempfile::tempdir_in(home).context("make a folder for the scanner")?;
    let artifact = format!("org.sonarsource.scanner.cli:sonar-scanner-cli:{VERSION}:zip:{classifier}");
    progress(&format!("Fetching SonarScanner {VERSION}: {} MiB, once", size >> 20));
    maven::copy(&artifact, &repository, output.path(), size, progress).await?;
    let file = output.path().join(format!("sonar-scanner-cli-{VERSION}-{classifier}.zip"));
    maven::check_digest(&file, sha256, progress).await?;

    forget_origins(&repository)?;
    for (file, text) in [(settings.join("settings.xml"), SETTINGS), (home.join(".mavenrc"), MAVENRC)] {
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    }
    // As a build does it. If this works, no build needs the internet.
    let found = requirements::find_maven().map_err(anyhow::Error::msg)?;
    let mut command = Command::new(found.programs.join("mvn"));
    command
        .args(["--batch-mode", "--quiet", maven::COPY_GOAL])
        .arg(format!("-Dartifact={artifact}"))
        .arg(format!("-DoutputDirectory={}", output.path().join("offline").display()))
        .env("HOME", home)
        .env("JAVA_HOME", found.java_home)
        .env_remove("MAVEN_ARGS")
        .current_dir(output.path());
    maven::run(command).await.context("fetch the scanner a second time, without internet")
}

/// Removes the notes about which repository a file came from: offline, Maven refuses a file that came through a mirror
/// which the settings in use do not name.
fn forget_origins(repository: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(repository).with_context(|| format!("list {}", repository.display()))? {
        let entry = entry.with_context(|| format!("list {}", repository.display()))?;
        let path = entry.path();
        if path.is_dir() {
            forget_origins(&path)?;
        } else if entry.file_name() == "_remote.repositories" {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefetches_what_the_buildspec_fetches() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../buildspec/sonar-scan.yml");
        let buildspec = fs::read_to_string(file).unwrap();
        assert!(buildspec.contains(VERSION), "another version of the scanner");
        assert!(buildspec.contains(maven::COPY_GOAL), "another Maven plug-in");
        for (system, machine) in [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "x86_64"), ("macos", "aarch64")]
        {
            let scanner = scanner_of(system, machine).unwrap();
            assert!(buildspec.contains(scanner.classifier), "no {}", scanner.classifier);
            assert!(buildspec.contains(scanner.sha256), "another file for {}", scanner.classifier);
        }
    }

    #[test]
    fn forgets_where_files_came_from_and_keeps_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("org/example/1.0");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("_remote.repositories"), "").unwrap();
        fs::write(deep.join("example-1.0.jar"), "").unwrap();
        forget_origins(folder.path()).unwrap();
        assert!(!deep.join("_remote.repositories").exists());
        assert!(deep.join("example-1.0.jar").exists());
    }
}
