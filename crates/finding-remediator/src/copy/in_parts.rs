//! Objects above 5 GB are copied in parts. S3 carries nothing over by itself then: metadata, content headers and tags
//! are set on the new object.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use domain::quarantine::{Location, Part, SourceVersion, copy_source, parts};
use tokio::task::JoinSet;

use super::ended;
use crate::error::{Error, Refusal, Stop};
use crate::inspect;

/// Parts that S3 copies at the same time. Each takes seconds and none of our memory.
const AT_ONCE: usize = 16;

/// Copies in parts and answers with the new version's id. A failed upload is aborted, so that its parts do not stay
/// and cost; after a crash the bucket's lifecycle rule does that.
pub(super) async fn copy(
    s3: &Client,
    source: &SourceVersion,
    head: &HeadObjectOutput,
    to: &Location,
) -> Result<Option<String>, Stop> {
    let upload_id = create(s3, source, head, to).await?;
    let copied = match copy_parts(s3, source, head, to, &upload_id).await {
        Ok(parts) => complete(s3, to, &upload_id, parts).await,
        Err(stop) => Err(stop),
    };
    if copied.is_err() {
        let abort = s3.abort_multipart_upload().bucket(&to.bucket).key(&to.key).upload_id(&upload_id).send().await;
        if let Err(error) = abort {
            tracing::warn!(error = platform::chain(&error), "could not abort the upload in parts");
        }
    }
    copied
}

async fn create(s3: &Client, source: &SourceVersion, head: &HeadObjectOutput, to: &Location) -> Result<String, Stop> {
    let tags = tagging(s3, source, head).await?;
    let mut request = s3
        .create_multipart_upload()
        .bucket(&to.bucket)
        .key(&to.key)
        .set_metadata(head.metadata().cloned())
        .set_cache_control(head.cache_control().map(str::to_owned))
        .set_content_disposition(head.content_disposition().map(str::to_owned))
        .set_content_encoding(head.content_encoding().map(str::to_owned))
        .set_content_language(head.content_language().map(str::to_owned))
        .set_content_type(head.content_type().map(str::to_owned))
        .set_website_redirect_location(head.website_redirect_location().map(str::to_owned))
        .set_tagging((!tags.is_empty()).then_some(tags));
    // A header that is no date is no header that S3 would take again.
    if let Some(expires) =
        head.expires_string().and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok())
    {
        request = request.expires(expires);
    }
    if head.checksum_crc64_nvme().is_some() {
        // The only algorithm that S3 computes over the whole object however it was cut, so it can be compared.
        request = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
    }
    let answer = request.send().await.map_err(|error| Error::Copy(error.into()))?;
    Ok(answer.upload_id.ok_or_else(|| Error::Copy("S3 gave the upload no id".into()))?)
}

/// The object's tags as `x-amz-tagging` wants them.
async fn tagging(s3: &Client, source: &SourceVersion, head: &HeadObjectOutput) -> Result<String, Stop> {
    let answer = s3
        .get_object_tagging()
        .bucket(&source.bucket)
        .key(&source.key)
        .set_version_id(source.version_id.clone())
        .set_expected_bucket_owner(source.account_id.clone())
        .send()
        .await;
    match answer {
        Ok(answer) => {
            let mut text = url::form_urlencoded::Serializer::new(String::new());
            text.extend_pairs(answer.tag_set().iter().map(|tag| (tag.key(), tag.value())));
            Ok(text.finish())
        }
        Err(error) => Err(ended(&Refusal::of(&error), head).unwrap_or_else(|| Error::Copy(error.into()).into())),
    }
}

async fn copy_parts(
    s3: &Client,
    source: &SourceVersion,
    head: &HeadObjectOutput,
    to: &Location,
    upload_id: &str,
) -> Result<Vec<CompletedPart>, Stop> {
    let copy_part = |part: Part| {
        let request = s3
            .upload_part_copy()
            .copy_source(copy_source(&source.bucket, &source.key, source.version_id.as_deref()))
            .set_copy_source_if_match(head.e_tag().map(str::to_owned))
            .set_expected_source_bucket_owner(source.account_id.clone())
            .copy_source_range(part.range())
            .bucket(&to.bucket)
            .key(&to.key)
            .upload_id(upload_id)
            .part_number(part.number);
        async move { (part.number, request.send().await) }
    };
    let mut waiting = parts(inspect::size(head));
    let mut running = JoinSet::new();
    let mut done = Vec::with_capacity(waiting.len());
    for part in waiting.by_ref().take(AT_ONCE) {
        running.spawn(copy_part(part));
    }
    // Leaving early drops the set, which stops the parts that still run before the upload is aborted.
    while let Some(joined) = running.join_next().await {
        let (number, answer) = joined.map_err(|error| Error::Copy(error.into()))?;
        let answer = answer
            .map_err(|error| ended(&Refusal::of(&error), head).unwrap_or_else(|| Error::Copy(error.into()).into()))?;
        let result = answer.copy_part_result.unwrap_or_else(|| aws_sdk_s3::types::CopyPartResult::builder().build());
        done.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(result.e_tag)
                .set_checksum_crc64_nvme(result.checksum_crc64_nvme)
                .build(),
        );
        if let Some(part) = waiting.next() {
            running.spawn(copy_part(part));
        }
    }
    // S3 wants them in order, and they finish in any.
    done.sort_by_key(CompletedPart::part_number);
    Ok(done)
}

async fn complete(
    s3: &Client,
    to: &Location,
    upload_id: &str,
    parts: Vec<CompletedPart>,
) -> Result<Option<String>, Stop> {
    let answer = s3
        .complete_multipart_upload()
        .bucket(&to.bucket)
        .key(&to.key)
        .upload_id(upload_id)
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .send()
        .await;
    Ok(answer.map_err(|error| Error::Copy(error.into()))?.version_id)
}
