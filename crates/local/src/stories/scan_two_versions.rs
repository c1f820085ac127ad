use anyhow::ensure;

use super::scan::{
    GATE_FAILED, Put,
    verify::{MAY_GO_ON, MAY_NOT},
};
use crate::{narrator::Narrator, samples, world::World};

const KEY: &str = "orders/scan-two-versions.zip";

/// Two uploads that CodeBuild scans at the same time, and two that nobody scans.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let place = world.deployment.code_scan();
    let mut others = Vec::new();
    for key in ["orders/scan-two-versions.txt", "orders/scan-two-versions.zip.sha256"] {
        others.push(Put::new(world, narrator, &place, key, b"not for the scan".to_vec()).await?);
    }
    let first = Put::new(world, narrator, &place, KEY, samples::small_code("vulnerable")?).await?;
    let second = Put::new(world, narrator, &place, KEY, samples::small_code("clean")?).await?;
    ensure!(first.version != second.version, "both uploads are version {}", first.version);
    let (first, second) = (first.scan(world, narrator).await?, second.scan(world, narrator).await?);
    ensure!(first.id != second.id, "both versions are scan {}", first.id);

    let message = first.notification(world, narrator, GATE_FAILED).await?;
    second.ends(world, narrator, "SUCCEEDED PASSED").await?;
    for (scan, verdict) in [(&first, "QUALITY_GATE_FAILED"), (&second, "PASSED")] {
        let report = scan.evidence(world, "report.json").await?;
        let judged = (report["verdict"].as_str(), report["upload"]["versionId"].as_str());
        ensure!(judged == (Some(verdict), Some(&scan.version)), "the report of version {} is {report}", scan.version);
    }
    narrator.fact("each version has its own verdict");
    let again = first.start_again(world, narrator).await?;
    again.ends(world, narrator, "SUCCEEDED DUPLICATE").await?;
    ensure!(first.messages(world).len() == 1, "the channel was told of a duplicate");
    narrator.fact("an event that is delivered twice starts no second scan");
    first.press(world, narrator, &message, "Reject").await?;
    first.ends(world, narrator, "SUCCEEDED REJECTED").await?;
    first.verify(world, narrator, MAY_NOT, "REJECTED").await?;
    second.verify(world, narrator, MAY_GO_ON, "PASSED").await?;
    for other in others {
        let started = other.executions(world).await?;
        ensure!(started.is_empty(), "{} started {started:?}", other.key);
    }
    narrator.fact("what is not called *.zip started nothing");
    Ok(())
}
