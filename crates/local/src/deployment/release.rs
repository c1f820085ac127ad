//! A release of the programs of this build, as `scripts/package` would make one for Lambda.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use operate::release::{FILES, FUNCTIONS, Release, file_name};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::checkout;

/// Packs the programs that lie beside the running one.
pub(super) fn of_this_build() -> anyhow::Result<Release> {
    let programs = programs()?;
    let folder = tempfile::tempdir().context("make a folder for the programs")?;
    let mut files = BTreeMap::new();
    for function in FUNCTIONS {
        let program = stripped(&programs.join(function), &folder.path().join(function))?;
        files.insert(format!("{function}.zip"), zipped(&program)?);
    }
    for path in FILES {
        let content = std::fs::read(checkout().join(path)).with_context(|| format!("read {path}"))?;
        files.insert(file_name(path).to_owned(), content);
    }
    Release::of(files)
}

/// The folder of this build's programs: ours, or the one above it for a test.
pub(super) fn programs() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let found = own.ancestors().skip(1).take(2).find(|folder| folder.join(FUNCTIONS[0]).is_file());
    found
        .map(Path::to_path_buf)
        .with_context(|| format!("the functions are not built beside {}: run `cargo build --workspace`", own.display()))
}

/// The program without its symbols, which are most of a build for development. Without `strip`, as it is.
fn stripped(program: &Path, copy: &Path) -> anyhow::Result<Vec<u8>> {
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(copy).arg(program).stdout(Stdio::null()).stderr(Stdio::null());
    let smaller = strip.status().is_ok_and(|status| status.success());
    let path = if smaller { copy } else { program };
    let content = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    ensure!(!content.is_empty(), "{} is empty", path.display());
    Ok(content)
}

/// A zip with one executable. The same program gives the same bytes, so it gives the same release.
fn zipped(program: &[u8]) -> anyhow::Result<Vec<u8>> {
    // Not compressed: nothing travels far here, and compressing takes longer than everything else.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("bootstrap", options).context("start the zip")?;
    archive.write_all(program).context("write the zip")?;
    Ok(archive.finish().context("finish the zip")?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_program_gives_the_same_zip() {
        let zip = zipped(b"program").unwrap();
        assert_eq!(zip, zipped(b"program").unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let file = archive.by_name("bootstrap").unwrap();
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o755));
    }
}
