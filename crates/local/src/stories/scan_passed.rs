use anyhow::ensure;

use super::scan::Scan;
use crate::{narrator::Narrator, samples, slack::message::Message, world::World};

/// Upload, passed gate, silence.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scan = Scan::upload(world, narrator, "shop/scan-passed.zip", samples::code("clean")?).await?;
    scan.ends(world, narrator, "SUCCEEDED").await?;
    let told = scan.messages(world);
    ensure!(told.is_empty(), "the channel was disturbed: {}", told.first().map(Message::words).unwrap_or_default());
    ensure!(scan.mails(world).await?.is_empty(), "a mail was sent");
    narrator.fact("no message, no mail: the channel stays silent");
    Ok(())
}
