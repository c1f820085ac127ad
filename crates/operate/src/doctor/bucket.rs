//! The buckets: versions kept, nothing public, encrypted and announced as the template says, and its policy in force.

use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata as _,
    types::{BucketVersioningStatus, ExpirationStatus, LifecycleRule},
};
use serde_json::{Value, json};

use super::{BY_HAND, Patient, compare};
use crate::check::{Check, chain};

/// Looks at a bucket of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, bucket: &str) -> anyhow::Result<Check> {
    let s3 = Client::new(&patient.account.aws);
    let properties = patient.template.properties(name)?;
    let policy = patient.policy_of("AWS::S3::BucketPolicy", "Bucket", bucket)?;
    let wrong = wrong(&s3, bucket, &properties, &policy).await;
    Ok(Check::that(&format!("bucket {name} ({bucket})"), wrong, BY_HAND))
}

async fn wrong(s3: &Client, bucket: &str, properties: &Value, policy: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    match s3.get_bucket_versioning().bucket(bucket).send().await {
        Ok(answer) if answer.status() == Some(&BucketVersioningStatus::Enabled) => {}
        Ok(_) => wrong.push("versioning is off, so an overwritten object is lost".to_owned()),
        // The bucket itself is gone, or nobody may look: the other questions would say the same.
        Err(error) => return vec![chain(&error)],
    }
    match s3.get_public_access_block().bucket(bucket).send().await {
        Ok(answer) => {
            let block = answer.public_access_block_configuration;
            let all = block.is_some_and(|block| {
                block.block_public_acls() == Some(true)
                    && block.ignore_public_acls() == Some(true)
                    && block.block_public_policy() == Some(true)
                    && block.restrict_public_buckets() == Some(true)
            });
            if !all {
                wrong.push("public access is not blocked".to_owned());
            }
        }
        Err(_) => wrong.push("public access is not blocked".to_owned()),
    }
    wrong.extend(encryption(s3, bucket, properties).await);
    wrong.extend(announces(s3, bucket, properties).await);
    wrong.extend(deletes(s3, bucket, properties).await);
    let found = match s3.get_bucket_policy().bucket(bucket).send().await {
        Ok(answer) => answer.policy.unwrap_or_default(),
        Err(_) => String::new(),
    };
    wrong.extend(compare::policy(policy, &found));
    wrong
}

async fn encryption(s3: &Client, bucket: &str, properties: &Value) -> Vec<String> {
    let rules = compare::at(properties, &["BucketEncryption", "ServerSideEncryptionConfiguration"]);
    let Some(rule) = rules.get(0) else { return Vec::new() };
    let wanted = compare::at(rule, &["ServerSideEncryptionByDefault"]);
    let found = match s3.get_bucket_encryption().bucket(bucket).send().await {
        Ok(answer) => answer.server_side_encryption_configuration,
        Err(error) => return vec![format!("its encryption cannot be seen: {}", chain(&error))],
    };
    let rules = found.as_ref().map(aws_sdk_s3::types::ServerSideEncryptionConfiguration::rules).unwrap_or_default();
    let default = rules.first().and_then(|rule| rule.apply_server_side_encryption_by_default());
    let found = json!({
        "SSEAlgorithm": default.map(|default| default.sse_algorithm().as_str()),
        "KMSMasterKeyID": default.and_then(|default| default.kms_master_key_id()),
    });
    compare::members("its encryption's", wanted, &found)
}

/// Without its events no upload is scanned, and nobody is told.
async fn announces(s3: &Client, bucket: &str, properties: &Value) -> Option<String> {
    let wanted = compare::at(properties, &["NotificationConfiguration", "EventBridgeConfiguration"]);
    if wanted.is_null() {
        return None;
    }
    match s3.get_bucket_notification_configuration().bucket(bucket).send().await {
        Ok(answer) if answer.event_bridge_configuration().is_some() => None,
        Ok(_) => Some(
            "it does not tell EventBridge about uploads, so nothing is scanned: turn it on in the bucket's properties, \
             Amazon EventBridge"
                .to_owned(),
        ),
        Err(error) => Some(format!("its notifications cannot be seen: {}", chain(&error))),
    }
}

/// A rule that deletes what the template keeps. One that is missing loses nothing.
async fn deletes(s3: &Client, bucket: &str, properties: &Value) -> Option<String> {
    let found = match s3.get_bucket_lifecycle_configuration().bucket(bucket).send().await {
        Ok(answer) => answer.rules.unwrap_or_default(),
        Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => return None,
        Err(error) => return Some(format!("its lifecycle rules cannot be seen: {}", chain(&error))),
    };
    let ours = compare::at(properties, &["LifecycleConfiguration", "Rules"]);
    let ours: Vec<Deletion> = ours.as_array().into_iter().flatten().map(wanted_deletion).collect();
    let strange = found.iter().find(|rule| {
        let deletion = deletion(rule);
        rule.status() == &ExpirationStatus::Enabled && deletion.deletes() && !ours.contains(&deletion)
    })?;
    let name = strange.id().unwrap_or("without a name");
    Some(format!("a lifecycle rule that is not the template's deletes objects: {name}"))
}

/// What a lifecycle rule deletes, and after how many days.
#[derive(Debug, PartialEq, Eq)]
struct Deletion {
    prefix: String,
    current: Option<String>,
    noncurrent: Option<String>,
}

impl Deletion {
    fn deletes(&self) -> bool {
        self.current.is_some() || self.noncurrent.is_some()
    }
}

fn deletion(rule: &LifecycleRule) -> Deletion {
    let filter = rule.filter();
    #[expect(deprecated, reason = "rules of before 2016 have their prefix here")]
    let old = rule.prefix();
    let prefix = filter.and_then(|filter| filter.prefix().or_else(|| filter.and()?.prefix())).or(old);
    let current = rule.expiration().and_then(|expiration| {
        // Only markers of deleted objects go with the third kind.
        expiration.days().map(|days| days.to_string()).or_else(|| expiration.date().map(|date| format!("{date:?}")))
    });
    let noncurrent =
        rule.noncurrent_version_expiration().and_then(aws_sdk_s3::types::NoncurrentVersionExpiration::noncurrent_days);
    Deletion {
        prefix: prefix.unwrap_or_default().to_owned(),
        current,
        noncurrent: noncurrent.map(|days| days.to_string()),
    }
}

fn wanted_deletion(rule: &Value) -> Deletion {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Deletion {
        prefix: text(&rule["Prefix"]).unwrap_or_default(),
        current: text(&rule["ExpirationInDays"]),
        noncurrent: text(compare::at(rule, &["NoncurrentVersionExpiration", "NoncurrentDays"])),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{LifecycleExpiration, LifecycleRuleFilter, NoncurrentVersionExpiration};

    use super::*;
    use crate::template::{Facts, Template};

    const TEMPLATE: &str = include_str!("../../../../templates/macie-remediation.yml");

    /// A rule as S3 says it.
    fn rule(prefix: &str, days: Option<i32>, noncurrent: Option<i32>) -> LifecycleRule {
        let rule = LifecycleRule::builder().status(ExpirationStatus::Enabled);
        let expiration = days.map(|days| LifecycleExpiration::builder().days(days).build());
        let noncurrent = noncurrent.map(|days| NoncurrentVersionExpiration::builder().noncurrent_days(days).build());
        rule.filter(LifecycleRuleFilter::builder().prefix(prefix).build())
            .set_expiration(expiration)
            .set_noncurrent_version_expiration(noncurrent)
            .build()
            .unwrap()
    }

    #[test]
    fn the_rules_of_the_template_are_known_as_s3_says_them() {
        let parameters =
            [("QuarantineRetentionDays", "30"), ("QuarantineObjectLockDays", "0"), ("QuarantineKmsKeyArn", "")];
        let logs = ("AWS::S3::Bucket".to_owned(), "logs".to_owned());
        let facts = Facts {
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "111122223333".to_owned(),
            stack_id: "arn:aws:cloudformation:eu-west-1:111122223333:stack/demo/1".to_owned(),
            stack_name: "demo".to_owned(),
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            resources: [("QuarantineLogBucket".to_owned(), logs)].into(),
        };
        let template = Template::read(TEMPLATE, facts).unwrap();
        let properties = template.properties("QuarantineBucket").unwrap();
        let ours = compare::at(&properties, &["LifecycleConfiguration", "Rules"]);
        let ours: Vec<Deletion> = ours.as_array().unwrap().iter().map(wanted_deletion).collect();
        for ours_too in
            [rule("digests/", Some(90), Some(1)), rule("auto/", Some(7), Some(1)), rule("objects/", Some(30), Some(1))]
        {
            assert!(ours.contains(&deletion(&ours_too)), "{ours_too:?} is not among {ours:?}");
        }
        for strange in [rule("", Some(1), None), rule("objects/", Some(1), Some(1)), rule("cases/", None, Some(1))] {
            assert!(
                deletion(&strange).deletes() && !ours.contains(&deletion(&strange)),
                "{strange:?} is among {ours:?}"
            );
        }
        assert!(!deletion(&rule("", None, None)).deletes());
    }
}
