use anyhow::{Context as _, ensure};
use aws_sdk_s3::types::{MetadataDirective, Tag, Tagging};

use super::{
    finding::{Upload, button, discover},
    finding_remediated_automatically::is_about_quarantine,
};
use crate::{narrator::Narrator, samples, slack::message::Message, world::World};

const STORY: &str = "finding-restored";

/// A quarantined file is put back, exactly as it was; then something newer is in the way of another.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let data = samples::data("customer-payments.txt")?;
    let files = [("exports/payments.txt", data.clone()), ("exports/replaced.txt", data)];
    let [mut file, replaced] = Upload::to_new_bucket(world, narrator, STORY, files).await?;
    file.dress(world).await?;
    narrator.fact("one file has metadata, a Cache-Control header and tags");
    discover(world, narrator, &file.bucket).await?;

    let done = file.message(world, narrator, "the outcome", is_about_quarantine).await?;
    file.is_quarantined(world, narrator, "policy").await?;
    let restore = button(&done, "Restore").context("the result has no button Restore")?;
    ensure!(restore.confirm.is_some(), "Restore does not ask first");

    narrator.step("@mallory, who may not, presses Restore");
    world.slack.click(&done, &restore, &world.mallory).await?;
    narrator.step("@alice, who may, presses Restore and confirms");
    world.slack.click(&done, &restore, &world.alice).await?;
    let restored = file.message(world, narrator, "the restoration", says("Object restored")).await?;
    ensure!(restored.ts == done.ts, "the result was not updated");
    let version = file.is_restored(world).await?;
    narrator.fact(&format!("the same bytes, headers, metadata and tags are back (version {version})"));
    let record = file.record(world, "manifest.json").await?;
    ensure!(record.to_string().contains(&world.alice.id), "the record does not say who restored it: {record}");

    narrator.step("Macie scans the bucket again and finds the restored version");
    file.version = version;
    discover(world, narrator, &file.bucket).await?;
    let asked = file.message(world, narrator, "a question", says("put back from quarantine")).await?;
    ensure!(button(&asked, "Remediate").is_some(), "the question has no button");
    ensure!(file.is_in_place(world).await?, "what a person put back was moved unasked");
    narrator.fact("AUTO does not overrule a person: the channel is asked instead");

    narrator.step("Somebody uploads another file in the place of a quarantined one; @alice presses Restore");
    let done = replaced.message(world, narrator, "the outcome", is_about_quarantine).await?;
    let restore = button(&done, "Restore").context("the result has no button Restore")?;
    let newer = replaced.overwrite(world, b"newer").await?;
    world.slack.click(&done, &restore, &world.alice).await?;
    let refused = replaced.message(world, narrator, "the refusal", says("Something newer")).await?;
    ensure!(button(&refused, "Restore").is_some(), "it cannot be tried again");
    ensure!(replaced.current(world).await?.as_deref() == Some(newer.as_str()), "the newer file was touched");
    replaced.is_quarantined(world, &Narrator::quiet(), "policy").await?;
    narrator.fact("the newer file stays, and the quarantined one stays in quarantine");
    Ok(())
}

/// Whether a message contains these words.
pub(super) fn says(words: &'static str) -> impl Fn(&Message) -> bool {
    move |message| message.words().contains(words)
}

impl Upload {
    /// Gives the file what a restoration has to bring back, by copying it over itself: a new version.
    async fn dress(&mut self, world: &World) -> anyhow::Result<()> {
        let copied = world
            .s3
            .copy_object()
            .copy_source(format!("{}/{}", self.bucket, self.key))
            .bucket(&self.bucket)
            .key(&self.key)
            .metadata_directive(MetadataDirective::Replace)
            .content_type("text/csv")
            .cache_control("no-store")
            .metadata("owner", "crm")
            .send()
            .await
            .context("dress the file")?;
        let first = std::mem::replace(&mut self.version, copied.version_id.context("the copy has no version")?);
        let tag = Tag::builder().key("team").value("payments & refunds").build()?;
        let tagging = Tagging::builder().tag_set(tag).build()?;
        let put = world.s3.put_object_tagging().bucket(&self.bucket).key(&self.key).tagging(tagging).send().await;
        put.context("tag the file")?;
        let gone = world.s3.delete_object().bucket(&self.bucket).key(&self.key).version_id(first).send().await;
        gone.context("remove the first version")?;
        Ok(())
    }

    /// Checks that the file is back with everything that it carried, and answers with its version.
    async fn is_restored(&self, world: &World) -> anyhow::Result<String> {
        let object = world.s3.get_object().bucket(&self.bucket).key(&self.key).send().await;
        let object = object.context("read the restored file")?;
        ensure!(object.content_type() == Some("text/csv"), "the content type is {:?}", object.content_type());
        ensure!(object.cache_control() == Some("no-store"), "Cache-Control is {:?}", object.cache_control());
        let owner = object.metadata().and_then(|metadata| metadata.get("owner"));
        ensure!(owner.map(String::as_str) == Some("crm"), "the metadata is {:?}", object.metadata());
        let version = object.version_id().context("the restored file has no version")?.to_owned();
        let bytes = object.body.collect().await?.to_vec();
        ensure!(bytes == self.content, "the restored bytes are others");
        let tags = world.s3.get_object_tagging().bucket(&self.bucket).key(&self.key).send().await?;
        let tags: Vec<_> = tags.tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
        ensure!(tags == [("team", "payments & refunds")], "the tags are {tags:?}");
        let quarantine = world.deployment.output("QuarantineBucket")?;
        let left = world.s3.list_object_versions().bucket(quarantine).prefix("objects/").send().await?;
        let end = format!("/{}/{}", self.bucket, self.key);
        let left = left.versions().iter().filter(|version| version.key().is_some_and(|key| key.ends_with(&end)));
        ensure!(left.count() == 0, "a copy is still in quarantine");
        Ok(version)
    }

    /// Uploads something else under the same key, and answers with its version.
    pub(super) async fn overwrite(&self, world: &World, content: &'static [u8]) -> anyhow::Result<String> {
        let body = aws_sdk_s3::primitives::ByteStream::from_static(content);
        let put = world.s3.put_object().bucket(&self.bucket).key(&self.key).body(body).send().await;
        put.context("upload another file")?.version_id.context("it has no version")
    }

    /// The current version of the key.
    async fn current(&self, world: &World) -> anyhow::Result<Option<String>> {
        let head = world.s3.head_object().bucket(&self.bucket).key(&self.key).send().await;
        Ok(head.context("look at the key")?.version_id)
    }
}
