//! The test of the notifications that docs/code-scan.md describes.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use local::{narrator::Narrator, until::until, world::World};

pub(crate) async fn the_test_of_the_documents_reaches_the_channel(world: &World, _: &Narrator) -> anyhow::Result<()> {
    let message = std::fs::read_to_string(local::checkout().join("samples/events/notification.test.json"))?;
    let topic = world.deployment.output("NotificationTopicArn")?;
    world.sns.publish().topic_arn(topic).message(message).send().await.context("publish the test")?;
    let shown = until(Duration::from_secs(20), "the test notification", async || {
        let messages = world.slack.messages(&world.deployment.scan_channel);
        Ok(messages.into_iter().find(|message| message.words().contains("Test of the code scan notifications")))
    })
    .await?;
    ensure!(shown.offers.is_empty(), "there are buttons, and nothing to decide");
    Ok(())
}
