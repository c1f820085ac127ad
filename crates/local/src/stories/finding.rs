//! What the stories about findings have in common.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_macie2::types::{JobStatus, JobType, S3BucketDefinitionForJob, S3JobDefinition};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{BucketVersioningStatus, VersioningConfiguration},
};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    narrator::Narrator,
    slack::{
        Person,
        message::{Button, Message},
    },
    until::until,
    world::World,
};

const DISCOVERED: Duration = Duration::from_mins(1);
pub const TOLD: Duration = Duration::from_mins(1);

/// A file that should not be where it is.
pub struct Upload {
    pub bucket: String,
    pub key: String,
    pub version: String,
    pub content: Vec<u8>,
}

impl Upload {
    /// Makes a versioned bucket for a story and uploads files to it.
    pub async fn to_new_bucket<const N: usize>(
        world: &World,
        narrator: &Narrator,
        story: &str,
        files: [(&str, Vec<u8>); N],
    ) -> anyhow::Result<[Self; N]> {
        let bucket = format!("{}-{story}", world.deployment.name);
        world.s3.create_bucket().bucket(&bucket).send().await.with_context(|| format!("create the bucket {bucket}"))?;
        let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let put = world.s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioning).send();
        put.await.context("turn versioning on")?;
        let mut uploads = Vec::new();
        for (key, content) in files {
            uploads.push(Self::put(world, narrator, &bucket, key, content).await?);
        }
        uploads.try_into().ok().context("a file was lost")
    }

    /// Uploads another file to the same bucket.
    pub async fn beside(
        &self,
        world: &World,
        narrator: &Narrator,
        key: &str,
        content: Vec<u8>,
    ) -> anyhow::Result<Self> {
        Self::put(world, narrator, &self.bucket, key, content).await
    }

    async fn put(
        world: &World,
        narrator: &Narrator,
        bucket: &str,
        key: &str,
        content: Vec<u8>,
    ) -> anyhow::Result<Self> {
        let body = ByteStream::from(content.clone());
        // Tags and types travel with an object.
        let put = world.s3.put_object().bucket(bucket).key(key).content_type("text/plain").tagging("team=payroll");
        let put = put.body(body).send().await;
        let version = put.with_context(|| format!("upload {key}"))?.version_id.context("the object has no version")?;
        narrator.step(&format!("Somebody uploads {key} to {bucket} (version {version})"));
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), version, content })
    }

    /// Waits for a message about this file that `wanted` accepts.
    pub async fn message(
        &self,
        world: &World,
        narrator: &Narrator,
        what: &str,
        wanted: impl Fn(&Message) -> bool,
    ) -> anyhow::Result<Message> {
        let message = until(TOLD, &format!("{what} about {}", self.key), async || {
            Ok(self.messages(world).into_iter().find(|message| wanted(message)))
        })
        .await
        .with_context(|| {
            let told: Vec<String> = self.messages(world).iter().map(Message::words).collect();
            format!("the channel was told: {told:?}; refused: {:?}", world.slack.problems())
        })?;
        narrator.message("#macie-findings", &world.slack, &message);
        Ok(message)
    }

    /// Everything that the channel shows about this file.
    pub fn messages(&self, world: &World) -> Vec<Message> {
        let messages = world.slack.messages(&world.deployment.finding_channel);
        messages
            .into_iter()
            .filter(|message| message.words().contains(&self.bucket) && message.words().contains(&self.key))
            .collect()
    }

    /// Whether the scanned version is still where it was uploaded.
    pub async fn is_in_place(&self, world: &World) -> anyhow::Result<bool> {
        let versions = world.s3.list_object_versions().bucket(&self.bucket).prefix(&self.key).send().await;
        let versions = versions.context("list the versions")?;
        let id = if self.version.is_empty() { "null" } else { &self.version };
        Ok(versions.versions().iter().any(|version| version.version_id() == Some(id)))
    }

    /// Checks that the version is gone from its bucket, that its bytes are in quarantine, and that the record says so.
    pub async fn is_quarantined(&self, world: &World, narrator: &Narrator, by: &str) -> anyhow::Result<()> {
        ensure!(!self.is_in_place(world).await?, "{} is still in {}", self.key, self.bucket);
        let quarantine = world.deployment.output("QuarantineBucket")?;
        let moved = self.lies_in_quarantine(world).await?;
        let moved = moved.with_context(|| format!("{} is not in {quarantine}", self.key))?;
        ensure!(read(world, quarantine, &moved).await? == self.content, "the bytes in quarantine are others");
        narrator.fact(&format!("version {} is gone from {}", self.version, self.bucket));
        narrator.fact(&format!("its bytes are in {quarantine} as {moved}"));
        // Without versions the case is named by more than is known here.
        if self.version.is_empty() {
            return Ok(());
        }
        let record = self.record(world, "manifest.json").await?;
        ensure!(record.to_string().contains(&self.version), "the manifest does not name the version: {record}");
        ensure!(record.to_string().contains(by), "the manifest does not say that {by} decided: {record}");
        narrator.fact("the manifest beside it says where it came from and who decided");
        Ok(())
    }

    /// The key of the copy in quarantine, if there is one.
    pub async fn lies_in_quarantine(&self, world: &World) -> anyhow::Result<Option<String>> {
        let quarantine = world.deployment.output("QuarantineBucket")?;
        let listed = world.s3.list_objects_v2().bucket(quarantine).prefix("objects/").send().await;
        let listed = listed.context("list the quarantine bucket")?;
        let end = format!("/{}/{}", self.bucket, self.key);
        let mut keys = listed.contents().iter().filter_map(|object| object.key());
        Ok(keys.find(|key| key.ends_with(&end)).map(str::to_owned))
    }

    /// A record of this file's case.
    pub async fn record(&self, world: &World, name: &str) -> anyhow::Result<Value> {
        let quarantine = world.deployment.output("QuarantineBucket")?;
        let digest = Sha256::digest(format!("{}\0{}\0{}", self.bucket, self.key, self.version));
        let key = format!("cases/{}/{name}", hex::encode(digest).split_at(32).0);
        serde_json::from_slice(&read(world, quarantine, &key).await?).with_context(|| format!("{key} is not JSON"))
    }
}

/// Runs a discovery job over the buckets, as an administrator does in Macie's console.
pub async fn discover(world: &World, narrator: &Narrator, bucket: &str) -> anyhow::Result<()> {
    let buckets = S3BucketDefinitionForJob::builder().account_id("000000000000").buckets(bucket).build();
    let job = world
        .macie
        .create_classification_job()
        .name(format!("job for {bucket}"))
        .job_type(JobType::OneTime)
        .client_token(format!("{bucket}-{}", Timestamp::now().as_nanosecond()))
        .s3_job_definition(S3JobDefinition::builder().bucket_definitions(buckets).build())
        .send()
        .await
        .context("create a discovery job")?;
    let id = job.job_id.context("the job has no id")?;
    narrator.step(&format!("An administrator runs a Macie discovery job over {bucket} (played by the local cloud)"));
    until(DISCOVERED, "the end of the discovery job", async || {
        let job = world.macie.describe_classification_job().job_id(&id).send().await.context("look at the job")?;
        Ok((job.job_status() == Some(&JobStatus::Complete)).then_some(()))
    })
    .await
}

/// The button of a message with this label.
#[must_use]
pub fn button(message: &Message, label: &str) -> Option<Button> {
    message.buttons().into_iter().find(|button| button.label == label)
}

/// The button Remediate of a message, with its dialog.
#[must_use]
pub fn remediate(message: &Message) -> Option<Button> {
    message.buttons().into_iter().find(|button| button.label == "Remediate")
}

/// The option of a message's menu that begins so.
#[must_use]
pub fn option(message: &Message, begin: &str) -> Option<Button> {
    message.buttons().into_iter().find(|button| button.option.is_some() && button.label.starts_with(begin))
}

/// Waits for words that only this person sees, in whatever case.
pub async fn private_word(world: &World, narrator: &Narrator, person: &Person, words: &str) -> anyhow::Result<()> {
    let message = until(TOLD, &format!("a private word to @{}: {words}", person.name), async || {
        let messages = world.slack.messages(&world.deployment.finding_channel);
        let mut private = messages.into_iter().filter(|message| message.only_for.as_ref() == Some(&person.id));
        Ok(private.rfind(|message| message.words().to_lowercase().contains(words)))
    })
    .await?;
    narrator.message("#macie-findings", &world.slack, &message);
    Ok(())
}

/// The bytes of an object.
pub async fn read(world: &World, bucket: &str, key: &str) -> anyhow::Result<Vec<u8>> {
    let object = world.s3.get_object().bucket(bucket).key(key).send().await;
    let body = object.with_context(|| format!("read {key} in {bucket}"))?.body.collect().await;
    Ok(body.with_context(|| format!("read {key}"))?.to_vec())
}
