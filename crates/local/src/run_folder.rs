//! The folder of one run: logs and temporary files of everything that is started. Gone with the run.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sonarqube::cache::Lock;
use tempfile::TempDir;

const PREFIX: &str = "security-chatops-";

/// Removed when it is dropped. Holds a lock as long as the run lives.
#[derive(Debug)]
pub struct RunFolder {
    folder: TempDir,
    // Dropped after the folder: until then nobody else takes it for one that was left behind.
    _lock: Lock,
}

impl RunFolder {
    /// Makes a folder, and removes those that killed runs have left behind.
    pub fn new() -> anyhow::Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    fn new_in(place: &Path) -> anyhow::Result<Self> {
        remove_abandoned(place);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(place).context("make a folder for this run")?;
        let lock = Lock::alone(&lock_file(folder.path()))?.context("somebody else has our folder")?;
        Ok(Self { folder, _lock: lock })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes the folder, and says if that fails.
    pub fn close(self) -> anyhow::Result<()> {
        self.folder.close().context("remove the folder of this run")
    }
}

fn lock_file(folder: &Path) -> PathBuf {
    folder.join("in-use")
}

/// A folder without its lock file is just being made. What belongs to another user cannot be opened, and stays.
fn remove_abandoned(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let lock = lock_file(&entry.path());
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX) && lock.is_file();
        if ours && let Ok(Some(_abandoned)) = Lock::alone(&lock) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_killed_runs_left_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let abandoned = place.path().join("security-chatops-dead");
        let starting = place.path().join("security-chatops-new");
        let stranger = place.path().join("stranger");
        for folder in [&abandoned, &starting, &stranger] {
            std::fs::create_dir(folder).unwrap();
        }
        for folder in [&abandoned, &stranger] {
            std::fs::write(lock_file(folder), "").unwrap();
        }
        let running = RunFolder::new_in(place.path()).unwrap();
        let second = RunFolder::new_in(place.path()).unwrap();
        let exists = [abandoned.as_path(), &starting, &stranger, running.path(), second.path()].map(Path::exists);
        assert_eq!(exists, [false, true, true, true, true]);
        let path = running.path().to_owned();
        running.close().unwrap();
        assert!(!path.exists());
    }
}
