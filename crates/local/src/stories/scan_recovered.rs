use anyhow::ensure;

use super::scan::{
    GATE_FAILED, Scan,
    verify::{MAY_GO_ON, MAY_NOT},
};
use crate::{narrator::Narrator, samples, world::World};

const KEY: &str = "billing/scan-recovered.zip";
const RECOVERED: &str = "Application has recovered";

/// A failed gate, the same project mended, and a message that says so; the first version stays what it was.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let broken = Scan::upload(world, narrator, KEY, samples::small_code("vulnerable")?).await?;
    broken.notification(world, narrator, GATE_FAILED).await?;
    narrator.step("The developer mends the code and uploads it under the same name");
    let mended = Scan::upload(world, narrator, KEY, samples::small_code("clean")?).await?;
    let message = mended.notification(world, narrator, RECOVERED).await?;
    ensure!(message.offers.is_empty(), "there is a button, and nothing to decide");
    mended.ends(world, narrator, "SUCCEEDED PASSED").await?;
    mended.verify(world, narrator, MAY_GO_ON, "PASSED").await?;
    broken.verify(world, narrator, MAY_NOT, "waits for a decision").await
}
