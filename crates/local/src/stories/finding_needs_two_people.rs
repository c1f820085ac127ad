use anyhow::{Context as _, ensure};

use super::{
    finding::{Upload, discover, private_word, remediate},
    finding_remediated_automatically::is_about_quarantine,
};
use crate::{narrator::Narrator, samples, world::World};

const STORY: &str = "finding-needs-two-people";
/// So often the sample's data makes a finding of severity HIGH.
const COPIES: usize = 60;

/// A grave finding: one person is not enough, and the same one twice is one.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [("payroll/all-years.txt", samples::data("employee-records.txt")?.repeat(COPIES))];
    let [file] = Upload::to_new_bucket(world, narrator, STORY, files).await?;
    discover(world, narrator, &file.bucket).await?;
    let asked = file.message(world, narrator, "a question", |message| remediate(message).is_some()).await?;
    ensure!(asked.words().contains("Two people"), "the question does not say that two people have to agree");
    let button = remediate(&asked).context("the question has no button")?;

    narrator.step("@alice presses Remediate");
    let first = world.slack.click(&asked, &button, &world.alice).await?;
    ensure!(first.status == 200 && first.body.is_empty(), "the click was answered with {first:?}");
    let waiting = file.message(world, narrator, "the wait", |message| message.edits > 0).await?;
    ensure!(waiting.ts == asked.ts && waiting.words().contains(&world.alice.id), "the message does not say who agreed");
    ensure!(waiting.words().contains("one more person"), "the message does not say that one more is needed");
    ensure!(file.is_in_place(world).await?, "the file was moved for one person");
    narrator.fact("nothing moved; the message says who agreed, and that one more person is needed");

    narrator.step("@alice presses again");
    let button = remediate(&waiting).context("the second person has no button")?;
    world.slack.click(&waiting, &button, &world.alice).await?;
    private_word(world, narrator, &world.alice, "agreed already").await?;
    ensure!(file.is_in_place(world).await?, "the file was moved for the same person twice");
    ensure!(file.record(world, "claim.json").await.is_err(), "one person claimed the case");

    narrator.step("@bob presses Remediate");
    world.slack.click(&waiting, &button, &world.bob).await?;
    let done = file.message(world, narrator, "the outcome", is_about_quarantine).await?;
    ensure!(done.ts == asked.ts, "another message was changed");
    for person in [&world.alice, &world.bob] {
        ensure!(done.words().contains(&person.id), "the message does not name @{}", person.name);
        file.is_quarantined(world, &Narrator::quiet(), &person.id).await?;
    }
    narrator.fact("the object is in quarantine, and the record names both");
    Ok(())
}
