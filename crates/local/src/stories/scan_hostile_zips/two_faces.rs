//! Zips that show one program to some readers and another one to others. The scan would judge the harmless one.

use anyhow::Context as _;

use crate::{archive::zip_entries, samples};

/// Where the header before the first file says how it is packed, by APPNOTE 4.3.7.
const METHOD: usize = 8;
const STORED: u8 = 0;

/// Code with an issue in a zip before the zip: who reads from the front unpacks this one, who reads from the end the other.
pub(super) fn behind_another() -> anyhow::Result<Vec<u8>> {
    let mut archive = zip_entries(&[samples::code_file("vulnerable", samples::LEDGER)?])?;
    archive.extend(zip_entries(&[samples::code_file("clean", samples::LEDGER)?])?);
    Ok(archive)
}

/// The list says that the file is packed, the header before it that it is not.
pub(super) fn described_twice() -> anyhow::Result<Vec<u8>> {
    let mut archive = zip_entries(&[samples::code_file("clean", samples::LEDGER)?])?;
    let method = archive.get_mut(METHOD).context("the zip has no header")?;
    anyhow::ensure!(*method != STORED, "the file is not packed");
    *method = STORED;
    Ok(archive)
}
