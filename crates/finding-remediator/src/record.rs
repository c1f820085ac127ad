//! Records in `cases/<case-id>/`: read, and written only if nobody else wrote them in between.

use domain::quarantine::{Manifest, manifest_key};
use platform::records::{Records, State};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A record, and the state in which it was read or written last.
#[derive(Debug)]
pub(crate) struct Record<T = Manifest> {
    pub(crate) content: T,
    key: String,
    state: Option<State>,
}

impl Record {
    /// A manifest that does not exist yet.
    pub(crate) fn new(manifest: Manifest) -> Self {
        let key = manifest_key(&manifest.case_id);
        Self::at(key, manifest)
    }

    /// After a failure: lets go of the case, so that whoever is asked to try again need not wait until this run would
    /// have ended, and keeps what is known of how far it came.
    pub(crate) async fn let_go(&mut self, records: &Records) {
        self.content.run = None;
        if let Err(error) = self.write(records).await {
            tracing::warn!(error = platform::chain(&error), "could not let go of the case");
        }
    }

    /// The case's manifest, if there is one.
    pub(crate) async fn read(records: &Records, case_id: &str) -> Result<Option<Self>, Error> {
        Self::read_at(records, manifest_key(case_id)).await
    }
}

impl<T: DeserializeOwned + Serialize + Sync> Record<T> {
    /// A record that does not exist yet.
    pub(crate) fn at(key: String, content: T) -> Self {
        Self { content, key, state: None }
    }

    /// The record of that key, if there is one.
    pub(crate) async fn read_at(records: &Records, key: String) -> Result<Option<Self>, Error> {
        let found = records.read_state(&key).await.map_err(Error::ReadRecord)?;
        Ok(found.map(|(content, state)| Self { content, key, state: Some(state) }))
    }

    /// Writes the record. Two runs at once cannot both succeed: the slower one fails, and finds the work done when it
    /// is tried again.
    pub(crate) async fn write(&mut self, records: &Records) -> Result<(), Error> {
        let written =
            records.write_if(&self.key, &self.content, self.state.as_ref()).await.map_err(Error::WriteRecord)?;
        if written.is_none() {
            return Err(Error::RecordChanged { key: self.key.clone() });
        }
        self.state = written;
        Ok(())
    }
}
