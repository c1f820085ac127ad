//! Small JSON records in a bucket: what was decided, claimed and done.
//!
//! A record that decides something is *created*: the first writer wins, and everybody else learns that one exists.

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::GetObjectError,
    primitives::ByteStream,
};
use serde::{Serialize, de::DeserializeOwned};

/// How often a record is tried while others write it. S3 answers 409 while another conditional write of the same key is
/// under way (S3 documentation, "Conditional writes"); then it is worth another try.
const TRIES: usize = 5;
/// No record of ours is larger.
const LARGEST: i64 = 1_048_576;

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// S3 refused, or did not answer.
    #[error("could not {verb} the record `{key}`")]
    Refused {
        /// "read", "list" or "write".
        verb: &'static str,
        /// Which record.
        key: String,
        /// What S3 said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The record is no JSON of the expected shape.
    #[error("the record `{key}` is unreadable")]
    Unreadable {
        /// Which record.
        key: String,
        /// Where it differs.
        #[source]
        source: serde_json::Error,
    },
    /// The record is larger than any of ours.
    #[error("the record `{key}` is too large: {size} bytes")]
    TooLarge {
        /// Which record.
        key: String,
        /// In bytes.
        size: i64,
    },
    /// Other writers kept S3 from deciding.
    #[error("the record `{key}` is being written by others")]
    Busy {
        /// Which record.
        key: String,
    },
}

/// The state in which a record was read or written: its `ETag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State(String);

/// The records of one bucket.
#[derive(Debug, Clone)]
pub struct Records {
    s3: Client,
    bucket: String,
    owner: String,
}

impl Records {
    /// The records in this bucket, which must belong to this account: S3 refuses every call otherwise.
    #[must_use]
    pub fn new(s3: Client, bucket: impl Into<String>, account_id: impl Into<String>) -> Self {
        Self { s3, bucket: bucket.into(), owner: account_id.into() }
    }

    /// Reads a record; `None` if there is none.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, RecordError> {
        Ok(self.read_state(key).await?.map(|(record, _)| record))
    }

    /// Reads a record together with the state it is in; `None` if there is none.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn read_state<T: DeserializeOwned>(&self, key: &str) -> Result<Option<(T, State)>, RecordError> {
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| refused("read", key, source);
        let answer =
            match self.s3.get_object().bucket(&self.bucket).key(key).expected_bucket_owner(&self.owner).send().await {
                Ok(answer) => answer,
                Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
                Err(error) => return Err(refused(Box::new(error))),
            };
        let size = answer.content_length().unwrap_or_default();
        if size > LARGEST {
            return Err(RecordError::TooLarge { key: key.to_owned(), size });
        }
        let state = State(answer.e_tag().unwrap_or_default().to_owned());
        let bytes = answer.body.collect().await.map_err(|error| refused(Box::new(error)))?.into_bytes();
        serde_json::from_slice(&bytes)
            .map(|record| Some((record, state)))
            .map_err(|source| RecordError::Unreadable { key: key.to_owned(), source })
    }

    /// The keys of all records that begin so, in the order of their bytes.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, RecordError> {
        let (mut keys, mut next) = self.list_page(prefix, None).await?;
        while next.is_some() {
            let (more, after) = self.list_page(prefix, next).await?;
            keys.extend(more);
            next = after;
        }
        Ok(keys)
    }

    /// A thousand of those keys at most, and what to ask the following ones with; none after the last.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn list_page(
        &self,
        prefix: &str,
        next: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), RecordError> {
        let page = self.s3.list_objects_v2().bucket(&self.bucket).expected_bucket_owner(&self.owner).prefix(prefix);
        let page = page.set_continuation_token(next).send().await;
        let page = page.map_err(|error| refused("list", prefix, Box::new(error)))?;
        let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect();
        Ok((keys, page.next_continuation_token))
    }

    /// Changes a record that others may write at the same time. `change` gets what is there, if anything, and answers
    /// what takes its place (none to leave it as it is) and what that amounts to; when somebody else was faster, it is
    /// asked once more.
    ///
    /// # Errors
    /// [`RecordError`]: [`RecordError::Busy`] when somebody else was faster each time.
    pub async fn update<T: Serialize + DeserializeOwned + Sync, R>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> (Option<T>, R),
    ) -> Result<R, RecordError> {
        for _ in 0..TRIES {
            let (record, state) = self.read_state::<T>(key).await?.unzip();
            let (changed, result) = change(record);
            let Some(changed) = changed else {
                return Ok(result);
            };
            if self.write_if(key, &changed, state.as_ref()).await?.is_some() {
                return Ok(result);
            }
        }
        Err(RecordError::Busy { key: key.to_owned() })
    }

    /// Creates a record: `false` if one exists already, which is left as it is.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn create(&self, key: &str, record: &(impl Serialize + Sync)) -> Result<bool, RecordError> {
        Ok(self.write_if(key, record, None).await?.is_some())
    }

    /// Writes a record only if it is still in the state in which it was read, or, without a state, only if there is
    /// none. The answer is the new state; `None` if somebody else was faster, whose record is left as it is.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn write_if(
        &self,
        key: &str,
        record: &(impl Serialize + Sync),
        state: Option<&State>,
    ) -> Result<Option<State>, RecordError> {
        let bytes = to_bytes(key, record)?;
        for _ in 0..TRIES {
            let put = self.put(key, bytes.clone());
            let put = match state {
                Some(State(etag)) => put.if_match(etag),
                None => put.if_none_match("*"),
            };
            let error = match put.send().await {
                Ok(answer) => return Ok(Some(State(answer.e_tag.unwrap_or_default()))),
                Err(error) => error,
            };
            match status(&error) {
                Some(412) => return Ok(None),
                Some(409) => {}
                _ => return Err(refused("write", key, Box::new(error))),
            }
        }
        Err(RecordError::Busy { key: key.to_owned() })
    }

    /// Writes a record, over an older one if there is one.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn replace(&self, key: &str, record: &(impl Serialize + Sync)) -> Result<(), RecordError> {
        let bytes = to_bytes(key, record)?;
        self.put(key, bytes).send().await.map_err(|error| refused("write", key, Box::new(error)))?;
        Ok(())
    }

    fn put(&self, key: &str, bytes: Vec<u8>) -> aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder {
        let body = ByteStream::from(bytes);
        self.s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .expected_bucket_owner(&self.owner)
            .content_type("application/json")
            .body(body)
    }
}

fn to_bytes(key: &str, record: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    let bytes =
        serde_json::to_vec_pretty(record).map_err(|source| RecordError::Unreadable { key: key.to_owned(), source })?;
    // What could not be read again must not take the place of what can.
    match i64::try_from(bytes.len()) {
        Ok(size) if size <= LARGEST => Ok(bytes),
        size => Err(RecordError::TooLarge { key: key.to_owned(), size: size.unwrap_or(i64::MAX) }),
    }
}

fn refused(verb: &'static str, key: &str, source: Box<dyn std::error::Error + Send + Sync>) -> RecordError {
    RecordError::Refused { verb, key: key.to_owned(), source }
}

fn status<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::{
        get_object::GetObjectOutput, list_objects_v2::ListObjectsV2Output, put_object::PutObjectOutput,
    };
    use aws_sdk_s3::types::Object;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use serde_json::{Value, json};

    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn response(status: u16, body: &'static str) -> aws_smithy_runtime_api::client::orchestrator::HttpResponse {
        let status = StatusCode::try_from(status).unwrap();
        aws_smithy_runtime_api::client::orchestrator::HttpResponse::new(status, SdkBody::from(body))
    }

    #[tokio::test]
    async fn a_record_that_exists_is_left_as_it_is() {
        let exists = mock!(Client::put_object)
            .match_requests(|put| put.if_none_match() == Some("*"))
            .then_http_response(|| response(412, "<Error><Code>PreconditionFailed</Code></Error>"));
        let records = Records::new(mock_client!(aws_sdk_s3, [&exists]), "evidence", ACCOUNT);
        assert!(!records.create("a.json", &json!({})).await.unwrap());
        assert_eq!(exists.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_list_goes_on_to_its_last_page() {
        let page = |key: &'static str, next: Option<&'static str>| {
            move || {
                let page = ListObjectsV2Output::builder().contents(Object::builder().key(key).build());
                page.set_next_continuation_token(next.map(str::to_owned)).build()
            }
        };
        let first = mock!(Client::list_objects_v2)
            .match_requests(|list| list.prefix() == Some("d/") && list.continuation_token().is_none())
            .then_output(page("d/1", Some("more")));
        let second = mock!(Client::list_objects_v2)
            .match_requests(|list| list.continuation_token() == Some("more"))
            .then_output(page("d/2", None));
        let records =
            Records::new(mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&first, &second]), "evidence", ACCOUNT);
        assert_eq!(records.list("d/").await.unwrap(), ["d/1", "d/2"]);
    }

    #[tokio::test]
    async fn a_conflict_with_another_writer_is_tried_again() {
        let conflict = mock!(Client::put_object)
            .then_http_response(|| response(409, "<Error><Code>ConditionalRequestConflict</Code></Error>"));
        let created = mock!(Client::put_object).then_output(|| PutObjectOutput::builder().build());
        let records =
            Records::new(mock_client!(aws_sdk_s3, RuleMode::Sequential, [&conflict, &created]), "evidence", ACCOUNT);
        assert!(records.create("a.json", &json!({})).await.unwrap());
    }

    #[tokio::test]
    async fn a_change_is_made_to_what_others_wrote_meanwhile() {
        let get = |etag: &'static str, body: &'static [u8]| {
            mock!(Client::get_object)
                .then_output(move || GetObjectOutput::builder().e_tag(etag).body(ByteStream::from_static(body)).build())
        };
        let too_late = mock!(Client::put_object)
            .match_requests(|put| put.if_match() == Some("a"))
            .then_http_response(|| response(412, "<Error><Code>PreconditionFailed</Code></Error>"));
        let written = mock!(Client::put_object)
            .match_requests(|put| put.if_match() == Some("b") && put.body().bytes() == Some(b"[\n  1,\n  2,\n  3\n]"))
            .then_output(|| PutObjectOutput::builder().build());
        let rules = [&get("a", b"[1]"), &too_late, &get("b", b"[1,2]"), &written];
        let records = Records::new(mock_client!(aws_sdk_s3, RuleMode::Sequential, rules), "evidence", ACCOUNT);
        let add = |list: Option<Vec<u8>>| {
            let mut list = list.unwrap_or_default();
            list.push(3);
            (Some(list.clone()), list.len())
        };
        assert_eq!(records.update("a.json", add).await.unwrap(), 3);

        let records = Records::new(mock_client!(aws_sdk_s3, [&get("a", b"[1]")]), "evidence", ACCOUNT);
        let leave = |list: Option<Vec<u8>>| (None, list);
        assert_eq!(records.update("a.json", leave).await.unwrap(), Some(vec![1]), "nothing is written");

        let always = mock!(Client::put_object).then_http_response(|| response(412, "<Error></Error>"));
        let s3 = mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&get("a", b"[1]"), &always]);
        let records = Records::new(s3, "evidence", ACCOUNT);
        assert!(matches!(records.update("a.json", add).await, Err(RecordError::Busy { .. })));
    }

    #[tokio::test]
    async fn a_refusal_is_no_answer_about_existence() {
        let denied =
            mock!(Client::put_object).then_http_response(|| response(403, "<Error><Code>AccessDenied</Code></Error>"));
        let records = Records::new(mock_client!(aws_sdk_s3, [&denied]), "evidence", ACCOUNT);
        assert!(matches!(records.create("a.json", &json!({})).await, Err(RecordError::Refused { .. })));
    }

    async fn read(body: &'static str, length: i64) -> Result<Option<Value>, RecordError> {
        let get = mock!(Client::get_object).then_output(move || {
            let body = aws_sdk_s3::primitives::ByteStream::from_static(body.as_bytes());
            GetObjectOutput::builder().content_length(length).body(body).build()
        });
        Records::new(mock_client!(aws_sdk_s3, [&get]), "evidence", ACCOUNT).read("a.json").await
    }

    #[tokio::test]
    async fn a_missing_record_is_none_and_a_broken_one_is_an_error() {
        let missing =
            mock!(Client::get_object).then_http_response(|| response(404, "<Error><Code>NoSuchKey</Code></Error>"));
        let records = Records::new(mock_client!(aws_sdk_s3, [&missing]), "evidence", ACCOUNT);
        assert_eq!(records.read::<Value>("a.json").await.unwrap(), None);

        assert_eq!(read("{\"a\":1}", 7).await.unwrap(), Some(json!({"a": 1})));
        assert!(matches!(read("{\"a\":", 5).await, Err(RecordError::Unreadable { .. })));
        assert!(matches!(read("{}", 2_000_000).await, Err(RecordError::TooLarge { .. })));
    }

    #[tokio::test]
    async fn a_record_that_could_not_be_read_again_is_not_written() {
        let put = mock!(Client::put_object).then_output(|| PutObjectOutput::builder().build());
        let records = Records::new(mock_client!(aws_sdk_s3, [&put]), "evidence", ACCOUNT);
        let large = json!("x".repeat(1_048_577));
        assert!(matches!(records.create("a.json", &large).await, Err(RecordError::TooLarge { .. })));
        assert!(matches!(records.replace("a.json", &large).await, Err(RecordError::TooLarge { .. })));
        assert_eq!(put.num_calls(), 0);
    }

    #[tokio::test]
    async fn every_call_names_the_account_that_must_own_the_bucket() {
        let get = mock!(Client::get_object)
            .match_requests(|get| get.expected_bucket_owner() == Some(ACCOUNT))
            .then_http_response(|| response(404, "<Error><Code>NoSuchKey</Code></Error>"));
        let put = mock!(Client::put_object)
            .match_requests(|put| put.expected_bucket_owner() == Some(ACCOUNT))
            .then_output(|| PutObjectOutput::builder().build());
        let list = mock!(Client::list_objects_v2)
            .match_requests(|list| list.expected_bucket_owner() == Some(ACCOUNT))
            .then_output(|| ListObjectsV2Output::builder().build());
        let s3 = mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&get, &put, &list]);
        let records = Records::new(s3, "evidence", ACCOUNT);
        assert_eq!(records.read::<Value>("a.json").await.unwrap(), None);
        records.replace("a.json", &json!({})).await.unwrap();
        assert!(records.create("a.json", &json!({})).await.unwrap());
        assert!(records.list("a").await.unwrap().is_empty());
    }
}
