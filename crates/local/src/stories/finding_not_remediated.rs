use anyhow::{Context as _, ensure};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ObjectLockLegalHold, ObjectLockLegalHoldStatus},
};

use super::{
    finding::{Upload, button, discover, remediate},
    finding_remediated_automatically::is_about_quarantine,
    finding_restored::says,
};
use crate::{narrator::Narrator, samples, slack::message::Message, world::World};

/// Between the question and the answer a file is deleted, replaced, or put under a legal hold: each ends in its own way.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    gone(world, narrator).await?;
    replaced(world, narrator).await?;
    held(world, narrator).await
}

async fn gone(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [("people/gone.txt", samples::data("employee-records.txt")?)];
    let [file] = Upload::to_new_bucket(world, narrator, "finding-gone", files).await?;
    let asked = asked(world, narrator, &file).await?;
    narrator.step("Somebody deletes the version; then @alice presses Remediate");
    let delete = world.s3.delete_object().bucket(&file.bucket).key(&file.key).version_id(&file.version);
    delete.send().await.context("delete the version")?;
    press(world, &asked).await?;
    let told = file.message(world, narrator, "the outcome", says("already gone")).await?;
    ensure!(remediate(&told).is_none(), "there is a button for what is gone");
    Ok(())
}

async fn replaced(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let file = upload(world, narrator, "finding-replaced", "people/replaced.txt", false).await?;
    let asked = asked(world, narrator, &file).await?;
    narrator.step("Somebody uploads another file over it, in a bucket without versions; then @alice presses Remediate");
    let newer = b"nothing to see here";
    let put = world.s3.put_object().bucket(&file.bucket).key(&file.key).body(ByteStream::from_static(newer));
    put.send().await.context("upload another file")?;
    press(world, &asked).await?;
    file.message(world, narrator, "the outcome", says("changed since the scan")).await?;
    let left = world.s3.get_object().bucket(&file.bucket).key(&file.key).send().await.context("read the file")?;
    ensure!(left.body.collect().await?.to_vec() == newer, "the newer file was touched");
    narrator.fact("the newer file was left alone");
    Ok(())
}

async fn held(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let file = upload(world, narrator, "finding-held", "people/held.txt", true).await?;
    let asked = asked(world, narrator, &file).await?;
    narrator.step("A lawyer puts the file under a legal hold; then @alice presses Remediate");
    hold(world, &file, ObjectLockLegalHoldStatus::On).await?;
    press(world, &asked).await?;
    let told = file.message(world, narrator, "the outcome", says("A legal hold keeps")).await?;
    ensure!(file.is_in_place(world).await?, "a file under a legal hold was moved");

    narrator.step("The hold is lifted, and @alice presses Remediate again");
    hold(world, &file, ObjectLockLegalHoldStatus::Off).await?;
    let again = button(&told, "Remediate again").context("it cannot be tried again")?;
    world.slack.click(&told, &again, &world.alice).await?;
    file.message(world, narrator, "the outcome", is_about_quarantine).await?;
    file.is_quarantined(world, narrator, &world.alice.id).await
}

async fn asked(world: &World, narrator: &Narrator, file: &Upload) -> anyhow::Result<Message> {
    discover(world, narrator, &file.bucket).await?;
    file.message(world, narrator, "a question", |message| remediate(message).is_some()).await
}

async fn press(world: &World, asked: &Message) -> anyhow::Result<()> {
    let button = remediate(asked).context("the question has no button Remediate")?;
    world.slack.click(asked, &button, &world.alice).await?;
    Ok(())
}

async fn hold(world: &World, file: &Upload, status: ObjectLockLegalHoldStatus) -> anyhow::Result<()> {
    let hold = ObjectLockLegalHold::builder().status(status).build();
    let put = world.s3.put_object_legal_hold().bucket(&file.bucket).key(&file.key).version_id(&file.version);
    put.legal_hold(hold).send().await.context("change the legal hold")?;
    Ok(())
}

/// Uploads to a bucket with Object Lock, or to one without versions.
async fn upload(world: &World, narrator: &Narrator, story: &str, key: &str, lock: bool) -> anyhow::Result<Upload> {
    let bucket = format!("{}-{story}", world.deployment.name);
    let create = world.s3.create_bucket().bucket(&bucket).object_lock_enabled_for_bucket(lock).send().await;
    create.with_context(|| format!("create the bucket {bucket}"))?;
    let content = samples::data("employee-records.txt")?;
    let body = ByteStream::from(content.clone());
    let put = world.s3.put_object().bucket(&bucket).key(key).content_type("text/plain").body(body).send().await;
    let version = put.with_context(|| format!("upload {key}"))?.version_id.unwrap_or_default();
    narrator.step(&format!("Somebody uploads {key} to {bucket}"));
    Ok(Upload { bucket, key: key.to_owned(), version, content })
}
