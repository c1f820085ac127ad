use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_sfn::types::ExecutionStatus;

use super::scan::{GATE_FAILED, Scan, verify::MAY_GO_ON};
use crate::{narrator::Narrator, samples, until::until, world::World};

/// Nobody has verified it in SES.
const SENDER: &str = "releases@unverified.example.org";
/// The state machine leaves the mail to the press for a minute, and then tries again.
const RETRIED: Duration = Duration::from_mins(5);

/// Approve, refused mail; the sender is verified, and nobody presses again.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let changed = [("SESEmail", SENDER), ("SESIdentity", ""), ("SESConfigurationSet", "")];
    let place = world.another_code_scan(narrator, "unverified", changed).await?;
    let zip = samples::small_code("vulnerable")?;
    let scan = Scan::upload_to(world, narrator, &place, "payments/scan-mail-refused.zip", zip).await?;
    let message = scan.notification(world, narrator, GATE_FAILED).await?;
    let reply = scan.press(world, narrator, &message, "Approve").await?;
    for words in ["This scan is approved, but the mail was not sent", "verify the sender in SES", "tries again"] {
        ensure!(reply.text.contains(words), "the reply does not say `{words}`: {}", reply.text);
    }
    scan.announced(world, narrator, "APPROVED").await?;
    scan.verify(world, narrator, MAY_GO_ON, "APPROVED").await?;
    let execution = scan.execution(world).await?;
    ensure!(*execution.status() == ExecutionStatus::Running, "the execution has given the mail up");
    ensure!(scan.mails(world).await?.is_empty(), "SES took the mail");
    let decision = scan.evidence(world, "decision.json").await?;
    narrator.fact("pipelines may go on; only the mail is missing");

    narrator.step("Somebody verifies the sender in SES");
    let ses = aws_sdk_sesv2::Client::new(&world.aws);
    ses.create_email_identity().email_identity(SENDER).send().await.context("verify the sender")?;
    let mail = until(RETRIED, "the mail", async || Ok(scan.mails(world).await?.into_iter().next())).await?;
    narrator.step("The developers read their mail");
    narrator.mail(&mail);
    ensure!(mail.from.contains(SENDER) && mail.subject.ends_with("approved"), "the mail is {mail:?}");
    scan.ends(world, narrator, "SUCCEEDED APPROVED").await?;
    ensure!(scan.mails(world).await?.len() == 1, "more than one mail was sent");
    ensure!(scan.evidence(world, "decision.json").await? == decision, "the decision changed");
    narrator.fact("one decision, one mail");
    Ok(())
}
