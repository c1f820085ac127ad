//! Objects above 5 GB are copied in parts. S3 carries nothing over by itself then: metadata, content headers and tags
//! are set on the new object.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, CopyPartResult};
use domain::quarantine::{Part, copy_source, parts};
use tokio::task::JoinSet;

use super::{Transfer, Written};
use crate::error::Refusal;
use crate::inspect;

/// Parts that S3 copies at the same time. Each takes seconds and none of our memory.
const AT_ONCE: usize = 16;

/// Copies in parts. A failed upload is aborted, so that its parts do not stay
/// and cost; after a crash the bucket's lifecycle rule does that.
pub(super) async fn copy(s3: &Client, transfer: &Transfer<'_>) -> Result<Written, Refusal> {
    let upload_id = create(s3, transfer).await?;
    let copied = match copy_parts(s3, transfer, &upload_id).await {
        Ok(parts) => complete(s3, transfer, &upload_id, parts).await,
        Err(refused) => Err(refused),
    };
    if copied.is_err() {
        let abort = s3
            .abort_multipart_upload()
            .bucket(&transfer.to.bucket)
            .key(&transfer.to.key)
            .set_expected_bucket_owner(transfer.owner.map(str::to_owned))
            .upload_id(&upload_id)
            .send()
            .await;
        if let Err(error) = abort {
            tracing::warn!(error = platform::chain(&error), "could not abort the upload in parts");
        }
    }
    copied
}

async fn create(s3: &Client, transfer: &Transfer<'_>) -> Result<String, Refusal> {
    let Transfer { head, properties, to, owner, keep, .. } = transfer;
    let tags = super::tagging(properties);
    let request = s3
        .create_multipart_upload()
        .bucket(&to.bucket)
        .key(&to.key)
        .set_expected_bucket_owner(owner.map(str::to_owned))
        .set_metadata(Some(properties.metadata.clone().into_iter().collect()))
        .set_cache_control(properties.cache_control.clone())
        .set_content_disposition(properties.content_disposition.clone())
        .set_content_encoding(properties.content_encoding.clone())
        .set_content_language(properties.content_language.clone())
        .set_content_type(properties.content_type.clone())
        .set_website_redirect_location(properties.website_redirect_location.clone())
        .set_tagging((!tags.is_empty()).then_some(tags))
        .set_storage_class(keep.storage_class.clone())
        .set_server_side_encryption(keep.encryption.clone())
        .set_ssekms_key_id(keep.kms_key_id.clone())
        .set_bucket_key_enabled(keep.bucket_key)
        .checksum_algorithm(algorithm(head))
        .checksum_type(ChecksumType::FullObject);
    // The SDK takes a date only and writes it in its own way; the header may hold any text.
    let expires = properties.expires.clone();
    let request = request.customize().mutate_request(move |request| {
        if let Some(expires) = expires.clone() {
            // It came in a header, so it can be one.
            let _ = request.headers_mut().try_insert("expires", expires);
        }
    });
    let answer = request.send().await?;
    answer.upload_id.ok_or_else(|| Refusal::other("S3 gave the upload no id"))
}

/// The checksum that the copy gets: the original's, by which they can be compared, if it can be had. S3 computes the three CRCs over the whole object however it
/// was cut into parts, but not SHA-1 and SHA-256.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
fn algorithm(head: &HeadObjectOutput) -> ChecksumAlgorithm {
    let checksums = inspect::fingerprint(head).checksums;
    let has = |name: &str| checksums.iter().any(|checksum| checksum.algorithm == name);
    [ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32C, ChecksumAlgorithm::Crc32]
        .into_iter()
        .find(|algorithm| has(algorithm.as_str()))
        .unwrap_or(ChecksumAlgorithm::Crc64Nvme)
}

async fn copy_parts(s3: &Client, transfer: &Transfer<'_>, upload_id: &str) -> Result<Vec<CompletedPart>, Refusal> {
    let Transfer { from, head, to, owner, .. } = transfer;
    let copy_part = |part: Part| {
        let request = s3
            .upload_part_copy()
            .copy_source(copy_source(&from.bucket, &from.key, from.version_id.as_deref()))
            .set_copy_source_if_match(head.e_tag().map(str::to_owned))
            .set_expected_source_bucket_owner(from.account_id.clone())
            .copy_source_range(part.range())
            .bucket(&to.bucket)
            .key(&to.key)
            .set_expected_bucket_owner(owner.map(str::to_owned))
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
        let (number, answer) = joined.map_err(Refusal::other)?;
        let result = answer?.copy_part_result.unwrap_or_else(|| CopyPartResult::builder().build());
        done.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(result.e_tag)
                .set_checksum_crc64_nvme(result.checksum_crc64_nvme)
                .set_checksum_crc32_c(result.checksum_crc32_c)
                .set_checksum_crc32(result.checksum_crc32)
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
    transfer: &Transfer<'_>,
    upload_id: &str,
    parts: Vec<CompletedPart>,
) -> Result<Written, Refusal> {
    let answer = s3
        .complete_multipart_upload()
        .bucket(&transfer.to.bucket)
        .key(&transfer.to.key)
        .set_expected_bucket_owner(transfer.owner.map(str::to_owned))
        .set_if_none_match(transfer.only_if.if_none_match())
        .set_if_match(transfer.only_if.if_match())
        .upload_id(upload_id)
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .send()
        .await?;
    Ok(Written { version_id: answer.version_id, etag: answer.e_tag })
}
