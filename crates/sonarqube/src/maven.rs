//! Fetching from Maven Central, the way that companies mirror: by their own Maven settings.

use std::{
    fs,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::cache::Progress;

/// The version is part of the goal: what is prefetched is what the buildspec asks for without a network.
pub(crate) const COPY_GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";

/// Time between two lines about a long step.
const TELL_EVERY: Duration = Duration::from_secs(4);

/// Copies `artifact` (`group:name:version:type[:classifier]`) of about `size` bytes into `folder`, by way of a Maven
/// repository of its own.
pub(crate) async fn copy(
    artifact: &str,
    repository: &Path,
    folder: &Path,
    size: u64,
    progress: Progress<'_>,
) -> anyhow::Result<()> {
    let name = artifact.split(':').nth(1).unwrap_or(artifact).to_owned();
    let mut command = Command::new("mvn");
    command
        .args(["--batch-mode", "--quiet", COPY_GOAL])
        .arg(format!("-Dartifact={artifact}"))
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .arg(format!("-Dmaven.repo.local={}", repository.display()));
    let run = run(command);
    tokio::pin!(run);
    loop {
        tokio::select! {
            outcome = &mut run => return outcome.with_context(|| format!("fetch {artifact} with Maven")),
            () = tokio::time::sleep(TELL_EVERY) => {
                let done = size_of(repository).max(size_of(folder)).min(size);
                progress(&format!("Fetching {name}: {} of {} MiB", done >> 20, size >> 20));
            }
        }
    }
}

/// Runs Maven. Its last lines are the error.
pub(crate) async fn run(mut command: Command) -> anyhow::Result<()> {
    let output =
        command.stdin(Stdio::null()).kill_on_drop(true).output().await.context("run mvn, which must be on the PATH")?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("ERROR")).take(5).collect();
    bail!("mvn ended with {}\n{}", output.status, lines.join("\n"))
}

/// Fails unless `file` has this SHA-256. Says how far it is, for a file that takes seconds.
pub(crate) async fn check_digest(file: &Path, expect: &str, progress: Progress<'_>) -> anyhow::Result<()> {
    let path = file.to_owned();
    let found = watch("Checking the download", progress, move |read| digest(&path, read)).await?;
    if found != expect {
        // Removed, so that the next run fetches it again instead of failing for ever.
        let _ = fs::remove_file(file);
        bail!("{} is not the file that was published: its SHA-256 is {found} and should be {expect}", file.display());
    }
    Ok(())
}

fn digest(path: &Path, read: &AtomicU64) -> anyhow::Result<String> {
    use std::io::Read as _;

    let mut file = fs::File::open(path).with_context(|| format!("read {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).with_context(|| format!("read {}", path.display()))?;
        if count == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        read.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Does blocking `work` and tells every few seconds how many bytes it has counted.
pub(crate) async fn watch<T: Send + 'static>(
    what: &str,
    progress: Progress<'_>,
    work: impl FnOnce(&AtomicU64) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let counted = std::sync::Arc::new(AtomicU64::new(0));
    let task = tokio::task::spawn_blocking({
        let counted = counted.clone();
        move || work(&counted)
    });
    tokio::pin!(task);
    loop {
        tokio::select! {
            outcome = &mut task => return outcome.context("wait for a long step")?,
            () = tokio::time::sleep(TELL_EVERY) => {
                progress(&format!("{what}: {} MiB", counted.load(Ordering::Relaxed) >> 20));
            }
        }
    }
}

/// The bytes under a folder, as far as they can be counted.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_download_that_was_changed_is_refused_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("download");
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        fs::write(&file, "abc").unwrap();
        check_digest(&file, of_abc, &|_| ()).await.unwrap();
        fs::write(&file, "abd").unwrap();
        assert!(check_digest(&file, of_abc, &|_| ()).await.is_err());
        assert!(!file.exists());
    }

    #[test]
    fn counts_the_bytes_of_a_tree() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/file"), "12345").unwrap();
        assert_eq!(size_of(folder.path()), 5);
        assert_eq!(size_of(&folder.path().join("missing")), 0);
    }
}
