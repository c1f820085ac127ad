//! The samples of the checkout, as they are uploaded.

use anyhow::Context as _;

use crate::{
    archive::{self, Entry},
    checkout,
};

/// A folder of `samples/code` as a zip, the way a developer would make it.
pub fn code(name: &str) -> anyhow::Result<Vec<u8>> {
    archive::zip_folder(&checkout().join("samples/code").join(name))
}

/// One file of a folder of `samples/code`, for a zip that is scanned faster than all of it.
pub fn code_file(name: &str, file: &str) -> anyhow::Result<Entry> {
    let path = checkout().join("samples/code").join(name).join(file);
    let content = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(Entry::File(file.to_owned(), content))
}

/// A small zip with one issue, and the same without it: the ledger of the sample.
pub fn small_code(name: &str) -> anyhow::Result<Vec<u8>> {
    archive::zip_entries(&[code_file(name, LEDGER)?])
}

/// Where the small zip has its issue.
pub const LEDGER: &str = "invoices/ledger.py";

/// A file of `samples/data`.
pub fn data(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = checkout().join("samples/data").join(name);
    std::fs::read(&path).with_context(|| format!("read {}", path.display()))
}

/// A file of `samples/events`.
pub fn event(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = checkout().join("samples/events").join(name);
    std::fs::read(&path).with_context(|| format!("read {}", path.display()))
}
