//! The samples of the checkout, as they are uploaded.

use anyhow::Context as _;

use crate::{archive, checkout};

/// A folder of `samples/code` as a zip, the way a developer would make it.
pub fn code(name: &str) -> anyhow::Result<Vec<u8>> {
    archive::zip_folder(&checkout().join("samples/code").join(name))
}

/// A file of `samples/data`.
pub fn data(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = checkout().join("samples/data").join(name);
    std::fs::read(&path).with_context(|| format!("read {}", path.display()))
}
