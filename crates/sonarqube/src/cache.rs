//! What is fetched once and used by every later run lives in one folder, outside the checkout.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;

/// Told in a sentence how a long step is going.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// The cache folder of this machine and user. It may not exist yet.
///
/// # Errors
/// Neither `SECURITY_CHATOPS_CACHE` nor a home folder is known.
pub fn folder() -> anyhow::Result<PathBuf> {
    let folder = folder_from(|name| std::env::var_os(name), is_root(), cfg!(target_os = "macos"))
        .context("no place for downloads: set SECURITY_CHATOPS_CACHE to a folder")?;
    std::path::absolute(&folder).with_context(|| format!("find the cache folder {}", folder.display()))
}

/// Whether we run as the superuser.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `SECURITY_CHATOPS_CACHE` if set. The superuser's cache is not in his home, which others cannot enter: SonarQube
/// refuses to run as the superuser, and runs as somebody else from there.
fn folder_from(variable: impl Fn(&str) -> Option<OsString>, root: bool, macos: bool) -> Option<PathBuf> {
    const NAME: &str = "security-chatops";
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = set("SECURITY_CHATOPS_CACHE") {
        return Some(own);
    }
    if root {
        return Some(Path::new("/var/cache").join(NAME));
    }
    if macos {
        return set("HOME").map(|home| home.join("Library/Caches").join(NAME));
    }
    // The XDG Base Directory Specification: a relative path is invalid and ignored.
    set("XDG_CACHE_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .map(|folder| folder.join(NAME))
}

/// A lock between processes. The operating system takes it back when its holder dies, however that happens.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Waits until nobody else holds the lock; says once that it waits, and `why`.
    pub async fn exclusive(path: &Path, why: &str, progress: Progress<'_>) -> anyhow::Result<Self> {
        let file = open(path)?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("lock {}", path.display()));
                }
            }
            if !told {
                progress(&format!("Waiting for another run that is {why}"));
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// As [`Lock::exclusive`], without a word, and for places that cannot wait asynchronously.
    pub fn exclusive_blocking(path: &Path) -> anyhow::Result<Self> {
        let file = open(path)?;
        file.lock().with_context(|| format!("lock {}", path.display()))?;
        Ok(Self { file })
    }

    /// One of any number of holders. `None` while somebody holds it alone.
    pub fn shared(path: &Path) -> anyhow::Result<Option<Self>> {
        let file = open(path)?;
        Self::got(file.try_lock_shared(), path).map(|got| got.then_some(Self { file }))
    }

    /// The only holder, or `None` if there are others.
    pub fn alone(path: &Path) -> anyhow::Result<Option<Self>> {
        let file = open(path)?;
        Self::got(file.try_lock(), path).map(|got| got.then_some(Self { file }))
    }

    fn got(outcome: Result<(), TryLockError>, path: &Path) -> anyhow::Result<bool> {
        match outcome {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would do, unless a child process that is just being made still has it open.
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], root: bool, macos: bool, expect: Option<&str>) {
        let lookup =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        assert_eq!(folder_from(lookup, root, macos), expect.map(PathBuf::from));
    }

    #[test]
    fn an_own_folder_goes_before_all_others() {
        check(&[("SECURITY_CHATOPS_CACHE", "/x"), ("HOME", "/h")], true, false, Some("/x"));
    }

    #[test]
    fn follows_the_customs_of_the_system() {
        check(&[("HOME", "/root")], true, false, Some("/var/cache/security-chatops"));
        check(&[("HOME", "/h")], false, false, Some("/h/.cache/security-chatops"));
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")], false, false, Some("/c/security-chatops"));
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "c")], false, false, Some("/h/.cache/security-chatops"));
        check(&[("HOME", "/h")], false, true, Some("/h/Library/Caches/security-chatops"));
        check(&[], false, false, None);
    }

    #[test]
    fn a_shared_lock_keeps_others_from_being_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let first = Lock::shared(&path).unwrap().unwrap();
        let second = Lock::shared(&path).unwrap().unwrap();
        drop(first);
        assert!(Lock::alone(&path).unwrap().is_none());
        drop(second);
        assert!(Lock::alone(&path).unwrap().is_some());
    }
}
