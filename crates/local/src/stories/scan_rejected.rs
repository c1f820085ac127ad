use anyhow::ensure;

use super::scan::{GATE_FAILED, Scan};
use crate::{narrator::Narrator, samples, world::World};

/// Upload, failed gate, notification, Reject, mail, failed execution.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scan = Scan::upload(world, narrator, "payments/scan-rejected.zip", samples::code("vulnerable")?).await?;
    let message = scan.notification(world, narrator, GATE_FAILED).await?;
    scan.press(world, narrator, &message, "Reject").await?;
    scan.mail(world, narrator).await?;
    scan.ends(world, narrator, "FAILED ScanRejected").await?;
    let decision = scan.evidence(world, "decision.json").await?;
    ensure!(decision.to_string().contains("REJECTED"), "the decision is {decision}");
    narrator.fact("the decision is in the evidence bucket");
    Ok(())
}
