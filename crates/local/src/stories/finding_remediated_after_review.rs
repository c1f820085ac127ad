use anyhow::{Context as _, ensure};

use super::{
    finding::{Upload, discover, private_word, remediate},
    finding_remediated_automatically::is_about_quarantine,
};
use crate::{narrator::Narrator, samples, world::World};

const STORY: &str = "finding-remediated-after-review";

/// Personal data in a file: Macie finds it, the channel is asked, and who may decide does.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [("people/contacts.txt", samples::data("employee-records.txt")?)];
    let [file] = Upload::to_new_bucket(world, narrator, STORY, files).await?;
    discover(world, narrator, &file.bucket).await?;
    quarantined_after_a_click(world, narrator, &file).await
}

/// What is claimed of a finding of a type that is set to REVIEW.
pub(super) async fn quarantined_after_a_click(world: &World, narrator: &Narrator, file: &Upload) -> anyhow::Result<()> {
    let asked = file.message(world, narrator, "a question", |message| remediate(message).is_some()).await?;
    let button = remediate(&asked).context("the question has no button Remediate")?;
    ensure!(button.style.as_deref() == Some("danger"), "the button does not warn");
    let confirm = button.confirm.as_ref().context("the button has no confirm dialog")?;
    narrator.fact(&format!("before it sends the click, Slack asks: {}", confirm.title));
    ensure!(file.is_in_place(world).await?, "the file was moved before anybody decided");

    narrator.step("@mallory, who may not, presses Remediate");
    let refused = world.slack.click(&asked, &button, &world.mallory).await?;
    ensure!(refused.status == 200, "the refusal has status {}", refused.status);
    ensure!(file.is_in_place(world).await?, "the file was moved for somebody who may not");
    ensure!(world.slack.message(&asked.ts).as_ref() == Some(&asked), "the question changed for somebody who may not");
    private_word(world, narrator, &world.mallory, "not on the list").await?;
    narrator.fact("nothing moved, and the question stands");

    narrator.step("@alice, who may, presses Remediate and confirms");
    let accepted = world.slack.click(&asked, &button, &world.alice).await?;
    ensure!(accepted.status == 200 && accepted.body.is_empty(), "the click was answered with {accepted:?}");
    narrator.fact(&format!("the click was acknowledged after {} ms", accepted.took.as_millis()));
    let done = file.message(world, narrator, "the outcome", is_about_quarantine).await?;
    ensure!(done.ts == asked.ts && done.edits > 0, "the question was not updated");
    ensure!(remediate(&done).is_none(), "the button is still there");
    file.is_quarantined(world, narrator, &world.alice.id).await?;

    narrator.step("@alice presses again, in a window that still shows the button");
    let again = world.slack.click(&asked, &button, &world.alice).await?;
    ensure!(again.status == 200, "the second click has status {}", again.status);
    private_word(world, narrator, &world.alice, "already").await?;
    file.is_quarantined(world, &Narrator::quiet(), &world.alice.id).await?;
    narrator.fact("the first decision stands");
    Ok(())
}
