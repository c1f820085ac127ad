//! S3 in memory, behind the real client: buckets with and without versions, conditional writes and deletes, copies in
//! one piece and in parts, and failures on demand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::{BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadOutput;
use aws_sdk_s3::operation::complete_multipart_upload::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput};
use aws_sdk_s3::operation::copy_object::{CopyObjectInput, CopyObjectOutput};
use aws_sdk_s3::operation::create_multipart_upload::{CreateMultipartUploadInput, CreateMultipartUploadOutput};
use aws_sdk_s3::operation::delete_object::{DeleteObjectInput, DeleteObjectOutput};
use aws_sdk_s3::operation::get_bucket_encryption::{GetBucketEncryptionInput, GetBucketEncryptionOutput};
use aws_sdk_s3::operation::get_object::{GetObjectInput, GetObjectOutput};
use aws_sdk_s3::operation::get_object_tagging::{GetObjectTaggingInput, GetObjectTaggingOutput};
use aws_sdk_s3::operation::get_public_access_block::{GetPublicAccessBlockInput, GetPublicAccessBlockOutput};
use aws_sdk_s3::operation::head_object::{HeadObjectInput, HeadObjectOutput};
use aws_sdk_s3::operation::list_object_versions::{ListObjectVersionsInput, ListObjectVersionsOutput};
use aws_sdk_s3::operation::put_bucket_encryption::{PutBucketEncryptionInput, PutBucketEncryptionOutput};
use aws_sdk_s3::operation::put_object::{PutObjectInput, PutObjectOutput};
use aws_sdk_s3::operation::put_public_access_block::{PutPublicAccessBlockInput, PutPublicAccessBlockOutput};
use aws_sdk_s3::operation::upload_part_copy::{UploadPartCopyInput, UploadPartCopyOutput};
use aws_sdk_s3::primitives::{ByteStream, DateTime, SdkBody};
use aws_sdk_s3::types::{
    CopyObjectResult, CopyPartResult, ObjectLockLegalHoldStatus, ObjectVersion, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionConfiguration, StorageClass, Tag, TaggingDirective,
};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use percent_encoding::percent_decode_str;

use super::turns::Turns;

/// One version of an object. `size` is told, not counted: large objects have small bodies here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Version {
    pub(super) id: Option<String>,
    /// Empty for one that S3 makes up, as it does under a KMS key.
    pub(super) etag: String,
    pub(super) body: Vec<u8>,
    pub(super) size: i64,
    pub(super) metadata: HashMap<String, String>,
    pub(super) content_type: Option<String>,
    /// As in a query: `team=payments&note=a+b`.
    pub(super) tags: String,
    /// Seconds since 1970; 0 for "when it is uploaded".
    pub(super) last_modified: i64,
    pub(super) cache_control: Option<String>,
    pub(super) expires: Option<String>,
    pub(super) redirect: Option<String>,
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

/// Something that others do to a key.
#[derive(Debug, Clone)]
pub(super) enum Meddling {
    Upload(String, String, Box<Version>),
    /// Deletes it without naming a version.
    Delete(String, String),
}

fn refused(status: u16, code: &'static str) -> Refused {
    Refused { status, code, message: "" }
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a test")]
pub(super) struct S3 {
    versioned: BTreeSet<String>,
    /// Buckets that had versioning, and have it no more.
    suspended: BTreeSet<String>,
    objects: BTreeMap<(String, String), Vec<Version>>,
    uploads: HashMap<String, (Version, Vec<(i32, String)>)>,
    next_id: u32,
    /// The time of the next upload.
    pub(super) time: i64,
    /// Buckets that do not exist.
    pub(super) gone: BTreeSet<String>,
    /// Buckets that may not be listed: what does not exist is refused there like what may not be read.
    pub(super) unlisted: BTreeSet<String>,
    /// The headers `Expires` of requests, which the SDK's inputs do not have.
    expires: Vec<String>,
    /// Block Public Access and default encryption, by bucket.
    pub(super) public_access: HashMap<String, PublicAccessBlockConfiguration>,
    pub(super) encryption: HashMap<String, ServerSideEncryptionConfiguration>,
    /// Changes of settings are taken, and have no effect.
    pub(super) settings_stay: bool,
    /// What others do before the call with this number, from 0.
    pub(super) others: BTreeMap<usize, Vec<Meddling>>,
    /// Whether others deleted or overwrote the last version with this body.
    pub(super) destroyed_by_others: bool,
    /// Whether one of our calls did that to something of theirs.
    pub(super) destroyed_by_us: bool,
    /// Every call, in order: `copy uploads/k?versionId=v1 -> quarantine/f1/uploads/k`.
    pub(super) calls: Vec<String>,
    /// The answer to calls of this name, in place of their effect.
    pub(super) refuse: HashMap<&'static str, Refused>,
    /// The next call of this name has its effect, and its answer is lost.
    pub(super) lose_answer: Option<&'static str>,
    /// The call with this number, from 0, and all later ones fail.
    pub(super) die_at: Option<usize>,
    /// The call at which it dies has its effect before its answer is lost.
    pub(super) die_late: bool,
    /// Every copy gets another checksum than its original.
    pub(super) damage_copies: bool,
    /// Whose call is the next, where two runs are at work.
    pub(super) turns: Option<Arc<Turns>>,
    /// Uploaded once, just before the next delete.
    pub(super) before_delete: Option<Version>,
}

impl S3 {
    pub(super) fn create_bucket(&mut self, name: &str, versioned: bool) {
        if versioned {
            self.versioned.insert(name.into());
        }
    }

    /// Versioning is turned on, off or on again.
    pub(super) fn set_versioning(&mut self, bucket: &str, on: bool) {
        if on {
            self.suspended.remove(bucket);
            self.versioned.insert(bucket.into());
            // What was there before is called so from now on.
            for versions in self.objects.iter_mut().filter(|((name, _), _)| name == bucket).map(|(_, found)| found) {
                for version in versions {
                    version.id.get_or_insert_with(|| "null".to_owned());
                }
            }
        } else {
            self.versioned.remove(bucket);
            self.suspended.insert(bucket.into());
        }
    }

    /// Uploads, and answers with the version's id.
    pub(super) fn upload(&mut self, bucket: &str, key: &str, version: Version) -> String {
        self.next_id += 1;
        let suspended = self.suspended.contains(bucket);
        let versioned = self.versioned.contains(bucket);
        let id = if suspended { Some("null".to_owned()) } else { versioned.then(|| format!("v{}", self.next_id)) };
        let versions = self.objects.entry((bucket.into(), key.into())).or_default();
        if !versioned {
            let is_replaced = |version: &Version| !suspended || version.id == id;
            let is_theirs = |version: &Version| version.body.starts_with(b"theirs");
            self.destroyed_by_us |= versions.iter().any(|version| is_replaced(version) && is_theirs(version));
            versions.retain(|version| !is_replaced(version));
        }
        self.time += 1;
        let etag = if version.etag.is_empty() { format!("\"{:032x}\"", self.next_id) } else { version.etag };
        let last_modified = if version.last_modified == 0 { self.time } else { version.last_modified };
        versions.push(Version { id: id.clone(), etag, last_modified, ..version });
        id.unwrap_or_default()
    }

    /// Puts a record into quarantine, unless exactly this one is there.
    pub(super) fn put_record(&mut self, key: &str, record: &impl serde::Serialize) {
        let body = serde_json::to_vec(record).unwrap();
        if self.body(super::QUARANTINE, key).as_ref() != Some(&body) {
            self.upload(super::QUARANTINE, key, Version { body, ..Version::default() });
        }
    }

    /// The `ETag` of what is current, as Macie writes it.
    pub(super) fn etag(&self, bucket: &str, key: &str) -> String {
        self.find(bucket, key, None).unwrap().etag.trim_matches('"').to_owned()
    }

    /// What others do.
    pub(super) fn meddle(&mut self, meddling: Meddling) {
        let (Meddling::Upload(bucket, key, _) | Meddling::Delete(bucket, key)) = &meddling;
        let replaced = if self.suspended.contains(bucket) { Some("null") } else { None };
        if !self.versioned.contains(bucket)
            && self.find(bucket, key, replaced).is_some_and(|found| found.body == b"secret")
        {
            self.destroyed_by_others = true;
        }
        let by_us = self.destroyed_by_us;
        match meddling {
            Meddling::Upload(bucket, key, version) => {
                self.upload(&bucket, &key, *version);
            }
            Meddling::Delete(bucket, key) => {
                let input = DeleteObjectInput::builder().bucket(bucket).key(key).build().unwrap();
                let _ = self.delete(&input);
            }
        }
        self.destroyed_by_us = by_us;
    }

    /// Changes the newest version of a key.
    pub(super) fn change(&mut self, bucket: &str, key: &str, change: impl FnOnce(&mut Version)) {
        let versions = self.objects.get_mut(&(bucket.to_owned(), key.to_owned())).unwrap();
        change(versions.last_mut().unwrap());
    }

    pub(super) fn change_version(&mut self, bucket: &str, key: &str, id: &str, change: impl FnOnce(&mut Version)) {
        let versions = self.objects.get_mut(&(bucket.to_owned(), key.to_owned())).unwrap();
        change(versions.iter_mut().find(|version| version.id.as_deref() == Some(id)).unwrap());
    }

    /// Removes a version, as S3 does by its age.
    pub(super) fn expire(&mut self, bucket: &str, key: &str, id: &str) {
        let versions = self.objects.get_mut(&(bucket.to_owned(), key.to_owned())).unwrap();
        versions.retain(|version| version.id.as_deref() != Some(id));
    }

    pub(super) fn remove(&mut self, bucket: &str, key: &str) {
        self.objects.remove(&(bucket.to_owned(), key.to_owned()));
    }

    /// Every version that holds bytes, of keys for which `which` is true.
    pub(super) fn versions(&self, bucket: &str, which: impl Fn(&str) -> bool) -> Vec<(String, Version)> {
        let of_bucket = self.objects.iter().filter(|((name, key), _)| name == bucket && which(key));
        let all =
            of_bucket.flat_map(|((_, key), versions)| versions.iter().map(|version| (key.clone(), version.clone())));
        all.filter(|(_, version)| !version.is_delete_marker).collect()
    }

    /// How many delete markers there are.
    pub(super) fn markers(&self, bucket: &str) -> usize {
        let of_bucket = self.objects.iter().filter(|((name, _), _)| name == bucket);
        of_bucket.flat_map(|(_, versions)| versions).filter(|version| version.is_delete_marker).count()
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
        what: &str,
        act: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let number = self.calls.len();
        self.calls.push(what.to_owned());
        for meddling in self.others.remove(&number).unwrap_or_default() {
            self.meddle(meddling);
        }
        if let Some(die_at) = self.die_at
            && number >= die_at
        {
            if number == die_at && self.die_late {
                let _ = act(self);
            }
            return Err(refused(501, "Died"));
        }
        if self.lose_answer == Some(name) {
            self.lose_answer = None;
            act(self)?;
            return Err(refused(501, "Lost"));
        }
        let refused = self.refuse.iter().find(|(call, _)| **call == name || what.starts_with(&format!("{call}/")));
        if let Some((_, refused)) = refused {
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
        self.check(bucket, key, input.if_none_match.as_deref(), input.if_match.as_deref())?;
        assert!(input.expected_bucket_owner.is_some(), "owner");
        let body = input.body.bytes().unwrap().to_vec();
        let etag = format!("\"put{}\"", self.next_id);
        self.upload(bucket, key, Version { etag: etag.clone(), body, ..Version::default() });
        Ok(PutObjectOutput::builder().e_tag(etag).build())
    }

    /// The conditions of a write.
    fn check(
        &self,
        bucket: &str,
        key: &str,
        if_none_match: Option<&str>,
        if_match: Option<&str>,
    ) -> Result<(), Refused> {
        if self.gone.contains(bucket) {
            return Err(refused(404, "NoSuchBucket"));
        }
        let current = self.find(bucket, key, None).map(|version| version.etag.as_str());
        if (if_none_match.is_some() && current.is_some()) || (if_match.is_some() && if_match != current) {
            return Err(refused(412, "PreconditionFailed"));
        }
        Ok(())
    }

    fn head(&mut self, input: &HeadObjectInput) -> Result<HeadObjectOutput, Refused> {
        let (bucket, key) = (some(&input.bucket), some(&input.key));
        if self.gone.contains(bucket) {
            return Err(refused(404, ""));
        }
        let missing = if self.unlisted.contains(bucket) { refused(403, "") } else { refused(404, "") };
        let found = self.find(bucket, key, input.version_id.as_deref()).ok_or(missing)?;
        let hold = found.legal_hold.then_some(ObjectLockLegalHoldStatus::On);
        Ok(HeadObjectOutput::builder()
            .set_version_id(found.id.clone())
            .e_tag(&found.etag)
            .content_length(found.size)
            .last_modified(DateTime::from_secs(found.last_modified))
            .set_content_type(found.content_type.clone())
            .set_cache_control(found.cache_control.clone())
            .set_expires_string(found.expires.clone())
            .set_website_redirect_location(found.redirect.clone())
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
        let mut version = found.clone();
        version.retain_until = None;
        version.legal_hold = false;
        version.storage_class = None;
        if is_kms(version.encryption.take().as_ref()) {
            version.etag = digest(&version.body);
        }
        version.last_modified = 0;
        Ok(version)
    }

    fn copy(&mut self, input: &CopyObjectInput) -> Result<CopyObjectOutput, Refused> {
        let version = self.copy_source(some(&input.copy_source), input.copy_source_if_match.as_deref())?;
        assert!(version.size <= 5_000_000_000, "too large for one copy");
        assert!(input.expected_bucket_owner.is_some() && input.expected_source_bucket_owner.is_some(), "owners");
        let (bucket, key) = (some(&input.bucket), some(&input.key));
        self.check(bucket, key, input.if_none_match.as_deref(), input.if_match.as_deref())?;
        let checksum = version.checksum.clone().or(input.checksum_algorithm.as_ref().map(|_| checksum(&version.body)));
        let checksum = checksum.map(|sum| if self.damage_copies { format!("{sum}Damaged") } else { sum });
        let etag = if is_kms(input.server_side_encryption.as_ref()) { String::new() } else { version.etag.clone() };
        let version = Version {
            checksum,
            etag,
            encryption: input.server_side_encryption.clone(),
            storage_class: input.storage_class.clone(),
            redirect: input.website_redirect_location.clone(),
            tags: match input.tagging_directive {
                Some(TaggingDirective::Replace) => input.tagging.clone().unwrap_or_default(),
                _ => version.tags.clone(),
            },
            last_modified: 0,
            ..version
        };
        let id = self.upload(bucket, key, version);
        let etag = self.find(bucket, key, None).map(|version| version.etag.clone());
        let result = CopyObjectResult::builder().set_e_tag(etag).build();
        let output = CopyObjectOutput::builder().copy_object_result(result);
        Ok(output.set_version_id(Some(id).filter(|id| !id.is_empty())).build())
    }

    fn create_upload(&mut self, input: &CreateMultipartUploadInput) -> CreateMultipartUploadOutput {
        self.next_id += 1;
        let id = format!("upload{}", self.next_id);
        let version = Version {
            metadata: input.metadata.clone().unwrap_or_default(),
            content_type: input.content_type.clone(),
            tags: input.tagging.clone().unwrap_or_default(),
            cache_control: input.cache_control.clone(),
            redirect: input.website_redirect_location.clone(),
            encryption: input.server_side_encryption.clone(),
            storage_class: input.storage_class.clone(),
            ..Version::default()
        };
        self.uploads.insert(id.clone(), (version, Vec::new()));
        CreateMultipartUploadOutput::builder().upload_id(id).build()
    }

    fn copy_part(&mut self, input: &UploadPartCopyInput) -> Result<UploadPartCopyOutput, Refused> {
        let source = self.copy_source(some(&input.copy_source), input.copy_source_if_match.as_deref())?;
        let (version, parts) = self.uploads.get_mut(some(&input.upload_id)).ok_or(refused(404, "NoSuchUpload"))?;
        version.body.clone_from(&source.body);
        version.checksum = source.checksum.clone().or_else(|| Some(checksum(&source.body)));
        let etag = format!("\"part{}\"", input.part_number.unwrap());
        parts.push((input.part_number.unwrap(), some(&input.copy_source_range).to_owned()));
        let result = CopyPartResult::builder().e_tag(etag).build();
        Ok(UploadPartCopyOutput::builder().copy_part_result(result).build())
    }

    fn complete(&mut self, input: &CompleteMultipartUploadInput) -> Result<CompleteMultipartUploadOutput, Refused> {
        let (bucket, key) = (some(&input.bucket), some(&input.key));
        self.check(bucket, key, input.if_none_match.as_deref(), input.if_match.as_deref())?;
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
        version.expires = self.expires.pop();
        let output = CompleteMultipartUploadOutput::builder().e_tag(&version.etag);
        let id = self.upload(bucket, key, version);
        Ok(output.set_version_id(Some(id).filter(|id| !id.is_empty())).build())
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
        let locked = input.version_id.as_deref().and_then(|id| self.find(bucket, key, Some(id)));
        if locked
            .is_some_and(|version| version.legal_hold || version.retain_until.is_some_and(|until| until > super::NOW))
        {
            return Err(Refused { status: 403, code: "AccessDenied", message: "protected by object lock" });
        }
        let current = self.find(bucket, key, None).map(|version| version.etag.clone());
        if input.if_match.is_some() && input.if_match != current {
            return Err(refused(if current.is_some() { 412 } else { 404 }, "PreconditionFailed"));
        }
        // What was copied into quarantine before is moved, not destroyed.
        let kept = self.versions(super::QUARANTINE, |key| key.starts_with("objects/"));
        let (versioned, suspended) = (self.versioned.contains(bucket), self.suspended.contains(bucket));
        let versions = self.objects.entry((bucket.into(), key.into())).or_default();
        let is_theirs = |version: &Version| {
            version.body.starts_with(b"theirs") && !kept.iter().any(|(_, kept)| kept.body == version.body)
        };
        let marker = match &input.version_id {
            Some(id) => {
                let is_it = |version: &Version| version.id.as_ref() == Some(id);
                self.destroyed_by_us |= versions.iter().any(|version| is_it(version) && is_theirs(version));
                versions.retain(|version| !is_it(version));
                None
            }
            None if versioned || suspended => {
                self.next_id += 1;
                let id = if suspended { "null".to_owned() } else { format!("m{}", self.next_id) };
                let is_replaced = |version: &Version| suspended && version.id.as_deref() == Some("null");
                self.destroyed_by_us |= versions.iter().any(|version| is_replaced(version) && is_theirs(version));
                versions.retain(|version| !is_replaced(version));
                versions.push(Version { id: Some(id.clone()), is_delete_marker: true, ..Version::default() });
                Some(id)
            }
            None => {
                self.destroyed_by_us |= versions.iter().any(is_theirs);
                versions.clear();
                None
            }
        };
        if let Some(id) = marker {
            return Ok(DeleteObjectOutput::builder().delete_marker(true).version_id(id).build());
        }
        Ok(DeleteObjectOutput::builder().build())
    }

    fn list(&mut self, input: &ListObjectVersionsInput) -> ListObjectVersionsOutput {
        let prefix = some(&input.prefix);
        let mut found = Vec::new();
        for ((_, key), versions) in
            self.objects.iter().filter(|((bucket, key), _)| bucket == some(&input.bucket) && key.starts_with(prefix))
        {
            for (age, version) in versions.iter().rev().enumerate().filter(|(_, version)| !version.is_delete_marker) {
                let listed = ObjectVersion::builder()
                    .key(key)
                    .version_id(version.id.clone().unwrap_or_else(|| "null".to_owned()))
                    .e_tag(&version.etag)
                    .size(version.size)
                    .last_modified(DateTime::from_secs(version.last_modified))
                    .is_latest(age == 0);
                found.push(listed.build());
            }
        }
        ListObjectVersionsOutput::builder().set_versions(Some(found)).build()
    }

    fn get_block(&mut self, input: &GetPublicAccessBlockInput) -> Result<GetPublicAccessBlockOutput, Refused> {
        let bucket = some(&input.bucket);
        if self.gone.contains(bucket) {
            return Err(refused(404, "NoSuchBucket"));
        }
        let found = self.public_access.get(bucket).ok_or(refused(404, "NoSuchPublicAccessBlockConfiguration"))?;
        Ok(GetPublicAccessBlockOutput::builder().public_access_block_configuration(found.clone()).build())
    }

    fn put_block(&mut self, input: &PutPublicAccessBlockInput) -> PutPublicAccessBlockOutput {
        assert!(input.expected_bucket_owner.is_some(), "owner");
        if !self.settings_stay {
            let block = input.public_access_block_configuration.clone().unwrap();
            self.public_access.insert(some(&input.bucket).to_owned(), block);
        }
        PutPublicAccessBlockOutput::builder().build()
    }

    fn get_encryption(&mut self, input: &GetBucketEncryptionInput) -> Result<GetBucketEncryptionOutput, Refused> {
        let found = self.encryption.get(some(&input.bucket));
        let found = found.ok_or(refused(404, "ServerSideEncryptionConfigurationNotFoundError"))?;
        Ok(GetBucketEncryptionOutput::builder().server_side_encryption_configuration(found.clone()).build())
    }

    fn put_encryption(&mut self, input: &PutBucketEncryptionInput) -> PutBucketEncryptionOutput {
        let wanted = input.server_side_encryption_configuration.clone().unwrap();
        self.encryption.insert(some(&input.bucket).to_owned(), wanted);
        PutBucketEncryptionOutput::builder().build()
    }
}

/// The real client over this S3.
pub(super) fn client(s3: &Arc<Mutex<S3>>) -> Client {
    macro_rules! rule {
        ($operation:ident, $name:literal, $input:ident => $what:expr, $act:expr) => {{
            let s3 = Arc::clone(s3);
            mock!(Client::$operation).then_compute_response(move |$input| {
                let mut s3 = s3.lock().unwrap();
                let result = s3.call($name, &format!("{} {}", $name, $what), |s3| $act(s3, $input));
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
        rule!(get_public_access_block, "get-block", input => some(&input.bucket), S3::get_block),
        rule!(put_public_access_block, "put-block", input => some(&input.bucket), |s3: &mut S3, input| Ok(s3.put_block(input))),
        rule!(get_bucket_encryption, "get-encryption", input => some(&input.bucket), S3::get_encryption),
        rule!(put_bucket_encryption, "put-encryption", input => some(&input.bucket), |s3: &mut S3, input| Ok(s3.put_encryption(input))),
    ];
    let gate = Gate(Arc::clone(s3));
    mock_client!(aws_sdk_s3, RuleMode::MatchAny, &rules, |config| config.interceptor(gate.clone()))
}

/// Holds a call up until it is its run's turn; before the mock, which answers one call at a time.
#[derive(Debug, Clone)]
struct Gate(Arc<Mutex<S3>>);

impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "Gate"
    }

    fn read_before_execution(
        &self,
        _call: &BeforeSerializationInterceptorContextRef<'_>,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let turns = self.0.lock().unwrap().turns.clone();
        if let Some(turns) = turns {
            turns.wait();
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        call: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let expires = call.request().headers().get("expires").map(str::to_owned);
        self.0.lock().unwrap().expires.extend(expires);
        Ok(())
    }
}

fn is_kms(encryption: Option<&ServerSideEncryption>) -> bool {
    encryption == Some(&ServerSideEncryption::AwsKms)
}

/// In the form of an MD5 digest.
fn digest(body: &[u8]) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(body, &mut hasher);
    format!("\"{:032x}\"", std::hash::Hasher::finish(&hasher))
}

fn checksum(body: &[u8]) -> String {
    format!("crc of {}", String::from_utf8_lossy(body))
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
