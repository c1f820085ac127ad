//! What breaks around the data: buckets and the key.

use anyhow::Context as _;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, VersioningConfiguration,
};
use local::world::World;
use serde_json::{Value, json};

use super::{Mending, physical};

/// Changes the policy of the quarantine bucket.
pub(super) async fn policy(world: &World, change: fn(&mut Value)) -> anyhow::Result<Mending<'_>> {
    let bucket = world.deployment.output("QuarantineBucket")?;
    let before = world.s3.get_bucket_policy().bucket(bucket).send().await?.policy.context("there is no policy")?;
    let mut changed = serde_json::from_str(&before)?;
    change(&mut changed);
    world.s3.put_bucket_policy().bucket(bucket).policy(changed.to_string()).send().await?;
    Ok(Box::pin(async move {
        world.s3.put_bucket_policy().bucket(bucket).policy(before).send().await?;
        Ok(())
    }))
}

pub(super) fn emptied(policy: &mut Value) {
    policy["Statement"] = json!([]);
}

/// The statement keeps its name, its effect, its actions and its resource, and forbids nothing any more.
pub(super) fn weakened(policy: &mut Value) {
    for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
        if statement["Sid"] == "LetNobodyElseReadWhatIsQuarantined" {
            statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"] = json!("arn:aws:iam::000000000000:role/*");
        }
    }
}

pub(super) fn opened(policy: &mut Value) {
    let friends = json!({"Sid": "Friends", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "s3:ListBucket", "Resource": "*"});
    policy["Statement"].as_array_mut().into_iter().for_each(|statements| statements.push(friends.clone()));
}

pub(super) async fn versioning(world: &World) -> anyhow::Result<Mending<'_>> {
    set_versioning(world, BucketVersioningStatus::Suspended).await?;
    Ok(Box::pin(set_versioning(world, BucketVersioningStatus::Enabled)))
}

async fn set_versioning(world: &World, status: BucketVersioningStatus) -> anyhow::Result<()> {
    let bucket = world.deployment.output("EvidenceBucket")?;
    let configuration = VersioningConfiguration::builder().status(status).build();
    world.s3.put_bucket_versioning().bucket(bucket).versioning_configuration(configuration).send().await?;
    Ok(())
}

pub(super) async fn encryption(world: &World) -> anyhow::Result<Mending<'_>> {
    let bucket = world.deployment.output("EvidenceBucket")?;
    let before = world.s3.get_bucket_encryption().bucket(bucket).send().await?.server_side_encryption_configuration;
    let plain = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build()?;
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(plain).build();
    let plain = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    let set = async move |configuration| -> anyhow::Result<()> {
        let put = world.s3.put_bucket_encryption().bucket(bucket);
        put.server_side_encryption_configuration(configuration).send().await?;
        Ok(())
    };
    set(plain).await?;
    let before = before.context("the bucket has no encryption")?;
    Ok(Box::pin(async move { set(before).await }))
}

/// A rule as somebody would add it who wants to save on storage.
pub(super) async fn lifecycle(world: &World) -> anyhow::Result<Mending<'_>> {
    let bucket = world.deployment.output("QuarantineBucket")?;
    let rule = LifecycleRule::builder().id("tidy-up").status(ExpirationStatus::Enabled);
    let rule = rule.filter(LifecycleRuleFilter::builder().prefix("").build());
    let rule = rule.expiration(LifecycleExpiration::builder().days(1).build()).build()?;
    let rules = BucketLifecycleConfiguration::builder().rules(rule).build()?;
    world.s3.put_bucket_lifecycle_configuration().bucket(bucket).lifecycle_configuration(rules).send().await?;
    // The local cloud does not make the rules of templates.
    Ok(Box::pin(async move {
        world.s3.delete_bucket_lifecycle().bucket(bucket).send().await?;
        Ok(())
    }))
}

pub(super) async fn key_disabled(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_kms::Client::new(&world.aws);
    let key = physical(world, "pre-requisite", "EncryptionKey").await?;
    client.disable_key().key_id(&key).send().await?;
    Ok(Box::pin(async move {
        client.enable_key().key_id(&key).send().await?;
        Ok(())
    }))
}

pub(super) async fn key_deleted(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_kms::Client::new(&world.aws);
    let key = physical(world, "pre-requisite", "EncryptionKey").await?;
    client.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await?;
    // In the words that the doctor has for it.
    Ok(Box::pin(async move {
        client.cancel_key_deletion().key_id(&key).send().await?;
        client.enable_key().key_id(&key).send().await?;
        Ok(())
    }))
}
