use anyhow::{Context as _, ensure};

use super::scan::{
    GATE_FAILED, Scan,
    verify::{MAY_GO_ON, MAY_NOT},
};
use crate::{narrator::Narrator, samples, world::World};

const KEY: &str = "payments/scan-decision-forged.zip";

/// Upload, failed gate, notification; then somebody with the task token says that it is approved.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scan = Scan::upload(world, narrator, KEY, samples::small_code("vulnerable")?).await?;
    let message = scan.notification(world, narrator, GATE_FAILED).await?;
    let task = scan.evidence(world, "task.json").await?;
    let token = task["taskToken"].as_str().context("there is no task token")?;
    narrator.step("Somebody with the task token tells the state machine that it is approved");
    let forged = world.sfn.send_task_success().task_token(token).output("{\"outcome\":\"APPROVED\"}");
    forged.send().await.context("end the wait")?;
    let told = scan.another(world, narrator, "no decision on it is recorded").await?;
    ensure!(told.words().contains("CloudTrail"), "the notification does not say where to look: {}", told.words());
    scan.ends(world, narrator, "FAILED PipelineFailed").await?;
    scan.verify(world, narrator, MAY_NOT, "waits for a decision").await?;
    ensure!(scan.mails(world).await?.is_empty(), "a mail was sent");

    let dead = scan.press(world, narrator, &message, "Approve").await?;
    ensure!(dead.text.contains("the scan is over"), "a press on a dead execution was answered with {}", dead.text);
    scan.verify(world, narrator, MAY_NOT, "waits for a decision").await?;
    ensure!(scan.mails(world).await?.is_empty(), "a mail was sent");

    let again = scan.start_again(world, narrator).await?;
    let question = again.question(world, narrator).await?;
    let reply = scan.press(world, narrator, &message, "Approve").await?;
    ensure!(reply.text.contains("this version was scanned again"), "the old button was answered with {}", reply.text);
    again.verify(world, narrator, MAY_NOT, "waits for a decision").await?;
    again.press(world, narrator, &question, "Approve").await?;
    again.ends(world, narrator, "SUCCEEDED APPROVED").await?;
    again.verify(world, narrator, MAY_GO_ON, "APPROVED").await
}
