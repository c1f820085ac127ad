use anyhow::{Context as _, ensure};
use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};

use super::{finding::button, own_deployment::OwnDeployment};
use crate::{narrator::Narrator, world::World};

/// The id of the finding begins so.
const ID: &str = "ce";
const KEY: &str = "exports/payroll.txt";

/// A file that is encrypted with a key of its bucket goes into a quarantine that has another one, and comes back.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let (source_key, quarantine_key) = (key(world).await?, key(world).await?);
    let settings = [
        ("SourceKmsKeyArns", source_key.as_str()),
        ("QuarantineKmsKeyArn", quarantine_key.as_str()),
        ("QuarantineRetentionDays", "30"),
        ("SourceBucketPattern", "keyed-files"),
    ];
    let own = OwnDeployment::create(world, "keyed", settings).await?;
    encrypt(world, &own.bucket, &source_key).await?;
    narrator.step("A deployment of its own for keyed-files, whose quarantine has a KMS key and forgets after 30 days");
    let (id, content) = own.publish_one(ID, KEY).await?;
    narrator.step("Macie (played by the local cloud) publishes a finding about a file that another key encrypts");

    let done = own.told("Object quarantined").await?;
    own.show(narrator, &done);
    ensure!(own.quarantined(ID).await? == 1, "the file is not in quarantine");
    let quarantine = own.deployment.output("QuarantineBucket")?;
    let copy = format!("objects/{id}/{}/{KEY}", own.bucket);
    ensure!(key_of(world, quarantine, &copy).await?.as_deref() == Some(&quarantine_key), "the copy has another key");
    ensure!(done.words().contains("puts the object back until"), "nobody is told until when: {}", done.words());
    narrator.fact("the copy is encrypted with the key of the quarantine");

    let restore = button(&done, "Restore").context("the result has no button Restore")?;
    narrator.step("@alice presses Restore and confirms");
    world.slack.click(&done, &restore, &world.alice).await?;
    own.told("Object restored").await?;
    ensure!(key_of(world, &own.bucket, KEY).await?.as_deref() == Some(&source_key), "the file has another key");
    let back = world.s3.get_object().bucket(&own.bucket).key(KEY).send().await.context("read the restored file")?;
    ensure!(back.body.collect().await?.to_vec() == content, "the restored bytes are others");
    narrator.fact("it is back, encrypted with the key of its bucket");
    own.end().await
}

/// The ARN of a new key.
async fn key(world: &World) -> anyhow::Result<String> {
    let made = aws_sdk_kms::Client::new(&world.aws).create_key().send().await.context("make a key")?;
    made.key_metadata.and_then(|key| key.arn).context("the key has no ARN")
}

async fn encrypt(world: &World, bucket: &str, key: &str) -> anyhow::Result<()> {
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms);
    let default = default.kms_master_key_id(key).build()?;
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
    let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    let put = world.s3.put_bucket_encryption().bucket(bucket).server_side_encryption_configuration(rules);
    put.send().await.context("encrypt the bucket")?;
    Ok(())
}

/// The key that an object is encrypted with.
async fn key_of(world: &World, bucket: &str, key: &str) -> anyhow::Result<Option<String>> {
    let head = world.s3.head_object().bucket(bucket).key(key).send().await;
    Ok(head.with_context(|| format!("look at {key} in {bucket}"))?.ssekms_key_id)
}
