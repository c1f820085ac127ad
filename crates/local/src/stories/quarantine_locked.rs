use anyhow::{Context as _, ensure};
use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    types::{ObjectLockMode, ObjectLockRetentionMode},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    finding::{button, read},
    own_deployment::OwnDeployment,
};
use crate::{
    narrator::Narrator,
    permissions::{
        self, Call, Role,
        evaluate::{Refusal, evaluate},
    },
    world::World,
};

/// The id of the finding begins so.
const ID: &str = "ca";
const KEY: &str = "exports/locked.txt";
const INVESTIGATOR: &str = "arn:aws:iam::000000000000:role/forensics/Investigator";
const DAYS: i64 = 2;

/// A quarantine that nobody can delete from for some days, and that one role may read: what is put back out of it stays in
/// it as well.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let days = DAYS.to_string();
    let settings = [
        ("InvestigatorRoleArn", INVESTIGATOR),
        ("QuarantineObjectLockDays", days.as_str()),
        ("SourceBucketPattern", "locked-files"),
    ];
    let own = OwnDeployment::create(world, "locked", settings).await?;
    narrator.step(&format!(
        "A deployment of its own for locked-files, which locks its quarantine for {DAYS} days and lets one role read it"
    ));
    let (id, content) = own.publish_one(ID, KEY).await?;
    let done = own.told("Object quarantined").await?;
    own.show(narrator, &done);

    let quarantine = own.deployment.output("QuarantineBucket")?;
    let copy = format!("objects/{id}/{}/{KEY}", own.bucket);
    let version = is_locked(world, quarantine, &copy).await?;
    narrator.fact(&format!("nobody can delete the copy, not even an administrator, for {DAYS} days"));
    may_read(world, quarantine, &copy).await?;
    narrator.fact("the investigator's role may read it and change nothing; a role with s3:* may not even read it");

    let restore = button(&done, "Restore").context("the result has no button Restore")?;
    narrator.step("@alice presses Restore and confirms");
    world.slack.click(&done, &restore, &world.alice).await?;
    let restored = own.told("Object restored").await?;
    own.show(narrator, &restored);
    ensure!(restored.words().contains("because of Object Lock"), "nobody is told of the copy: {}", restored.words());
    ensure!(read(world, &own.bucket, KEY).await? == content, "the restored bytes are others");
    ensure!(is_locked(world, quarantine, &copy).await? == version, "the copy in quarantine is another one");
    narrator.fact("the file is back, and the locked copy stays in quarantine");
    own.end().await
}

/// Checks that the copy is kept for as long as the deployment says, and that S3 refuses to delete it. Answers with its
/// version.
async fn is_locked(world: &World, bucket: &str, key: &str) -> anyhow::Result<String> {
    let head = world.s3.head_object().bucket(bucket).key(key).send().await.context("look at the copy")?;
    let version = head.version_id.context("the copy has no version")?;
    let retention = world.s3.get_object_retention().bucket(bucket).key(key).version_id(&version).send().await;
    let retention = retention.context("read the lock of the copy")?.retention.context("the copy is not locked")?;
    let mode = retention.mode.context("the lock has no mode")?;
    ensure!(mode == ObjectLockRetentionMode::Governance, "the lock is of the mode {mode}");
    let until = retention.retain_until_date.context("the lock has no end")?;
    let left = Timestamp::from_second(until.secs())?.duration_since(Timestamp::now());
    let days = SignedDuration::from_hours(24 * DAYS);
    ensure!(left <= days && left > days - SignedDuration::from_hours(1), "the lock ends in {left}");
    ensure!(head.object_lock_mode == Some(ObjectLockMode::Governance), "S3 does not show the lock");
    let deleted = world.s3.delete_object().bucket(bucket).key(key).version_id(&version).send().await;
    let refused = deleted.err().context("the locked copy could be deleted")?;
    ensure!(refused.code() == Some("AccessDenied"), "the deletion was refused with {refused:?}");
    Ok(version)
}

/// Holds the policies against what two roles of the account may ask: the investigator's, which has no policy of its own,
/// and one with every permission on every bucket.
async fn may_read(world: &World, bucket: &str, copy: &str) -> anyhow::Result<()> {
    let mut deployed = permissions::deployed(&world.cloud_url).await?;
    let nothing = json!({"Version": "2012-10-17", "Statement": []});
    let (investigator, outsider) = (Role::of_the_account(INVESTIGATOR, "Investigator", nothing)?, Role::outsider()?);
    deployed.roles.extend([investigator.clone(), outsider.clone()]);
    let asked = |role: &Role, action: &str, place: &str| {
        evaluate(&Call::by_role(&role.arn, action, format!("arn:aws:s3:::{bucket}{place}")), &deployed)
    };
    let (copy, record) = (format!("/{copy}"), "/cases/1/manifest.json");
    for action in ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"] {
        for place in [copy.as_str(), record] {
            let answer = asked(&investigator, action, place);
            ensure!(answer.is_ok(), "the investigator is refused {action} on {place}: {answer:?}");
            let answer = asked(&outsider, action, place);
            ensure!(matches!(answer, Err(Refusal::Denied(_))), "anybody may {action} on {place}: {answer:?}");
        }
    }
    for action in ["s3:ListBucket", "s3:ListBucketVersions"] {
        ensure!(asked(&investigator, action, "").is_ok(), "the investigator is refused {action}");
    }
    for action in ["s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:DeleteObjectVersion"] {
        ensure!(asked(&investigator, action, &copy).is_err(), "the investigator may {action}");
    }
    Ok(())
}
