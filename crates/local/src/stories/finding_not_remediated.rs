use anyhow::{Context as _, ensure};
use aws_sdk_s3::{
    Client,
    config::Region,
    primitives::ByteStream,
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, ServerSideEncryption,
        VersioningConfiguration,
    },
};
use serde_json::Value;

use super::{
    finding::{Upload, button, discover, read, remediate},
    finding_remediated_automatically::is_about_quarantine,
    obstacles::{NEWER, Obstacle},
};
use crate::{narrator::Narrator, samples, slack::message::Message, world::World};

/// A key that no parameter of the deployment names.
const KEY_OF_OTHERS: &str = "arn:aws:kms:us-east-1:000000000000:key/0f0f0f0f-0000-4000-8000-000000000000";
const ABROAD: &str = "eu-central-1";
const KEY: &str = "people/employees.txt";

/// How a file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bucket {
    Versioned,
    WithoutVersions,
    WithObjectLock,
    UnderKeyOfOthers,
    Abroad,
}

/// One obstacle, and what has to come of it.
struct Case {
    name: &'static str,
    bucket: Bucket,
    obstacle: Obstacle,
    happens: &'static str,
    /// What Slack shows: what happened, and what to do next.
    told: [&'static str; 2],
    /// What the record says, at least.
    recorded: &'static str,
    again: Again,
}

/// Whether the button is there once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    No,
    Yes,
    /// And it moves the file once somebody does this.
    After(&'static str),
}

const CASES: [Case; 10] = [
    Case {
        name: "gone",
        bucket: Bucket::Versioned,
        obstacle: Obstacle::Gone,
        happens: "Somebody deletes the version",
        told: ["The scanned version does not exist any more", "find out who deleted it"],
        recorded: r#"{"outcome": "alreadyGone"}"#,
        again: Again::No,
    },
    Case {
        name: "replaced",
        bucket: Bucket::WithoutVersions,
        obstacle: Obstacle::Replaced,
        happens: "Somebody uploads another file over it",
        told: ["something else than what Macie scanned, and that was left alone", "run a discovery job on the bucket"],
        recorded: r#"{"outcome": "changedSinceScan", "copied": false}"#,
        again: Again::No,
    },
    Case {
        name: "held",
        bucket: Bucket::WithObjectLock,
        obstacle: Obstacle::LegalHold,
        happens: "A lawyer puts the file under a legal hold",
        told: ["A legal hold keeps the scanned version in its bucket", "have the lock lifted"],
        recorded: r#"{"outcome": "locked", "legalHold": true, "copied": false}"#,
        again: Again::After("The hold is lifted"),
    },
    Case {
        name: "locked",
        bucket: Bucket::WithObjectLock,
        obstacle: Obstacle::Retention,
        happens: "Somebody locks the version until tomorrow",
        told: ["Object Lock until <!date^", "have the lock lifted"],
        recorded: r#"{"outcome": "locked", "legalHold": false, "copied": false}"#,
        again: Again::Yes,
    },
    Case {
        name: "unreadable",
        bucket: Bucket::Versioned,
        obstacle: Obstacle::Denied(&["s3:GetObject*"]),
        happens: "The bucket gets a policy under which the remediator may not read it",
        told: [
            "may not be read: a policy refuses it. It is still in its bucket",
            "allow the remediator's role `s3:GetObject`, `s3:GetObjectVersion`",
        ],
        recorded: r#"{"outcome": "accessDenied", "step": "read", "copied": false}"#,
        again: Again::After("The policy is removed"),
    },
    Case {
        name: "tags-unreadable",
        bucket: Bucket::Versioned,
        obstacle: Obstacle::Denied(&["s3:GetObjectVersionTagging"]),
        happens: "The bucket gets a policy under which the remediator may not read the tags",
        told: ["may not be read: a policy refuses it", "their `Tagging`"],
        recorded: r#"{"outcome": "accessDenied", "step": "read", "copied": false}"#,
        again: Again::After("The policy is removed"),
    },
    Case {
        name: "undeletable",
        bucket: Bucket::Versioned,
        obstacle: Obstacle::Denied(&["s3:DeleteObject*"]),
        happens: "The bucket gets a policy under which the remediator may not delete anything",
        told: ["may not be deleted: a policy refuses it", "`s3:DeleteObjectVersion`"],
        recorded: r#"{"outcome": "accessDenied", "step": "delete", "copied": true}"#,
        again: Again::After("The policy is removed"),
    },
    Case {
        name: "key-of-others",
        bucket: Bucket::UnderKeyOfOthers,
        obstacle: Obstacle::FromTheBeginning,
        happens: "The file is encrypted with a KMS key that SourceKmsKeyArns does not name",
        told: ["encrypted with a key that the remediator may not use", "`kms:Decrypt`"],
        recorded: r#"{"outcome": "keyUnusable"}"#,
        again: Again::Yes,
    },
    Case {
        name: "archived",
        bucket: Bucket::WithoutVersions,
        obstacle: Obstacle::Archived,
        happens: "A lifecycle rule moves the file to GLACIER",
        told: ["in the archive class `GLACIER`", "restore the object in the S3 console"],
        recorded: r#"{"outcome": "archived", "storageClass": "GLACIER"}"#,
        again: Again::After("Somebody has S3 make a readable copy"),
    },
    Case {
        name: "abroad",
        bucket: Bucket::Abroad,
        obstacle: Obstacle::FromTheBeginning,
        happens: "The bucket is in another Region",
        told: ["in another Region than this deployment", "deploy this stack in the bucket's Region"],
        recorded: r#"{"outcome": "otherRegion"}"#,
        again: Again::No,
    },
];

/// Between the question and the answer something comes in the way of each of ten files. Each ends in its own way: with a
/// sentence, a next step, a record, and the file where the record says. Where the obstacle can be removed, the button
/// moves the file after all.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    for case in &CASES {
        case.play(world, narrator).await.with_context(|| case.name)?;
    }
    Ok(())
}

impl Case {
    async fn play(&self, world: &World, narrator: &Narrator) -> anyhow::Result<()> {
        let s3 = self.bucket.client(world);
        let file = self.upload(world, &s3, narrator).await?;
        discover(world, narrator, &file.bucket).await?;
        let asked = file.message(world, narrator, "a question", |message| remediate(message).is_some()).await?;
        narrator.step(&format!("{}; @alice presses Remediate", self.happens));
        self.obstacle.arise(world, &file).await?;
        let button = remediate(&asked).context("the question has no button Remediate")?;
        world.slack.click(&asked, &button, &world.alice).await?;

        let [what, next] = self.told;
        let told = file.message(world, narrator, what, |message| message.words().contains(what)).await?;
        ensure!(told.ts == asked.ts, "the question was not replaced");
        ensure!(told.words().contains(next), "the message does not say what to do next ({next}): {}", told.words());
        let record = record(world, &told).await?;
        self.is_recorded(&record, &world.alice.id)?;
        self.is_where_the_record_says(world, &s3, &file).await?;
        narrator.fact("the record says the same, and the file is where it says");

        let again = button_again(&told);
        ensure!(again.is_some() == (self.again != Again::No), "the button Remediate again: {again:?}");
        let (Again::After(removal), Some(again)) = (self.again, again) else {
            return Ok(());
        };
        narrator.step(&format!("{removal}, and @alice presses Remediate again"));
        self.obstacle.vanish(world, &file).await?;
        world.slack.click(&told, &again, &world.alice).await?;
        file.message(world, narrator, "the outcome", is_about_quarantine).await?;
        file.is_quarantined(world, narrator, &world.alice.id).await
    }

    async fn upload(&self, world: &World, s3: &Client, narrator: &Narrator) -> anyhow::Result<Upload> {
        let bucket = format!("{}-not-moved-{}", world.deployment.name, self.name);
        let create =
            s3.create_bucket().bucket(&bucket).object_lock_enabled_for_bucket(self.bucket == Bucket::WithObjectLock);
        let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(ABROAD));
        let place = (self.bucket == Bucket::Abroad).then(|| place.build());
        let create = create.set_create_bucket_configuration(place).send().await;
        create.with_context(|| format!("create the bucket {bucket}"))?;
        if !matches!(self.bucket, Bucket::WithoutVersions | Bucket::WithObjectLock) {
            let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
            let put = s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioning).send();
            put.await.context("turn versioning on")?;
        }
        let content = samples::data("employee-records.txt")?;
        let put = s3.put_object().bucket(&bucket).key(KEY).content_type("text/plain").tagging("team=payroll");
        let put = if self.bucket == Bucket::UnderKeyOfOthers {
            put.server_side_encryption(ServerSideEncryption::AwsKms).ssekms_key_id(KEY_OF_OTHERS)
        } else {
            put
        };
        let put = put.body(ByteStream::from(content.clone())).send().await;
        let version = put.with_context(|| format!("upload {KEY}"))?.version_id.unwrap_or_default();
        narrator.step(&format!("Somebody uploads {KEY} to {bucket}"));
        Ok(Upload { bucket, key: KEY.to_owned(), version, content })
    }

    fn is_recorded(&self, record: &Value, by: &str) -> anyhow::Result<()> {
        let expected: Value = serde_json::from_str(self.recorded)?;
        for (name, value) in expected.as_object().into_iter().flatten() {
            ensure!(record["state"].get(name) == Some(value), "the record does not say {name}: {value}: {record}");
        }
        ensure!(record["state"]["told"] == true, "the record does not say that Slack was told: {record}");
        ensure!(record.to_string().contains(by), "the record does not say who decided: {record}");
        Ok(())
    }

    /// The version is where it was, unless somebody else took it away, and a copy lies in quarantine only if the record
    /// says so.
    async fn is_where_the_record_says(&self, world: &World, s3: &Client, file: &Upload) -> anyhow::Result<()> {
        let listed = s3.list_object_versions().bucket(&file.bucket).send().await.context("list the versions")?;
        let there: Vec<_> = listed.versions().iter().map(|version| (version.version_id(), version.size())).collect();
        let version = if file.version.is_empty() { "null" } else { &file.version };
        let size = if self.obstacle == Obstacle::Replaced { NEWER.len() } else { file.content.len() };
        let expected = if self.obstacle == Obstacle::Gone {
            Vec::new()
        } else {
            vec![(Some(version), Some(i64::try_from(size)?))]
        };
        ensure!(there == expected, "{there:?} is in the bucket, not {expected:?}");
        ensure!(listed.delete_markers().is_empty(), "a delete marker hides the file");
        let copied = self.recorded.contains(r#""copied": true"#);
        ensure!(file.lies_in_quarantine(world).await?.is_some() == copied, "a copy in quarantine: expected {copied}");
        Ok(())
    }
}

impl Bucket {
    /// A client for the bucket's Region.
    fn client(self, world: &World) -> Client {
        let config = aws_sdk_s3::config::Builder::from(&world.aws);
        let region = (self == Self::Abroad).then(|| Region::new(ABROAD));
        Client::from_conf(if region.is_some() { config.region(region) } else { config }.build())
    }
}

fn button_again(message: &Message) -> Option<crate::slack::message::Button> {
    button(message, "Remediate again")
}

/// The record that a message names.
async fn record(world: &World, message: &Message) -> anyhow::Result<Value> {
    let words = message.words();
    let id =
        words.split("cases/").nth(1).and_then(|rest| rest.split('/').next()).context("the message names no record")?;
    let quarantine = world.deployment.output("QuarantineBucket")?;
    let body = read(world, quarantine, &format!("cases/{id}/manifest.json")).await?;
    serde_json::from_slice(&body).context("the record is no JSON")
}
