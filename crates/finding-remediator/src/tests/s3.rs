//! S3 in memory, behind the real client: buckets with and without versions, conditional writes and deletes, copies in
//! one piece and in parts, and failures on demand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadOutput;
use aws_sdk_s3::operation::complete_multipart_upload::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput};
use aws_sdk_s3::operation::copy_object::{CopyObjectInput, CopyObjectOutput};
use aws_sdk_s3::operation::create_multipart_upload::{CreateMultipartUploadInput, CreateMultipartUploadOutput};
use aws_sdk_s3::operation::delete_object::{DeleteObjectInput, DeleteObjectOutput};
use aws_sdk_s3::operation::get_object::{GetObjectInput, GetObjectOutput};
use aws_sdk_s3::operation::get_object_tagging::{GetObjectTaggingInput, GetObjectTaggingOutput};
use aws_sdk_s3::operation::head_object::{HeadObjectInput, HeadObjectOutput};
use aws_sdk_s3::operation::list_object_versions::{ListObjectVersionsInput, ListObjectVersionsOutput};
use aws_sdk_s3::operation::put_object::{PutObjectInput, PutObjectOutput};
use aws_sdk_s3::operation::upload_part_copy::{UploadPartCopyInput, UploadPartCopyOutput};
use aws_sdk_s3::primitives::{ByteStream, DateTime, SdkBody};
use aws_sdk_s3::types::{
    CopyPartResult, ObjectLockLegalHoldStatus, ObjectVersion, ServerSideEncryption, StorageClass, Tag,
};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use percent_encoding::percent_decode_str;

/// One version of an object. `size` is told, not counted: large objects have small bodies here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Version {
    pub(super) id: Option<String>,
    pub(super) etag: String,
    pub(super) body: Vec<u8>,
    pub(super) size: i64,
    pub(super) metadata: HashMap<String, String>,
    pub(super) content_type: Option<String>,
    pub(super) tags: String,
    pub(super) checksum: Option<String>,
    pub(super) encryption: Option<ServerSideEncryption>,
    pub(super) storage_class: Option<StorageClass>,
    pub(super) retain_until: Option<i64>,
    pub(super) legal_hold: bool,
    pub(super) is_delete_marker: bool,
}

/// A status and the name of an error.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: &'static str,
}

fn refused(status: u16, code: &'static str) -> Refused {
    Refused { status, code, message: "" }
}

#[derive(Debug, Default)]
pub(super) struct S3 {
    versioned: BTreeSet<String>,
    objects: BTreeMap<(String, String), Vec<Version>>,
    uploads: HashMap<String, (Version, Vec<(i32, String)>)>,
    next_id: u32,
    /// Every call, in order: `copy uploads/k?versionId=v1 -> quarantine/f1/uploads/k`.
    pub(super) calls: Vec<String>,
    /// The answer to calls of this name, in place of their effect.
    pub(super) refuse: HashMap<&'static str, Refused>,
    /// The call with this number, from 0, and all later ones fail.
    pub(super) die_at: Option<usize>,
    /// The call at which it dies has its effect before its answer is lost.
    pub(super) die_late: bool,
    /// Every copy gets another checksum than its original.
    pub(super) damage_copies: bool,
    /// Uploaded once, just before the next delete.
    pub(super) before_delete: Option<Version>,
}

impl S3 {
    pub(super) fn create_bucket(&mut self, name: &str, versioned: bool) {
        if versioned {
            self.versioned.insert(name.into());
        }
    }

    /// Uploads, and answers with the version's id.
    pub(super) fn upload(&mut self, bucket: &str, key: &str, version: Version) -> String {
        self.next_id += 1;
        let versioned = self.versioned.contains(bucket);
        let id = versioned.then(|| format!("v{}", self.next_id));
        let versions = self.objects.entry((bucket.into(), key.into())).or_default();
        if !versioned {
            versions.clear();
        }
        versions.push(Version { id: id.clone(), ..version });
        id.unwrap_or_default()
    }

    /// Every version that holds bytes, of keys for which `which` is true.
    pub(super) fn versions(&self, bucket: &str, which: impl Fn(&str) -> bool) -> Vec<(String, Version)> {
        let of_bucket = self.objects.iter().filter(|((name, key), _)| name == bucket && which(key));
        let all =
            of_bucket.flat_map(|((_, key), versions)| versions.iter().map(|version| (key.clone(), version.clone())));
        all.filter(|(_, version)| !version.is_delete_marker).collect()
    }

    pub(super) fn remove_all(&mut self, bucket: &str) {
        self.objects.retain(|(name, _), _| name != bucket);
    }

    pub(super) fn body(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        self.find(bucket, key, None).map(|version| version.body.clone())
    }

    fn find(&self, bucket: &str, key: &str, id: Option<&str>) -> Option<&Version> {
        let versions = self.objects.get(&(bucket.to_owned(), key.to_owned()))?;
        let found = match id {
            Some(id) => versions.iter().find(|version| version.id.as_deref() == Some(id)),
            None => versions.last(),
        };
        found.filter(|version| !version.is_delete_marker)
    }

    /// Runs one call, unless it was told to fail.
    fn call<T>(
        &mut self,
        name: &'static str,
        what: String,
        act: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let number = self.calls.len();
        self.calls.push(what);
        if let Some(die_at) = self.die_at
            && number >= die_at
        {
            if number == die_at && self.die_late {
                let _ = act(self);
            }
            return Err(refused(501, "Died"));
        }
        if let Some(refused) = self.refuse.get(name) {
            return Err(refused.clone());
        }
        act(self)
    }

    fn get(&mut self, input: &GetObjectInput) -> Result<GetObjectOutput, Refused> {
        let (bucket, key) = (some(&input.bucket), some(&input.key));
        let found = self.find(bucket, key, None).ok_or(refused(404, "NoSuchKey"))?;
        let body = ByteStream::from(found.body.clone());
        Ok(GetObjectOutput::builder().e_tag(&found.etag).body(body).build())
    }

    fn put(&mut self, input: &PutObjectInput) -> Result<PutObjectOutput, Refused> {
        let (bucket, key) = (some(&input.bucket), some(&input.key));
        let current = self.find(bucket, key, None).map(|version| version.etag.clone());
        if (input.if_none_match.is_some() && current.is_some())
            || (input.if_match.is_some() && input.if_match != current)
        {
            return Err(refused(412, "PreconditionFailed"));
        }
        let body = input.body.bytes().unwrap().to_vec();
        let etag = format!("\"put{}\"", self.next_id);
        self.upload(bucket, key, Version { etag: etag.clone(), body, ..Version::default() });
        Ok(PutObjectOutput::builder().e_tag(etag).build())
    }

    fn head(&mut self, input: &HeadObjectInput) -> Result<HeadObjectOutput, Refused> {
        let (bucket, key) = (some(&input.bucket), some(&input.key));
        let found = self.find(bucket, key, input.version_id.as_deref()).ok_or(refused(404, ""))?;
        let hold = found.legal_hold.then_some(ObjectLockLegalHoldStatus::On);
        Ok(HeadObjectOutput::builder()
            .set_version_id(found.id.clone())
            .e_tag(&found.etag)
            .content_length(found.size)
            .set_content_type(found.content_type.clone())
            .set_metadata(Some(found.metadata.clone()))
            .set_checksum_crc64_nvme(found.checksum.clone().filter(|_| input.checksum_mode.is_some()))
            .set_server_side_encryption(found.encryption.clone())
            .set_storage_class(found.storage_class.clone())
            .set_object_lock_retain_until_date(found.retain_until.map(DateTime::from_secs))
            .set_object_lock_legal_hold_status(hold)
            .build())
    }

    /// The version that a copy source names.
    fn copy_source(&self, source: &str, if_match: Option<&str>) -> Result<Version, Refused> {
        let (path, id) = match source.split_once("?versionId=") {
            Some((path, id)) => (path, Some(decode(id))),
            None => (source, None),
        };
        let (bucket, key) = path.split_once('/').unwrap();
        let found = self.find(&decode(bucket), &decode(key), id.as_deref()).ok_or(refused(404, "NoSuchKey"))?;
        if if_match.is_some_and(|etag| etag != found.etag) {
            return Err(refused(412, "PreconditionFailed"));
        }
        Ok(Version { retain_until: None, legal_hold: false, storage_class: None, ..found.clone() })
    }

    fn copy(&mut self, input: &CopyObjectInput) -> Result<CopyObjectOutput, Refused> {
        let version = self.copy_source(some(&input.copy_source), input.copy_source_if_match.as_deref())?;
        assert!(version.size <= 5_000_000_000, "too large for one copy");
        let checksum =
            version.checksum.clone().map(|sum| if self.damage_copies { format!("{sum}Damaged") } else { sum });
        let version = Version { checksum, ..version };
        let id = self.upload(some(&input.bucket), some(&input.key), version);
        Ok(CopyObjectOutput::builder().version_id(id).build())
    }

    fn create_upload(&mut self, input: &CreateMultipartUploadInput) -> CreateMultipartUploadOutput {
        self.next_id += 1;
        let id = format!("upload{}", self.next_id);
        let version = Version {
            metadata: input.metadata.clone().unwrap_or_default(),
            content_type: input.content_type.clone(),
            tags: input.tagging.clone().unwrap_or_default(),
            ..Version::default()
        };
        self.uploads.insert(id.clone(), (version, Vec::new()));
        CreateMultipartUploadOutput::builder().upload_id(id).build()
    }

    fn copy_part(&mut self, input: &UploadPartCopyInput) -> Result<UploadPartCopyOutput, Refused> {
        let source = self.copy_source(some(&input.copy_source), input.copy_source_if_match.as_deref())?;
        let (version, parts) = self.uploads.get_mut(some(&input.upload_id)).ok_or(refused(404, "NoSuchUpload"))?;
        version.body.clone_from(&source.body);
        version.checksum.clone_from(&source.checksum);
        let etag = format!("\"part{}\"", input.part_number.unwrap());
        parts.push((input.part_number.unwrap(), some(&input.copy_source_range).to_owned()));
        let result = CopyPartResult::builder().e_tag(etag).build();
        Ok(UploadPartCopyOutput::builder().copy_part_result(result).build())
    }

    fn complete(&mut self, input: &CompleteMultipartUploadInput) -> Result<CompleteMultipartUploadOutput, Refused> {
        let (mut version, mut parts) =
            self.uploads.remove(some(&input.upload_id)).ok_or(refused(404, "NoSuchUpload"))?;
        let listed = input.multipart_upload.as_ref().unwrap().parts().iter().map(|part| part.part_number().unwrap());
        parts.sort_unstable();
        assert!(listed.eq(parts.iter().map(|(number, _)| *number)), "parts out of order");
        let mut next = 0;
        for (_, range) in &parts {
            let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            assert_eq!(first.parse::<i64>().unwrap(), next);
            next = last.parse::<i64>().unwrap() + 1;
        }
        version.size = next;
        version.etag = format!("\"parts-{}\"", parts.len());
        let id = self.upload(some(&input.bucket), some(&input.key), version);
        Ok(CompleteMultipartUploadOutput::builder().version_id(id).build())
    }

    fn tagging(&mut self, input: &GetObjectTaggingInput) -> Result<GetObjectTaggingOutput, Refused> {
        let found = self.find(some(&input.bucket), some(&input.key), input.version_id.as_deref());
        let tags = found.ok_or(refused(404, "NoSuchKey"))?.tags.clone();
        let tags = url::form_urlencoded::parse(tags.as_bytes())
            .map(|(key, value)| Tag::builder().key(key).value(value).build().unwrap());
        Ok(GetObjectTaggingOutput::builder().set_tag_set(Some(tags.collect())).build().unwrap())
    }

    fn delete(&mut self, input: &DeleteObjectInput) -> Result<DeleteObjectOutput, Refused> {
        let (bucket, key) = (some(&input.bucket), some(&input.key));
        if let Some(version) = self.before_delete.take() {
            self.upload(bucket, key, version);
        }
        let current = self.find(bucket, key, None).map(|version| version.etag.clone());
        if input.if_match.is_some() && input.if_match != current {
            return Err(refused(if current.is_some() { 412 } else { 404 }, "PreconditionFailed"));
        }
        let versioned = self.versioned.contains(bucket);
        let versions = self.objects.entry((bucket.into(), key.into())).or_default();
        match &input.version_id {
            Some(id) => versions.retain(|version| version.id.as_ref() != Some(id)),
            None if versioned => versions.push(Version { is_delete_marker: true, ..Version::default() }),
            None => versions.clear(),
        }
        Ok(DeleteObjectOutput::builder().build())
    }

    fn list(&mut self, input: &ListObjectVersionsInput) -> ListObjectVersionsOutput {
        let prefix = some(&input.prefix);
        let found = self.versions(some(&input.bucket), |key| key.starts_with(prefix));
        let found = found
            .into_iter()
            .map(|(key, version)| ObjectVersion::builder().key(key).set_version_id(version.id).build());
        ListObjectVersionsOutput::builder().set_versions(Some(found.collect())).build()
    }
}

/// The real client over this S3.
pub(super) fn client(s3: &Arc<Mutex<S3>>) -> Client {
    macro_rules! rule {
        ($operation:ident, $name:literal, $input:ident => $what:expr, $act:expr) => {{
            let s3 = Arc::clone(s3);
            mock!(Client::$operation).then_compute_response(move |$input| {
                let mut s3 = s3.lock().unwrap();
                let result = s3.call($name, format!("{} {}", $name, $what), |s3| $act(s3, $input));
                match result {
                    Ok(output) => MockResponse::Output(output),
                    Err(refused) => MockResponse::Http(answer(&refused)),
                }
            })
        }};
    }
    let path = |bucket: &Option<String>, key: &Option<String>| format!("{}/{}", some(bucket), some(key));
    let version = |id: &Option<String>| id.as_ref().map(|id| format!("?versionId={id}")).unwrap_or_default();
    let rules = [
        rule!(get_object, "get", input => path(&input.bucket, &input.key), S3::get),
        rule!(put_object, "put", input => path(&input.bucket, &input.key), S3::put),
        rule!(head_object, "head", input => path(&input.bucket, &input.key) + &version(&input.version_id), S3::head),
        rule!(copy_object, "copy", input => format!("{} -> {}", some(&input.copy_source), path(&input.bucket, &input.key)), S3::copy),
        rule!(delete_object, "delete", input => path(&input.bucket, &input.key) + &version(&input.version_id), S3::delete),
        rule!(list_object_versions, "list", input => path(&input.bucket, &input.prefix), |s3: &mut S3, input| Ok(s3.list(input))),
        rule!(create_multipart_upload, "create-upload", input => path(&input.bucket, &input.key), |s3: &mut S3, input| Ok(s3.create_upload(input))),
        rule!(upload_part_copy, "copy-part", input => some(&input.copy_source), S3::copy_part),
        rule!(complete_multipart_upload, "complete-upload", input => path(&input.bucket, &input.key), S3::complete),
        rule!(abort_multipart_upload, "abort-upload", input => path(&input.bucket, &input.key), |s3: &mut S3, input: &aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadInput| {
            s3.uploads.remove(some(&input.upload_id));
            Ok(AbortMultipartUploadOutput::builder().build())
        }),
        rule!(get_object_tagging, "get-tags", input => path(&input.bucket, &input.key), S3::tagging),
    ];
    mock_client!(aws_sdk_s3, RuleMode::MatchAny, &rules)
}

fn answer(refused: &Refused) -> HttpResponse {
    let Refused { status, code, message } = refused;
    let body = match *code {
        "" => String::new(), // as after HEAD
        code => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    };
    HttpResponse::new((*status).try_into().unwrap(), SdkBody::from(body))
}

#[expect(clippy::ref_option, reason = "so the fields of the inputs are")]
fn some(text: &Option<String>) -> &str {
    text.as_deref().unwrap()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
