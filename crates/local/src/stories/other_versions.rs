use anyhow::{Context as _, ensure};

use super::{
    finding::{Upload, button, discover},
    finding_remediated_automatically::is_about_quarantine,
    finding_restored::says,
};
use crate::{narrator::Narrator, samples, world::World};

const STORY: &str = "other-versions";

/// The scanned version is quarantined; the others of its key are listed, and follow on request.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [("exports/cards.txt", samples::data("customer-payments.txt")?)];
    let [mut file] = Upload::to_new_bucket(world, narrator, STORY, files).await?;
    let first = file.version.clone();
    file.version = file.overwrite(world, CARDS).await?;
    file.content = CARDS.to_vec();
    narrator.step(&format!("Somebody uploads {} once more (version {})", file.key, file.version));
    discover(world, narrator, &file.bucket).await?;
    let done = file.message(world, narrator, "the outcome", is_about_quarantine).await?;
    ensure!(done.words().contains(&first), "the result does not list the other version: {}", done.words());
    let all = button(&done, "Quarantine all versions").context("the result has no button for the other versions")?;
    ensure!(all.confirm.is_some(), "the button does not ask first");

    narrator.step("@alice presses Quarantine all versions and confirms");
    world.slack.click(&done, &all, &world.alice).await?;
    file.message(world, narrator, "the other versions", says("All versions quarantined")).await?;
    let left = world.s3.list_object_versions().bucket(&file.bucket).prefix(&file.key).send().await?;
    ensure!(left.versions().is_empty(), "versions are left: {:?}", left.versions());
    let other = Upload { version: first, ..file };
    let record = other.record(world, "manifest.json").await?;
    ensure!(record.to_string().contains(&world.alice.id), "the version's record does not say who decided: {record}");
    narrator.fact("no version is left in the bucket, and each has a record of its own");
    Ok(())
}

const CARDS: &[u8] =
    b"name,card\nAda Adams,4111 1111 1111 1111\nBen Brown,5500 0000 0000 0004\nCy Clark,3400 0000 0000 009\n";
