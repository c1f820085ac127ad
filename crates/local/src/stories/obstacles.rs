//! What comes in the way of a remediation, put there and taken away as somebody with an AWS account does it.

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_s3::{
    Client,
    primitives::{ByteStream, DateTime},
    types::{
        BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter, ObjectLockLegalHold,
        ObjectLockLegalHoldStatus, ObjectLockRetention, ObjectLockRetentionMode, RestoreRequest, Transition,
        TransitionStorageClass,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::finding::Upload;
use crate::{deployment::Deployment, until::until, world::World};

/// What somebody uploads over a file.
pub(super) const NEWER: &[u8] = b"nothing to see here";
const A_DAY: i64 = 86_400;
const THAWED: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    Gone,
    Replaced,
    LegalHold,
    Retention,
    /// The bucket's policy refuses these actions to the remediator.
    Denied(&'static [&'static str]),
    Archived,
    /// Nobody has to do anything: a key of others, a bucket in another Region.
    FromTheBeginning,
}

impl Obstacle {
    pub(super) async fn arise(self, world: &World, file: &Upload) -> anyhow::Result<()> {
        let s3 = &world.s3;
        match self {
            Self::Gone => {
                let delete = s3.delete_object().bucket(&file.bucket).key(&file.key).version_id(&file.version);
                delete.send().await.context("delete the version")?;
            }
            Self::Replaced => {
                let put = s3.put_object().bucket(&file.bucket).key(&file.key).body(ByteStream::from_static(NEWER));
                put.send().await.context("upload another file")?;
            }
            Self::LegalHold => hold(s3, file, ObjectLockLegalHoldStatus::On).await?,
            Self::Retention => {
                let until = DateTime::from_secs(Timestamp::now().as_second() + A_DAY);
                let retention = ObjectLockRetention::builder().mode(ObjectLockRetentionMode::Governance);
                let retention = retention.retain_until_date(until).build();
                let put = s3.put_object_retention().bucket(&file.bucket).key(&file.key).version_id(&file.version);
                put.retention(retention).send().await.context("lock the version")?;
            }
            Self::Denied(actions) => deny(world, &file.bucket, actions).await?,
            Self::Archived => {
                let transition = Transition::builder().days(0).storage_class(TransitionStorageClass::Glacier).build();
                let rule = LifecycleRule::builder().id("archive").status(ExpirationStatus::Enabled);
                let rule = rule.filter(LifecycleRuleFilter::builder().prefix("").build()).transitions(transition);
                let rules = BucketLifecycleConfiguration::builder().rules(rule.build()?).build()?;
                let put = s3.put_bucket_lifecycle_configuration().bucket(&file.bucket);
                put.lifecycle_configuration(rules).send().await.context("set the rule")?;
            }
            Self::FromTheBeginning => {}
        }
        Ok(())
    }

    /// Removes it, where a person can.
    pub(super) async fn vanish(self, world: &World, file: &Upload) -> anyhow::Result<()> {
        let s3 = &world.s3;
        match self {
            Self::LegalHold => hold(s3, file, ObjectLockLegalHoldStatus::Off).await?,
            Self::Denied(_) => {
                s3.delete_bucket_policy().bucket(&file.bucket).send().await.context("delete the policy")?;
            }
            Self::Archived => {
                let restore = s3.restore_object().bucket(&file.bucket).key(&file.key);
                let days = RestoreRequest::builder().days(1).build();
                restore.restore_request(days).send().await.context("ask for the archived file")?;
                until(THAWED, "a readable copy of the archived file", async || {
                    let head = s3.head_object().bucket(&file.bucket).key(&file.key).send().await;
                    let restored = head.context("look at the archived file")?.restore.unwrap_or_default();
                    Ok(restored.contains("ongoing-request=\"false\"").then_some(()))
                })
                .await?;
            }
            Self::Gone | Self::Replaced | Self::Retention | Self::FromTheBeginning => {}
        }
        Ok(())
    }
}

async fn hold(s3: &Client, file: &Upload, status: ObjectLockLegalHoldStatus) -> anyhow::Result<()> {
    let hold = ObjectLockLegalHold::builder().status(status).build();
    let put = s3.put_object_legal_hold().bucket(&file.bucket).key(&file.key).version_id(&file.version);
    put.legal_hold(hold).send().await.context("change the legal hold")?;
    Ok(())
}

/// Sets a bucket policy that refuses these actions on the bucket and its objects to the remediator's role.
pub(super) async fn deny(world: &World, bucket: &str, actions: &[&str]) -> anyhow::Result<()> {
    let bucket_arn = format!("arn:aws:s3:::{bucket}");
    let resources = [bucket_arn.as_str(), &format!("{bucket_arn}/*")];
    let statement = refusal(world, &world.deployment, actions, &resources).await?;
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    set_policy(world, bucket, policy.to_string()).await
}

/// Adds a statement to a bucket's policy. Answers with the policy as it was.
pub(super) async fn add_to_policy(world: &World, bucket: &str, statement: Value) -> anyhow::Result<String> {
    let before = world.s3.get_bucket_policy().bucket(bucket).send().await.context("read the bucket's policy")?.policy;
    let before = before.context("the bucket has no policy")?;
    let mut policy: Value = serde_json::from_str(&before).context("the policy is no JSON")?;
    let statements = policy.get_mut("Statement").and_then(Value::as_array_mut).context("the policy says nothing")?;
    statements.push(statement);
    set_policy(world, bucket, policy.to_string()).await?;
    Ok(before)
}

pub(super) async fn set_policy(world: &World, bucket: &str, policy: String) -> anyhow::Result<()> {
    let put = world.s3.put_bucket_policy().bucket(bucket).policy(policy).send().await;
    put.map(|_| ()).context("set the bucket's policy")
}

/// The statement of a bucket policy that refuses these actions to the remediator's role of a deployment.
pub(super) async fn refusal(
    world: &World,
    deployment: &Deployment,
    actions: &[&str],
    resources: &[&str],
) -> anyhow::Result<Value> {
    let remediator = deployment.output("FindingRemediatorFunction")?;
    let lambda = aws_sdk_lambda::Client::new(&world.aws);
    let function = lambda.get_function_configuration().function_name(remediator).send().await;
    let role = function.context("look at the remediator")?.role.context("the remediator has no role")?;
    Ok(json!({
        "Sid": "KeepTheRemediatorOut", "Effect": "Deny", "Principal": {"AWS": role}, "Action": actions,
        "Resource": resources,
    }))
}
