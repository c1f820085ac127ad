//! Zips of folders, as a developer would upload them.

use std::{
    fs,
    io::{Cursor, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The folder's files as a zip, named relative to it. The same files give the same bytes: sorted names, one date.
///
/// # Errors
/// A file cannot be read, or is neither a file nor a folder.
pub fn zip_folder(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // The default date of this library is 1980-01-01 unless it is built to ask the clock.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for file in files {
        let name = file.strip_prefix(folder).context("name a file relative to its folder")?;
        let name = name.to_str().with_context(|| format!("{} is not named in UTF-8", file.display()))?;
        let content = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        archive.start_file(name, options).with_context(|| format!("zip {name}"))?;
        archive.write_all(&content).with_context(|| format!("zip {name}"))?;
    }
    Ok(archive.finish().context("finish the zip")?.into_inner())
}

/// An entry of a zip, as somebody would write it who does not pack a folder.
#[derive(Clone, Debug)]
pub enum Entry {
    File(String, Vec<u8>),
    /// May be run.
    Program(String, Vec<u8>),
    /// A symbolic link: its name and where it leads.
    Link(String, String),
}

/// A zip of these entries, whatever their names.
///
/// # Errors
/// A name is too long for a zip.
pub fn zip_entries(entries: &[Entry]) -> anyhow::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for entry in entries {
        let (name, content, mode) = match entry {
            Entry::File(name, content) => (name, content, 0o644),
            Entry::Program(name, content) => (name, content, 0o755),
            Entry::Link(name, target) => {
                archive.add_symlink(name, target, options).with_context(|| format!("link {name}"))?;
                continue;
            }
        };
        archive.start_file(name, options.unix_permissions(mode)).with_context(|| format!("zip {name}"))?;
        archive.write_all(content).with_context(|| format!("zip {name}"))?;
    }
    Ok(archive.finish().context("finish the zip")?.into_inner())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("list {}", folder.display()))?;
        let kind = entry.file_type().with_context(|| format!("look at {}", entry.path().display()))?;
        if kind.is_dir() {
            // What Python leaves behind when somebody tries a sample by hand.
            if entry.file_name() != "__pycache__" {
                collect(&entry.path(), files)?;
            }
        } else if kind.is_file() {
            files.push(entry.path());
        } else {
            anyhow::bail!("{} is neither a file nor a folder", entry.path().display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn names(archive: &[u8]) -> Vec<String> {
        zip::ZipArchive::new(Cursor::new(archive)).unwrap().file_names().map(str::to_owned).collect()
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, order) in [(&one, ["b.py", "a.py"]), (&other, ["a.py", "b.py"])] {
            fs::create_dir(folder.path().join("app")).unwrap();
            for name in order {
                fs::write(folder.path().join("app").join(name), name).unwrap();
            }
        }
        let archive = zip_folder(one.path()).unwrap();
        assert_eq!(archive, zip_folder(other.path()).unwrap());
        assert_eq!(names(&archive), ["app/a.py", "app/b.py"]);
        let mut text = String::new();
        zip::ZipArchive::new(Cursor::new(archive))
            .unwrap()
            .by_name("app/a.py")
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "a.py");
    }

    #[test]
    fn the_samples_carry_their_settings() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/code");
        for sample in ["vulnerable", "clean"] {
            let archive = zip_folder(&samples.join(sample)).unwrap();
            assert!(names(&archive).iter().any(|name| name == "sonar-project.properties"));
        }
    }

    #[test]
    fn refuses_links() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        assert!(zip_folder(folder.path()).is_err());
    }
}
