use anyhow::{Context as _, ensure};
use serde_json::json;

use super::scan::{
    GATE_FAILED, Scan,
    verify::{MAY_GO_ON, MAY_NOT},
};
use crate::{narrator::Narrator, samples, world::World};

const KEY: &str = "payments/scan-decision-forged.zip";

/// Upload, failed gate, notification; then somebody with the task token says that it is approved, the next time that it
/// failed, and at last that it failed although it was approved.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scan = Scan::upload(world, narrator, KEY, samples::small_code("vulnerable")?).await?;
    let message = scan.notification(world, narrator, GATE_FAILED).await?;
    narrator.step("Somebody with the task token tells the state machine that it is approved");
    let used = token(world, &scan).await?;
    let forged = world.sfn.send_task_success().task_token(&used);
    forged.output("{\"outcome\":\"APPROVED\"}").send().await.context("end the wait")?;
    let told = scan.another(world, narrator, "no decision on it was recorded").await?;
    ensure!(told.words().contains("CloudTrail"), "the notification does not say where to look: {}", told.words());
    scan.ends(world, narrator, "FAILED PipelineFailed").await?;
    scan.verify(world, narrator, MAY_NOT, "waits for a decision").await?;
    let dead = scan.press(world, narrator, &message, "Approve").await?;
    ensure!(dead.text.contains("the scan is over"), "a press on a dead execution was answered with {}", dead.text);
    scan.verify(world, narrator, MAY_NOT, "waits for a decision").await?;

    let second = scan.start_again(world, narrator).await?;
    second.question(world, narrator).await?;
    let reply = scan.press(world, narrator, &message, "Approve").await?;
    ensure!(reply.text.contains("this version was scanned again"), "the old button was answered with {}", reply.text);
    narrator.step("Somebody with the task token tells the state machine that the pipeline failed");
    let forged = world.sfn.send_task_failure().task_token(token(world, &second).await?);
    forged.error("PipelineFailed").cause("trust me").send().await.context("end the wait")?;
    let told = second.another(world, narrator, "not by the function that checks it").await?;
    ensure!(told.words().contains("SendTaskFailure"), "the notification does not say where to look: {}", told.words());
    second.ends(world, narrator, "FAILED PipelineFailed").await?;
    second.evidence(world, "failed.json").await?;
    ensure!(scan.mails(world).await?.is_empty(), "a mail was sent");

    let third = scan.start_again(world, narrator).await?;
    let question = third.question(world, narrator).await?;
    narrator.step("Somebody approves, and the answer does not reach the execution, whose wait is then ended as failed");
    let held = token(world, &third).await?;
    third.replace_evidence(world, "task.json", &json!({"taskToken": used, "expiryKey": "key"})).await?;
    let reply = third.press(world, narrator, &question, "Approve").await?;
    ensure!(reply.text.contains("Approval Email sent successfully"), "the press was answered with {}", reply.text);
    let forged = world.sfn.send_task_failure().task_token(held);
    forged.error("PipelineFailed").cause("trust me").send().await.context("end the wait")?;
    let told = third.another(world, narrator, "It was approved at").await?;
    ensure!(!told.words().contains("not approved"), "the notification denies the decision: {}", told.words());
    third.ends_as(world, "FAILED PipelineFailed").await?;
    narrator.fact("the mail, the notification, the event and the script say the same");
    third.announced(world, narrator, "APPROVED").await?;
    third.verify(world, narrator, MAY_GO_ON, "APPROVED").await
}

async fn token(world: &World, scan: &Scan) -> anyhow::Result<String> {
    let task = scan.evidence(world, "task.json").await?;
    task["taskToken"].as_str().map(str::to_owned).context("there is no task token")
}
