//! `cases/<case-id>/manifest.json`: read, and written only if nobody else wrote it in between.

use domain::quarantine::{Manifest, manifest_key};
use platform::records::{Records, State};

use crate::error::Error;

/// A manifest, and the state in which it was read or written last.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) manifest: Manifest,
    state: Option<State>,
}

impl Record {
    /// A record that does not exist yet.
    pub(crate) fn new(manifest: Manifest) -> Self {
        Self { manifest, state: None }
    }

    /// The case's record, if there is one.
    pub(crate) async fn read(records: &Records, case_id: &str) -> Result<Option<Self>, Error> {
        let found = records.read_state(&manifest_key(case_id)).await.map_err(Error::ReadRecord)?;
        Ok(found.map(|(manifest, state)| Self { manifest, state: Some(state) }))
    }

    /// Writes the record. Two runs at once cannot both succeed: the slower one fails, and finds the work done when it
    /// is tried again.
    pub(crate) async fn write(&mut self, records: &Records) -> Result<(), Error> {
        let key = manifest_key(&self.manifest.case_id);
        let written = records.write_if(&key, &self.manifest, self.state.as_ref()).await.map_err(Error::WriteRecord)?;
        if written.is_none() {
            return Err(Error::RecordChanged { key });
        }
        self.state = written;
        Ok(())
    }
}
