use anyhow::{Context as _, ensure};

use super::finding::{Upload, discover, option, private_word, remediate};
use crate::{narrator::Narrator, samples, world::World};

const STORY: &str = "finding-dismissed";
const REASON: &str = "Test data";

/// Macie takes made-up data for personal data: somebody says so, and the channel is not asked about it again.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let data = samples::data("employee-records.txt")?;
    let [file] = Upload::to_new_bucket(world, narrator, STORY, [("fixtures/a.txt", data.clone())]).await?;
    discover(world, narrator, &file.bucket).await?;
    let asked = file.message(world, narrator, "a question", |message| remediate(message).is_some()).await?;
    let dismiss = option(&asked, REASON).context("the question has no reason to choose")?;
    let confirm = dismiss.confirm.as_ref().context("the menu has no confirm dialog")?;
    narrator.fact(&format!("before it sends the choice, Slack asks: {}", confirm.title));

    narrator.step("@mallory, who may not, dismisses it");
    ensure!(world.slack.click(&asked, &dismiss, &world.mallory).await?.status == 200, "the refusal is no answer");
    private_word(world, narrator, &world.mallory, "not on the list").await?;
    ensure!(file.record(world, "claim.json").await.is_err(), "somebody who may not decided");

    narrator.step("@alice, who may, chooses “Test data” and confirms");
    let answer = world.slack.click(&asked, &dismiss, &world.alice).await?;
    ensure!(answer.status == 200 && answer.body.is_empty(), "the choice was answered with {answer:?}");
    let dismissed = file.message(world, narrator, "the dismissal", |message| message.edits > 0).await?;
    ensure!(dismissed.ts == asked.ts, "another message was changed");
    ensure!(dismissed.words().contains(&world.alice.id), "the message does not say who dismissed it");
    ensure!(dismissed.words().contains("it is made up"), "the message does not say why");
    ensure!(
        remediate(&dismissed).is_none() && option(&dismissed, REASON).is_none(),
        "there is still something to press"
    );
    ensure!(file.is_in_place(world).await?, "the file was moved");
    let claim = file.record(world, "claim.json").await?;
    ensure!(claim.pointer("/dismissed") == Some(&"test-data".into()), "the claim is {claim}");
    let manifest = file.record(world, "manifest.json").await?;
    ensure!(manifest.pointer("/state/state") == Some(&"dismissed".into()), "the record is {manifest}");
    narrator.fact("nothing moved; the record says who decided, when and why");

    narrator.step("@alice presses Remediate, in a window that still shows the button");
    let button = remediate(&asked).context("the question had no button")?;
    world.slack.click(&asked, &button, &world.alice).await?;
    private_word(world, narrator, &world.alice, "dismissed already").await?;
    ensure!(file.is_in_place(world).await?, "the file was moved after it was dismissed");
    narrator.fact("the first decision stands");

    // The job reports in the order of keys: once the later file is shown, the earlier one was handled.
    let later = file.beside(world, narrator, "fixtures/b.txt", data).await?;
    discover(world, narrator, &file.bucket).await?;
    later.message(world, narrator, "a question", |message| remediate(message).is_some()).await?;
    let about = file.messages(world).into_iter().filter(|message| message.only_for.is_none()).count();
    ensure!(about == 1, "the dismissed file was shown again");
    narrator.fact("the next job finds both files; only the new one is shown");
    Ok(())
}
