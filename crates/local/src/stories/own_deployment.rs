//! A deployment for one story, with settings and a channel of its own.
//!
//! Every deployment of an account hears of every finding. These take findings of one type, which the deployment that all
//! other stories share ignores; and only one of them at a time.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{BucketVersioningStatus, VersioningConfiguration},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::finding::button;

use crate::{
    cloud::http,
    deployment::{self, By, Deployment, SonarAccess},
    narrator::Narrator,
    samples,
    slack::message::{Button, Message},
    until::until,
    world::World,
};

const TOLD: Duration = Duration::from_mins(1);

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

pub(super) struct OwnDeployment<'a> {
    pub(super) world: &'a World,
    pub(super) deployment: Deployment,
    /// Where its files are uploaded, with versions.
    pub(super) bucket: String,
    turn: MutexGuard<'static, ()>,
}

/// A finding that is published: about which file, under which id, how severe.
pub(super) struct Published<'a> {
    pub(super) id: &'a str,
    pub(super) key: &'a str,
    pub(super) content: Vec<u8>,
    pub(super) score: i64,
    /// Whether somebody deletes the file before the finding is heard of.
    pub(super) gone: bool,
}

impl<'a> OwnDeployment<'a> {
    /// Deploys, with AUTO for the one type and these other settings.
    pub(super) async fn create<const N: usize>(
        world: &'a World,
        name: &str,
        settings: [(&str, &str); N],
    ) -> anyhow::Result<Self> {
        let turn = ONE_AT_A_TIME.lock().await;
        let token = "0".repeat(44);
        let types = [
            ("CustomIdentifierAction", "AUTO"),
            ("CredentialsAction", "IGNORE"),
            ("FinancialAction", "IGNORE"),
            ("MultipleAction", "IGNORE"),
            ("PersonalAction", "IGNORE"),
        ];
        let parameters = types.into_iter().chain(settings).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let order = deployment::Settings {
            name: name.to_owned(),
            sonar: SonarAccess { url: "http://127.0.0.1:9".to_owned(), token: token.clone(), reader_token: token },
            allowed: vec![world.alice.clone()],
            scan_parameters: [].into(),
            finding_parameters: parameters.collect(),
            by: By::Library,
        };
        let release = tokio::task::spawn_blocking(deployment::release).await.context("pack the functions")??;
        let deployment = Deployment::create(&world.aws, &world.cloud_url, &world.slack, &release, &order).await?;

        let bucket = format!("{name}-files");
        world.s3.create_bucket().bucket(&bucket).send().await.with_context(|| format!("create the bucket {bucket}"))?;
        let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let put = world.s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioning).send();
        put.await.context("turn versioning on")?;
        Ok(Self { world, deployment, bucket, turn })
    }

    /// Changes settings, as somebody does who deploys again.
    pub(super) async fn set<const N: usize>(&self, settings: [(&str, &str); N]) -> anyhow::Result<()> {
        self.deployment.set_finding_parameters(&self.world.aws, settings).await
    }

    /// Leaves the one type to the next of its kind.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.set([("CustomIdentifierAction", "IGNORE")]).await?;
        drop(self.turn);
        Ok(())
    }

    /// Uploads a file, and publishes a finding of the one type about it.
    pub(super) async fn publish(&self, what: Published<'_>) -> anyhow::Result<()> {
        let (s3, bucket) = (&self.world.s3, &self.bucket);
        let put = s3.put_object().bucket(bucket).key(what.key).tagging("team=payroll");
        let put = put.body(ByteStream::from(what.content)).send().await;
        let put = put.with_context(|| format!("upload {}", what.key))?;
        let version = put.version_id().context("the file has no version")?;
        if what.gone {
            let delete = s3.delete_object().bucket(bucket).key(what.key).version_id(version);
            delete.send().await.context("delete a file")?;
        }
        let sample: Value = serde_json::from_slice(&samples::event("macie-finding.custom-identifier.json")?)?;
        let mut finding = sample.get("detail").cloned().unwrap_or_default();
        for (pointer, value) in [
            ("/id", json!(what.id)),
            ("/accountId", json!("000000000000")),
            ("/region", json!("us-east-1")),
            ("/createdAt", json!(Timestamp::now().to_string())),
            ("/updatedAt", json!(Timestamp::now().to_string())),
            ("/severity", json!({"score": what.score})),
            ("/resourcesAffected/s3Bucket/name", json!(bucket)),
            ("/resourcesAffected/s3Bucket/arn", json!(format!("arn:aws:s3:::{bucket}"))),
            ("/resourcesAffected/s3Object/bucketArn", json!(format!("arn:aws:s3:::{bucket}"))),
            ("/resourcesAffected/s3Object/key", json!(what.key)),
            ("/resourcesAffected/s3Object/versionId", json!(version)),
            ("/resourcesAffected/s3Object/eTag", json!(put.e_tag().context("no ETag")?.trim_matches('"'))),
        ] {
            *finding.pointer_mut(pointer).with_context(|| format!("the sample has no {pointer}"))? = value;
        }
        publish(self.world, &finding).await
    }

    /// Uploads one file of little severity and publishes a finding about it, whose id begins so. Answers with the id and
    /// what is in the file.
    pub(super) async fn publish_one(&self, ids: &str, key: &str) -> anyhow::Result<(String, Vec<u8>)> {
        let (id, content) = (format!("{ids}{:030x}", 1), b"Project code 1\n".to_vec());
        self.publish(Published { id: &id, key, content: content.clone(), score: 2, gone: false }).await?;
        Ok((id, content))
    }

    /// Tells of a message in its channel.
    pub(super) fn show(&self, narrator: &Narrator, message: &Message) {
        narrator.message(&format!("#{}", self.deployment.finding_channel.name), &self.world.slack, message);
    }

    /// What its channel shows.
    pub(super) fn messages(&self) -> Vec<Message> {
        self.world.slack.messages(&self.deployment.finding_channel)
    }

    /// Waits for the message with these words.
    pub(super) async fn told(&self, words: &str) -> anyhow::Result<Message> {
        until(TOLD, words, async || Ok(self.messages().into_iter().find(|message| message.words().contains(words))))
            .await
            .with_context(|| {
                let told: Vec<String> = self.messages().iter().map(Message::words).collect();
                format!("the channel was told: {told:?}; refused: {:?}", self.world.slack.problems())
            })
    }

    /// Waits for the message with this button.
    pub(super) async fn offered(&self, label: &str) -> anyhow::Result<(Message, Button)> {
        let offered = |message: Message| button(&message, label).map(|button| (message, button));
        until(TOLD, label, async || Ok(self.messages().into_iter().find_map(offered))).await
    }

    /// How many files with these first letters of a finding's id are in quarantine.
    pub(super) async fn quarantined(&self, ids: &str) -> anyhow::Result<usize> {
        let bucket = self.deployment.output("QuarantineBucket")?;
        let listed = self.world.s3.list_objects_v2().bucket(bucket).prefix(format!("objects/{ids}")).send().await;
        Ok(listed.context("list the quarantine bucket")?.contents().len())
    }
}

/// Has Macie, which the local cloud plays, publish this finding.
pub(super) async fn publish(world: &World, finding: &Value) -> anyhow::Result<()> {
    let url = format!("{}/_local/macie/findings", world.cloud_url);
    let answer = http()?.post(&url).body(finding.to_string()).send().await.context("publish a finding")?;
    ensure!(answer.status().is_success(), "the local cloud refused a finding: {}", answer.status());
    Ok(())
}
