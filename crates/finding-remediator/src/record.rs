//! `cases/<case-id>/manifest.json`: read, and written only if nobody else wrote it in between.

use aws_sdk_s3::primitives::ByteStream;
use domain::quarantine::{Manifest, manifest_key};

use crate::error::{Error, Refusal};

/// A manifest, and which version of it was read or written last.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) manifest: Manifest,
    etag: Option<String>,
}

impl Record {
    /// A record that does not exist yet.
    pub(crate) fn new(manifest: Manifest) -> Self {
        Self { manifest, etag: None }
    }

    /// The case's record, if there is one.
    pub(crate) async fn read(s3: &aws_sdk_s3::Client, bucket: &str, case_id: &str) -> Result<Option<Self>, Error> {
        let key = manifest_key(case_id);
        let answer = match s3.get_object().bucket(bucket).key(&key).send().await {
            Ok(answer) => answer,
            Err(error) if Refusal::of(&error).status == 404 => return Ok(None),
            Err(error) => return Err(Error::ReadRecord { key, source: error.into() }),
        };
        let etag = answer.e_tag().map(str::to_owned);
        let body = answer.body.collect().await;
        let body = body.map_err(|error| Error::ReadRecord { key: key.clone(), source: error.into() })?;
        let manifest = serde_json::from_slice(&body.into_bytes());
        let manifest = manifest.map_err(|error| Error::ReadRecord { key, source: error.into() })?;
        Ok(Some(Self { manifest, etag }))
    }

    /// Writes the record. Two runs at once cannot both succeed: the slower one fails, and finds the work done when it
    /// is tried again.
    pub(crate) async fn write(&mut self, s3: &aws_sdk_s3::Client, bucket: &str) -> Result<(), Error> {
        let key = manifest_key(&self.manifest.case_id);
        let body = serde_json::to_vec_pretty(&self.manifest);
        let body = body.map_err(|error| Error::WriteRecord { key: key.clone(), source: error.into() })?;
        let request = s3.put_object().bucket(bucket).key(&key).content_type("application/json");
        let request = match &self.etag {
            Some(etag) => request.if_match(etag),
            None => request.if_none_match("*"),
        };
        match request.body(ByteStream::from(body)).send().await {
            Ok(answer) => {
                self.etag = answer.e_tag().map(str::to_owned);
                Ok(())
            }
            Err(error) if matches!(Refusal::of(&error).status, 409 | 412) => Err(Error::RecordChanged { key }),
            Err(error) => Err(Error::WriteRecord { key, source: error.into() }),
        }
    }
}
