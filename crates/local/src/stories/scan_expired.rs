use anyhow::ensure;

use super::scan::{GATE_FAILED, Scan, verify::MAY_NOT};
use crate::{narrator::Narrator, samples, world::World};

/// Three minutes in place of the template's three days: the least that it takes.
const HOURS: &str = "0.05";

/// Upload, failed gate, notification, silence; and a click that comes too late.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let place = world.another_code_scan(narrator, "expiring", [("ApprovalExpiryHours", HOURS)]).await?;
    let zip = samples::small_code("vulnerable")?;
    let scan = Scan::upload_to(world, narrator, &place, "payments/scan-expired.zip", zip).await?;
    let message = scan.notification(world, narrator, GATE_FAILED).await?;
    scan.another(world, narrator, "expired without a decision").await?;
    scan.ends(world, narrator, "SUCCEEDED EXPIRED").await?;
    let decision = scan.evidence(world, "decision.json").await?;
    ensure!(decision.to_string().contains("EXPIRED"), "the decision is {decision}");

    let late = scan.press(world, narrator, &message, "Approve").await?;
    ensure!(late.text.contains("left undecided until it expired"), "the late click was answered with {}", late.text);
    ensure!(scan.evidence(world, "decision.json").await? == decision, "the late click changed the decision");
    ensure!(scan.mails(world).await?.is_empty(), "a mail was sent");
    narrator.fact("the late click changed nothing");
    scan.verify(world, narrator, MAY_NOT, "EXPIRED").await
}
