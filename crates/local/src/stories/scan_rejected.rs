use anyhow::ensure;

use super::scan::{
    GATE_FAILED, Scan,
    verify::{MAY_NOT, verify},
};
use crate::{narrator::Narrator, samples, world::World};

const KEY: &str = "payments/scan-rejected.zip";

/// Upload, failed gate, notification, Reject, mail; and what a pipeline is told before and after.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scan = Scan::upload(world, narrator, KEY, samples::small_code("vulnerable")?).await?;
    let message = scan.notification(world, narrator, GATE_FAILED).await?;
    scan.verify(world, narrator, MAY_NOT, "waits for a decision").await?;
    let expiry = format!("{{\"expire\":\"{}\"}}", scan.id);
    let reply = scan.run(world, narrator, &message, &expiry).await?;
    ensure!(reply.text.contains("Nothing was decided"), "a forged expiry was answered with {}", reply.text);
    scan.press(world, narrator, &message, "Reject").await?;
    scan.mail(world, narrator).await?;
    scan.ends(world, narrator, "SUCCEEDED REJECTED").await?;
    let decision = scan.evidence(world, "decision.json").await?;
    ensure!(decision.to_string().contains("REJECTED"), "the decision is {decision}");
    narrator.fact("the decision is in the evidence bucket");
    scan.verify(world, narrator, MAY_NOT, "REJECTED").await?;
    verify(world, narrator, &scan.place, &scan.key, Some("another-version"), MAY_NOT, "was not judged").await?;
    verify(world, narrator, &scan.place, "payments/unknown.zip", Some(&scan.version), MAY_NOT, "was not judged").await
}
