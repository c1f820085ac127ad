//! From the SDK's finding to ours.

use aws_sdk_macie2::primitives::DateTime;
use aws_sdk_macie2::types;
use domain::finding::{
    Actor, ApiCall, BucketPublicAccess, Cell, ClassificationDetails, ClassificationResult, ClassificationStatus,
    CustomDataIdentifiers, CustomDetection, Detection, Encryption, Finding, FindingType, Identity, LineRange,
    Occurrences, Owner, Page, PolicyAction, PolicyDetails, Rating, Record, ResourcesAffected, S3Bucket, S3Object,
    SensitiveData, Tag, UserIdentity,
};
use jiff::Timestamp;

/// The fields that are read. None when Macie gave the finding no id.
pub(crate) fn from_sdk(finding: types::Finding) -> Option<Finding> {
    Some(Finding {
        id: text(finding.id)?,
        kind: FindingType::from(finding.r#type.as_ref().map_or("", types::FindingType::as_str)),
        category: finding.category.map(|category| category.as_str().to_owned()),
        account_id: text(finding.account_id),
        partition: text(finding.partition),
        region: text(finding.region),
        title: text(finding.title),
        description: text(finding.description),
        rating: finding.severity.map(|severity| Rating {
            score: severity.score,
            description: severity.description.map(|description| description.as_str().to_owned()),
        }),
        created_at: finding.created_at.and_then(time),
        updated_at: finding.updated_at.and_then(time),
        count: finding.count,
        archived: finding.archived,
        sample: finding.sample,
        resources_affected: finding.resources_affected.map(|resources| ResourcesAffected {
            s3_bucket: resources.s3_bucket.map(bucket),
            s3_object: resources.s3_object.map(object),
        }),
        classification_details: finding.classification_details.map(|details| ClassificationDetails {
            job_id: text(details.job_id),
            origin_type: details.origin_type.map(|origin| origin.as_str().to_owned()),
            result: details.result.map(result),
        }),
        policy_details: finding.policy_details.map(policy_details).map(Box::new),
    })
}

fn policy_details(details: types::PolicyDetails) -> PolicyDetails {
    let identity = |arn: Option<String>| Identity { arn: text(arn) };
    PolicyDetails {
        action: details.action.map(|action| PolicyAction {
            api_call_details: action
                .api_call_details
                .map(|call| ApiCall { api: text(call.api), last_seen: call.last_seen.and_then(time) }),
        }),
        actor: details.actor.map(|actor| Actor {
            user_identity: actor.user_identity.map(|who| UserIdentity {
                assumed_role: who.assumed_role.map(|role| identity(role.arn)),
                federated_user: who.federated_user.map(|user| identity(user.arn)),
                iam_user: who.iam_user.map(|user| identity(user.arn)),
                root: who.root.map(|root| identity(root.arn)),
            }),
        }),
    }
}

fn bucket(bucket: types::S3Bucket) -> S3Bucket {
    S3Bucket {
        arn: text(bucket.arn),
        name: text(bucket.name),
        owner: bucket.owner.map(|owner| Owner { id: text(owner.id), display_name: text(owner.display_name) }),
        tags: tags(bucket.tags),
        default_server_side_encryption: bucket.default_server_side_encryption.map(encryption),
        public_access: bucket.public_access.map(|access| BucketPublicAccess {
            effective_permission: access.effective_permission.map(|permission| permission.as_str().to_owned()),
        }),
    }
}

fn object(object: types::S3Object) -> S3Object {
    S3Object {
        bucket_arn: text(object.bucket_arn),
        key: text(object.key),
        version_id: text(object.version_id),
        etag: text(object.e_tag),
        size: object.size.and_then(|size| u64::try_from(size).ok()),
        last_modified: object.last_modified.and_then(time),
        storage_class: object.storage_class.map(|class| class.as_str().to_owned()),
        public_access: object.public_access,
        server_side_encryption: object.server_side_encryption.map(encryption),
        tags: tags(object.tags),
    }
}

fn result(result: types::ClassificationResult) -> ClassificationResult {
    let detection = |found: types::DefaultDetection| Detection {
        kind: text(found.r#type),
        count: found.count,
        occurrences: found.occurrences.map(occurrences),
    };
    let custom = |found: types::CustomDetection| CustomDetection {
        name: text(found.name),
        count: found.count,
        occurrences: found.occurrences.map(occurrences),
    };
    ClassificationResult {
        mime_type: text(result.mime_type),
        size_classified: result.size_classified.and_then(|size| u64::try_from(size).ok()),
        additional_occurrences: result.additional_occurrences,
        status: result
            .status
            .map(|status| ClassificationStatus { code: text(status.code), reason: text(status.reason) }),
        sensitive_data: each(result.sensitive_data, |data| SensitiveData {
            category: data.category.map(|category| category.as_str().to_owned()),
            total_count: data.total_count,
            detections: each(data.detections, detection),
        }),
        custom_data_identifiers: result.custom_data_identifiers.map(|identifiers| CustomDataIdentifiers {
            total_count: identifiers.total_count,
            detections: each(identifiers.detections, custom),
        }),
    }
}

fn occurrences(found: types::Occurrences) -> Occurrences {
    Occurrences {
        cells: each(found.cells, |cell| Cell { row: cell.row, column: cell.column }),
        line_ranges: each(found.line_ranges, |range| LineRange { start: range.start, end: range.end }),
        pages: each(found.pages, |page| Page { page_number: page.page_number }),
        records: each(found.records, |record| Record { record_index: record.record_index }),
    }
}

fn encryption(encryption: types::ServerSideEncryption) -> Encryption {
    Encryption {
        encryption_type: encryption.encryption_type.map(|kind| kind.as_str().to_owned()),
        kms_master_key_id: text(encryption.kms_master_key_id),
    }
}

fn tags(tags: Option<Vec<types::KeyValuePair>>) -> Vec<Tag> {
    each(tags, |tag| Tag { key: text(tag.key), value: text(tag.value) })
}

fn each<T, U>(list: Option<Vec<T>>, convert: impl Fn(T) -> U) -> Vec<U> {
    list.unwrap_or_default().into_iter().map(convert).collect()
}

fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn time(time: DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
