use anyhow::{Context as _, ensure};
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use serde_json::{Value, json};

use super::{
    finding::{TOLD, button, discover, option},
    own_deployment::publish,
};
use crate::{narrator::Narrator, samples, slack::message::Message, until::until, world::World};

const STORY: &str = "bucket-finding";
pub(super) const BLOCK: &str = "Block public access";
pub(super) const ENCRYPT: &str = "Encrypt by default";

/// Somebody turns a bucket's protection off; two people turn it on again, in Slack, because the finding is of severity
/// HIGH.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let bucket = unprotected(world, narrator, &format!("{}-{STORY}", world.deployment.name)).await?;
    discover(world, narrator, &bucket).await?;

    let asked = message(world, narrator, &bucket, |message| message.buttons().iter().any(|b| b.label == BLOCK)).await?;
    ensure!(option(&asked, "Accepted risk").is_some(), "the finding cannot be dismissed");
    let asked = dismissed_and_reopened(world, narrator, &bucket, &asked, BLOCK).await?;
    let button = asked.buttons().into_iter().find(|button| button.label == BLOCK).context("no button")?;
    let confirm = button.confirm.as_ref().context("the button has no confirm dialog")?;
    narrator.fact(&format!("before it sends the click, Slack says: {}", confirm.text));

    narrator.step("@mallory, who may not, presses it");
    world.slack.click(&asked, &button, &world.mallory).await?;
    super::finding::private_word(world, narrator, &world.mallory, "not on the list").await?;
    ensure!(!is_blocked(world, &bucket).await?, "it was turned on for somebody who may not");

    narrator.step("@alice, who may, presses it and confirms");
    let answer = world.slack.click(&asked, &button, &world.alice).await?;
    ensure!(answer.status == 200 && answer.body.is_empty(), "the click was answered with {answer:?}");
    message(world, narrator, &bucket, |message| message.words().contains("one more person")).await?;
    ensure!(!is_blocked(world, &bucket).await?, "it was turned on for one person, though the severity is High");
    narrator.step("@bob presses it too");
    world.slack.click(&asked, &button, &world.bob).await?;
    let done = message(world, narrator, &bucket, |message| message.words().contains("turned on")).await?;
    for person in [&world.alice, &world.bob] {
        ensure!(done.words().contains(&person.id), "the message does not name @{}", person.name);
    }
    ensure!(done.words().contains("aws s3api"), "the message does not say how to undo it");
    ensure!(is_blocked(world, &bucket).await?, "Block Public Access is still off");
    narrator.fact("all four settings are on, and the message says how to undo it");
    encrypted(world, narrator).await
}

/// Makes a bucket of this name without Block Public Access.
pub(super) async fn unprotected(world: &World, narrator: &Narrator, bucket: &str) -> anyhow::Result<String> {
    world.s3.create_bucket().bucket(bucket).send().await.with_context(|| format!("create the bucket {bucket}"))?;
    let open = PublicAccessBlockConfiguration::builder()
        .block_public_acls(false)
        .ignore_public_acls(false)
        .block_public_policy(false)
        .restrict_public_buckets(false)
        .build();
    let put = world.s3.put_public_access_block().bucket(bucket).public_access_block_configuration(open).send();
    put.await.context("turn Block Public Access off")?;
    narrator.step(&format!("Somebody turns Block Public Access off for {bucket}"));
    Ok(bucket.to_owned())
}

/// Somebody dismisses the finding by mistake. Answers with the question as it is then.
async fn dismissed_and_reopened(
    world: &World,
    narrator: &Narrator,
    bucket: &str,
    asked: &Message,
    label: &str,
) -> anyhow::Result<Message> {
    narrator.step("@alice dismisses it, and takes that back");
    let dismiss = option(asked, "Test data").context("the finding cannot be dismissed")?;
    world.slack.click(asked, &dismiss, &world.alice).await?;
    let dismissed = message(world, narrator, bucket, |message| button(message, "Reopen").is_some()).await?;
    ensure!(dismissed.ts == asked.ts, "another message was changed");
    ensure!(dismissed.words().contains("it is shown again"), "the message does not say what is shown from now on");
    let reopen = button(&dismissed, "Reopen").context("no button Reopen")?;
    world.slack.click(&dismissed, &reopen, &world.alice).await?;
    message(world, narrator, bucket, |message| message.ts == asked.ts && button(message, label).is_some()).await
}

/// The same for default encryption. S3 has kept it on for every bucket since 2023, so the button finds it on.
async fn encrypted(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let bucket = format!("{}-{STORY}-encryption", world.deployment.name);
    world.s3.create_bucket().bucket(&bucket).send().await.with_context(|| format!("create the bucket {bucket}"))?;
    publish(world, &encryption_disabled(&bucket, "e0000000000000000000000000000001")?).await?;
    narrator.step(&format!("Macie (played by the local cloud) publishes that {bucket} lost its default encryption"));
    let asked = message(world, narrator, &bucket, |message| button(message, ENCRYPT).is_some()).await?;
    let asked = dismissed_and_reopened(world, narrator, &bucket, &asked, ENCRYPT).await?;
    narrator.step("@alice presses the button and confirms");
    let pressed = button(&asked, ENCRYPT).context("no button")?;
    world.slack.click(&asked, &pressed, &world.alice).await?;
    let end = "Default encryption was on already";
    let done = message(world, narrator, &bucket, |message| message.words().contains(end)).await?;
    ensure!(done.words().contains(&world.alice.id), "the message does not say who decided");
    ensure!(done.words().contains("Nothing was changed"), "what was done: {}", done.words());
    let answer = world.s3.get_bucket_encryption().bucket(&bucket).send().await.context("read default encryption")?;
    let set = answer.server_side_encryption_configuration.is_some_and(|set| !set.rules.is_empty());
    ensure!(set, "default encryption is off");
    narrator.fact("new objects are encrypted, and nothing had to be changed for that");
    gone(world, narrator).await
}

/// The bucket is deleted before anybody presses the button.
async fn gone(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let bucket = format!("{}-{STORY}-gone", world.deployment.name);
    publish(world, &encryption_disabled(&bucket, "e0000000000000000000000000000002")?).await?;
    narrator.step(&format!("Macie (played by the local cloud) publishes the same of {bucket}, which is deleted since"));
    let asked = message(world, narrator, &bucket, |message| button(message, ENCRYPT).is_some()).await?;
    let pressed = button(&asked, ENCRYPT).context("no button")?;
    world.slack.click(&asked, &pressed, &world.alice).await?;
    let done = message(world, narrator, &bucket, |message| message.words().contains("Bucket already gone")).await?;
    ensure!(done.words().contains("Nothing was changed"), "what was done: {}", done.words());
    ensure!(button(&done, "Turn encryption on again").is_none(), "the button is there once more");
    Ok(())
}

fn encryption_disabled(bucket: &str, id: &str) -> anyhow::Result<Value> {
    policy_finding(bucket, id, "S3BucketEncryptionDisabled")
}

/// A finding of severity Medium about the settings of a bucket; `kind` is the last word of its type.
pub(super) fn policy_finding(bucket: &str, id: &str, kind: &str) -> anyhow::Result<Value> {
    let sample: Value = serde_json::from_slice(&samples::event("macie-finding.policy.json")?)?;
    let mut finding = sample.get("detail").cloned().context("the sample has no detail")?;
    for (pointer, value) in [
        ("/id", json!(id)),
        ("/type", json!(format!("Policy:IAMUser/{kind}"))),
        ("/title", json!("A protection of the S3 bucket was turned off")),
        ("/severity", json!({"score": 2, "description": "Medium"})),
        ("/accountId", json!("000000000000")),
        ("/region", json!("us-east-1")),
        ("/resourcesAffected/s3Bucket/name", json!(bucket)),
        ("/resourcesAffected/s3Bucket/arn", json!(format!("arn:aws:s3:::{bucket}"))),
    ] {
        *finding.pointer_mut(pointer).with_context(|| format!("the sample has no {pointer}"))? = value;
    }
    Ok(finding)
}

/// Waits for a message about a bucket that `wanted` accepts.
pub(super) async fn message(
    world: &World,
    narrator: &Narrator,
    bucket: &str,
    wanted: impl Fn(&Message) -> bool,
) -> anyhow::Result<Message> {
    let message = until(TOLD, &format!("a message about {bucket}"), async || {
        let messages = world.slack.messages(&world.deployment.finding_channel);
        Ok(messages.into_iter().find(|message| message.words().contains(bucket) && wanted(message)))
    })
    .await
    .with_context(|| format!("refused: {:?}", world.slack.problems()))?;
    narrator.message("#macie-findings", &world.slack, &message);
    Ok(message)
}

/// Whether all four settings of Block Public Access are on.
pub(super) async fn is_blocked(world: &World, bucket: &str) -> anyhow::Result<bool> {
    let answer = world.s3.get_public_access_block().bucket(bucket).send().await.context("read Block Public Access")?;
    let block = answer.public_access_block_configuration.context("there is no Block Public Access")?;
    let all = [
        block.block_public_acls(),
        block.ignore_public_acls(),
        block.block_public_policy(),
        block.restrict_public_buckets(),
    ];
    Ok(all.into_iter().all(|on| on == Some(true)))
}
