use anyhow::ensure;

use super::scan::{PIPELINE_FAILED, Scan, verify::MAY_NOT};
use crate::{narrator::Narrator, world::World};

const KEY: &str = "payments/scan-broken.zip";

/// Upload of something else, failed pipeline, notification without buttons.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scan = Scan::upload(world, narrator, KEY, b"this is no zip".to_vec()).await?;
    let message = scan.notification(world, narrator, PIPELINE_FAILED).await?;
    ensure!(message.offers.is_empty(), "there is a button, but no verdict to accept");
    scan.ends(world, narrator, "FAILED PipelineFailed").await?;
    ensure!(scan.messages(world).len() == 1, "the channel was told more than once");
    ensure!(scan.mails(world).await?.is_empty(), "a mail was sent");
    scan.verify(world, narrator, MAY_NOT, "PIPELINE_FAILED").await
}
