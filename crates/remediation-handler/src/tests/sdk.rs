//! The SDK's form of a finding in a sample.

use aws_sdk_macie2::primitives::{DateTime, DateTimeFormat};
use aws_sdk_macie2::types;
use serde_json::Value;

/// What `GetFindings` answers for the finding of a sample event.
pub(super) fn as_sdk(detail: &Value) -> types::Finding {
    let bucket = &detail["resourcesAffected"]["s3Bucket"];
    let object = &detail["resourcesAffected"]["s3Object"];
    let resources = types::ResourcesAffected::builder()
        .s3_bucket(
            types::S3Bucket::builder()
                .set_arn(text(bucket, "arn"))
                .set_name(text(bucket, "name"))
                .set_tags(tags(&bucket["tags"]))
                .set_owner(bucket["owner"].is_object().then(|| {
                    types::S3BucketOwner::builder()
                        .set_id(text(&bucket["owner"], "id"))
                        .set_display_name(text(&bucket["owner"], "displayName"))
                        .build()
                }))
                .set_default_server_side_encryption(encryption(&bucket["defaultServerSideEncryption"]))
                .set_public_access(bucket["publicAccess"].is_object().then(|| {
                    let permission = bucket["publicAccess"]["effectivePermission"].as_str().map(Into::into);
                    types::BucketPublicAccess::builder().set_effective_permission(permission).build()
                }))
                .build(),
        )
        .set_s3_object(object.is_object().then(|| {
            types::S3Object::builder()
                .set_bucket_arn(text(object, "bucketArn"))
                .set_key(text(object, "key"))
                .set_version_id(text(object, "versionId"))
                .set_e_tag(text(object, "eTag"))
                .set_size(object["size"].as_i64())
                .set_last_modified(time(object, "lastModified"))
                .set_storage_class(object["storageClass"].as_str().map(Into::into))
                .set_public_access(object["publicAccess"].as_bool())
                .set_server_side_encryption(encryption(&object["serverSideEncryption"]))
                .set_tags(tags(&object["tags"]))
                .build()
        }))
        .build();
    let severity = &detail["severity"];
    types::Finding::builder()
        .set_id(text(detail, "id"))
        .set_type(detail["type"].as_str().map(Into::into))
        .set_category(detail["category"].as_str().map(Into::into))
        .set_account_id(text(detail, "accountId"))
        .set_partition(text(detail, "partition"))
        .set_region(text(detail, "region"))
        .set_title(text(detail, "title"))
        .set_description(text(detail, "description"))
        .set_severity(severity.is_object().then(|| {
            types::Severity::builder()
                .set_score(severity["score"].as_i64())
                .set_description(severity["description"].as_str().map(Into::into))
                .build()
        }))
        .set_created_at(time(detail, "createdAt"))
        .set_updated_at(time(detail, "updatedAt"))
        .set_count(detail["count"].as_i64())
        .set_archived(detail["archived"].as_bool())
        .set_sample(detail["sample"].as_bool())
        .resources_affected(resources)
        .set_classification_details(classification(&detail["classificationDetails"]))
        .set_policy_details(policy(&detail["policyDetails"]))
        .build()
}

fn classification(details: &Value) -> Option<types::ClassificationDetails> {
    let result = &details["result"];
    let sensitive = |data: &Value| {
        types::SensitiveDataItem::builder()
            .set_category(data["category"].as_str().map(Into::into))
            .set_total_count(data["totalCount"].as_i64())
            .set_detections(all(&data["detections"], |found| {
                types::DefaultDetection::builder()
                    .set_type(text(found, "type"))
                    .set_count(found["count"].as_i64())
                    .set_occurrences(occurrences(&found["occurrences"]))
                    .build()
            }))
            .build()
    };
    let custom = |found: &Value| {
        types::CustomDetection::builder()
            .set_name(text(found, "name"))
            .set_count(found["count"].as_i64())
            .set_occurrences(occurrences(&found["occurrences"]))
            .build()
    };
    details.is_object().then(|| {
        let identifiers = &result["customDataIdentifiers"];
        let result = types::ClassificationResult::builder()
            .set_mime_type(text(result, "mimeType"))
            .set_size_classified(result["sizeClassified"].as_i64())
            .set_additional_occurrences(result["additionalOccurrences"].as_bool())
            .status(types::ClassificationResultStatus::builder().set_code(text(&result["status"], "code")).build())
            .set_sensitive_data(all(&result["sensitiveData"], sensitive))
            .custom_data_identifiers(
                types::CustomDataIdentifiers::builder()
                    .set_total_count(identifiers["totalCount"].as_i64())
                    .set_detections(all(&identifiers["detections"], custom))
                    .build(),
            )
            .build();
        types::ClassificationDetails::builder()
            .set_job_id(text(details, "jobId"))
            .set_origin_type(details["originType"].as_str().map(Into::into))
            .result(result)
            .build()
    })
}

fn policy(details: &Value) -> Option<types::PolicyDetails> {
    let call = &details["action"]["apiCallDetails"];
    let role = &details["actor"]["userIdentity"]["assumedRole"];
    details.is_object().then(|| {
        let call =
            types::ApiCallDetails::builder().set_api(text(call, "api")).set_last_seen(time(call, "lastSeen")).build();
        let role = types::AssumedRole::builder().set_arn(text(role, "arn")).build();
        let identity = types::UserIdentity::builder().assumed_role(role).build();
        types::PolicyDetails::builder()
            .action(types::FindingAction::builder().api_call_details(call).build())
            .actor(types::FindingActor::builder().user_identity(identity).build())
            .build()
    })
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

fn time(value: &Value, name: &str) -> Option<DateTime> {
    value[name].as_str().map(|time| DateTime::from_str(time, DateTimeFormat::DateTime).unwrap())
}

fn range(value: &Value) -> types::Range {
    types::Range::builder().set_start(value["start"].as_i64()).set_end(value["end"].as_i64()).build()
}

fn all<T>(value: &Value, convert: impl Fn(&Value) -> T) -> Option<Vec<T>> {
    value.as_array().map(|list| list.iter().map(convert).collect())
}

fn occurrences(value: &Value) -> Option<types::Occurrences> {
    let cell =
        |cell: &Value| types::Cell::builder().set_row(cell["row"].as_i64()).set_column(cell["column"].as_i64()).build();
    let page = |page: &Value| types::Page::builder().set_page_number(page["pageNumber"].as_i64()).build();
    value.is_object().then(|| {
        types::Occurrences::builder()
            .set_cells(all(&value["cells"], cell))
            .set_line_ranges(all(&value["lineRanges"], range))
            .set_pages(all(&value["pages"], page))
            .build()
    })
}

fn encryption(value: &Value) -> Option<types::ServerSideEncryption> {
    value.is_object().then(|| {
        types::ServerSideEncryption::builder()
            .set_encryption_type(value["encryptionType"].as_str().map(Into::into))
            .set_kms_master_key_id(text(value, "kmsMasterKeyId"))
            .build()
    })
}

fn tags(value: &Value) -> Option<Vec<types::KeyValuePair>> {
    all(value, |tag| types::KeyValuePair::builder().set_key(text(tag, "key")).set_value(text(tag, "value")).build())
}
