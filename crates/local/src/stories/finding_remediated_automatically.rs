use anyhow::ensure;

use super::finding::{Upload, discover, remediate};
use crate::{narrator::Narrator, samples, slack::message::Message, world::World};

const STORY: &str = "finding-remediated-automatically";

/// Card numbers in a file: Macie finds them, the file goes to quarantine at once, the channel is told.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [("exports/cards.txt", samples::data("customer-payments.txt")?)];
    let [file] = Upload::to_new_bucket(world, narrator, STORY, files).await?;
    discover(world, narrator, &file.bucket).await?;
    quarantined_at_once(world, narrator, &file).await
}

/// What is claimed of a finding of a type that is set to AUTO.
pub(super) async fn quarantined_at_once(world: &World, narrator: &Narrator, file: &Upload) -> anyhow::Result<()> {
    let message = file.message(world, narrator, "what was done", is_about_quarantine).await?;
    ensure!(remediate(&message).is_none(), "there is a button Remediate, but nothing to decide");
    ensure!(message.buttons().iter().any(|button| button.label == "Restore"), "there is no button to undo it");
    file.is_quarantined(world, narrator, "policy").await?;
    ensure!(file.messages(world).len() == 1, "the channel was told more than once");
    Ok(())
}

/// Names the quarantine bucket as the place where the object is.
pub(super) fn is_about_quarantine(message: &Message) -> bool {
    message.words().to_lowercase().contains("quarantined")
}
