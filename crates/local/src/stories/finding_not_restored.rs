use anyhow::{Context as _, ensure};

use super::{
    finding::{Upload, button, discover},
    finding_remediated_automatically::is_about_quarantine,
    finding_restored::says,
    obstacles::deny,
};
use crate::{
    narrator::Narrator,
    samples,
    slack::message::{Button, Message},
    world::World,
};

/// What is in quarantine cannot be put back: each time for another reason, with its own next step. Where the obstacle can
/// be removed, the button puts the file back after all.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    unwritable(world, narrator).await?;
    unlisted(world, narrator).await?;
    bucket_gone(world, narrator).await?;
    copy_gone(world, narrator).await
}

async fn unwritable(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let (file, done, restore) = quarantined(world, narrator, "not-restored-unwritable").await?;
    narrator.step("The bucket gets a policy under which the remediator may not write; @alice presses Restore");
    deny(world, &file.bucket, &["s3:PutObject"]).await?;
    let told = refused(world, narrator, &file, (&done, &restore), "may not be written: a policy refuses it").await?;
    ensure!(told.words().contains("`s3:PutObject` and `s3:PutObjectTagging`"), "no next step: {}", told.words());
    file.is_recorded_as(world, "accessDenied").await?;
    file.is_quarantined(world, narrator, "policy").await?;

    narrator.step("The policy is removed, and @alice presses Restore on the refusal");
    world.s3.delete_bucket_policy().bucket(&file.bucket).send().await.context("delete the policy")?;
    let again = button(&told, "Restore").context("it cannot be tried again")?;
    world.slack.click(&told, &again, &world.alice).await?;
    file.message(world, narrator, "the restoration", says("Object restored")).await?;
    ensure!(file.lies_in_quarantine(world).await?.is_none(), "a copy is still in quarantine");
    file.is_recorded_as(world, "restored").await?;
    let back = world.s3.get_object().bucket(&file.bucket).key(&file.key).send().await.context("read the file")?;
    ensure!(back.body.collect().await?.to_vec() == file.content, "the restored bytes are others");
    narrator.fact("the file is back, byte for byte, and nowhere else");
    Ok(())
}

/// To whoever may not list a bucket S3 refuses what is gone like what may not be read. The move is complete all the same;
/// only whether the place is free for a restoration is hidden.
async fn unlisted(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [("exports/payments.txt", samples::data("customer-payments.txt")?)];
    let [file] = Upload::to_new_bucket(world, narrator, "not-restored-unlisted", files).await?;
    narrator.step("The bucket gets a policy under which the remediator may not list it");
    deny(world, &file.bucket, &["s3:ListBucket", "s3:ListBucketVersions"]).await?;
    discover(world, narrator, &file.bucket).await?;
    let done = file.message(world, narrator, "the outcome", is_about_quarantine).await?;
    ensure!(done.words().contains("could not be listed"), "nothing of other versions: {}", done.words());
    file.is_quarantined(world, narrator, "policy").await?;

    narrator.step("@alice presses Restore");
    let restore = button(&done, "Restore").context("the result has no button Restore")?;
    let told = refused(world, narrator, &file, (&done, &restore), "may not be looked at: a policy refuses it").await?;
    ensure!(told.words().contains("`s3:ListBucket`"), "no next step: {}", told.words());
    file.is_recorded_as(world, "accessDenied").await?;
    file.is_quarantined(world, narrator, "policy").await?;

    narrator.step("The policy is removed, and @alice presses Restore on the refusal");
    world.s3.delete_bucket_policy().bucket(&file.bucket).send().await.context("delete the policy")?;
    let again = button(&told, "Restore").context("it cannot be tried again")?;
    world.slack.click(&told, &again, &world.alice).await?;
    file.message(world, narrator, "the restoration", says("Object restored")).await?;
    file.is_recorded_as(world, "restored").await
}

async fn bucket_gone(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let (file, done, restore) = quarantined(world, narrator, "not-restored-no-bucket").await?;
    narrator.step("Somebody deletes the empty bucket; @alice presses Restore");
    world.s3.delete_bucket().bucket(&file.bucket).send().await.context("delete the bucket")?;
    let told =
        refused(world, narrator, &file, (&done, &restore), "The bucket that it came from does not exist").await?;
    ensure!(told.words().contains("create the bucket again"), "no next step: {}", told.words());
    file.is_recorded_as(world, "bucketGone").await?;
    ensure!(file.lies_in_quarantine(world).await?.is_some(), "the copy is gone from quarantine");
    narrator.fact("the copy is still in quarantine");
    Ok(())
}

async fn copy_gone(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let (file, done, restore) = quarantined(world, narrator, "not-restored-no-copy").await?;
    narrator.step("The copy in quarantine expires; @alice presses Restore");
    let (quarantine, key) = (world.deployment.output("QuarantineBucket")?, file.lies_in_quarantine(world).await?);
    let key = key.context("nothing is in quarantine")?;
    let head = world.s3.head_object().bucket(quarantine).key(&key).send().await.context("look at the copy")?;
    let delete = world.s3.delete_object().bucket(quarantine).key(&key).set_version_id(head.version_id);
    delete.send().await.context("delete the copy")?;
    let told =
        refused(world, narrator, &file, (&done, &restore), "The copy in quarantine does not exist any more").await?;
    ensure!(told.words().contains("look for the data in backups"), "no next step: {}", told.words());
    ensure!(button(&told, "Restore").is_none(), "there is a button for what is gone");
    file.is_recorded_as(world, "copyGone").await?;
    let left = world.s3.list_objects_v2().bucket(&file.bucket).send().await.context("list the bucket")?;
    ensure!(left.contents().is_empty(), "something was written");
    Ok(())
}

/// A file that was quarantined automatically, and the message with the button Restore.
async fn quarantined(world: &World, narrator: &Narrator, story: &str) -> anyhow::Result<(Upload, Message, Button)> {
    let files = [("exports/payments.txt", samples::data("customer-payments.txt")?)];
    let [file] = Upload::to_new_bucket(world, narrator, story, files).await?;
    discover(world, narrator, &file.bucket).await?;
    let done = file.message(world, narrator, "the outcome", is_about_quarantine).await?;
    let restore = button(&done, "Restore").context("the result has no button Restore")?;
    Ok((file, done, restore))
}

/// Presses Restore, and waits for the refusal, which is a message of its own.
async fn refused(
    world: &World,
    narrator: &Narrator,
    file: &Upload,
    (done, restore): (&Message, &Button),
    words: &'static str,
) -> anyhow::Result<Message> {
    world.slack.click(done, restore, &world.alice).await?;
    let told = file.message(world, narrator, "the refusal", says(words)).await?;
    ensure!(told.ts != done.ts, "the message about the quarantine was replaced");
    Ok(told)
}

impl Upload {
    /// Checks how the record says that the restoration ended.
    async fn is_recorded_as(&self, world: &World, outcome: &str) -> anyhow::Result<()> {
        let record = self.record(world, "manifest.json").await?;
        let recorded = record.pointer("/restoration/state/outcome").and_then(serde_json::Value::as_str);
        ensure!(recorded == Some(outcome), "the record does not say {outcome}: {record}");
        ensure!(record.to_string().contains(&world.alice.id), "the record does not say who decided: {record}");
        Ok(())
    }
}
