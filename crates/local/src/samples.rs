//! The samples of the checkout, as they are uploaded.

use std::{
    io::{Cursor, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::checkout;

/// A folder of `samples/code` as a zip, the way a developer would make it.
pub fn code(name: &str) -> anyhow::Result<Vec<u8>> {
    let folder = checkout().join("samples/code").join(name);
    let mut files = Vec::new();
    collect(&folder, &mut files).with_context(|| format!("read {}", folder.display()))?;
    files.sort();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let name = file.strip_prefix(&folder).unwrap_or(&file).to_string_lossy().into_owned();
        archive.start_file(name, SimpleFileOptions::default()).context("start a file of the zip")?;
        let content = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        archive.write_all(&content).context("write a file of the zip")?;
    }
    Ok(archive.finish().context("finish the zip")?.into_inner())
}

/// A file of `samples/data`.
pub fn data(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = checkout().join("samples/data").join(name);
    std::fs::read(&path).with_context(|| format!("read {}", path.display()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
