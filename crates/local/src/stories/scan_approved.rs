use anyhow::ensure;

use super::scan::{GATE_FAILED, Scan, offer, verify::MAY_GO_ON};
use crate::{narrator::Narrator, samples, world::World};

/// Upload, failed gate, notification, Approve, mail; and a second click, which decides nothing.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scan = Scan::upload(world, narrator, "payments/scan-approved.zip", samples::code("vulnerable")?).await?;
    let message = scan.notification(world, narrator, GATE_FAILED).await?;
    let words = message.words();
    for (place, rule) in [
        ("invoices/ledger.py:33", "python:S4830"),
        ("invoices/mail.py:13", "python:S4423"),
        ("invoices/session.py:13", "python:S5659"),
    ] {
        ensure!(words.contains(rule) && words.contains(place), "the notification does not name {rule} at {place}");
    }
    offer(&message, "Reject")?;
    let report = scan.evidence(world, "report.json").await?;
    ensure!(report.to_string().contains(&scan.version), "the report does not name the version: {report}");
    ensure!(report["unread"].is_null(), "the server did not tell all that was asked: {report}");
    narrator.fact("the report is in the evidence bucket, and the execution waits for a decision");
    ensure!(scan.mails(world).await?.is_empty(), "a mail was sent before anybody decided");

    let reply = scan.press(world, narrator, &message, "Approve").await?;
    ensure!(reply.text.contains("Approval Email sent successfully"), "the reply is {}", reply.text);
    scan.mail(world, narrator).await?;
    scan.ends(world, narrator, "SUCCEEDED APPROVED").await?;
    let decision = scan.evidence(world, "decision.json").await?;
    ensure!(decision["outcome"] == "APPROVED", "the decision is {decision}");
    ensure!(decision["upload"] == report["upload"], "the decision is not about {}: {decision}", report["upload"]);
    narrator.fact("the decision is in the evidence bucket");

    let late = scan.press(world, narrator, &message, "Reject").await?;
    ensure!(late.text.contains("Nothing changed"), "the late click was answered with {}", late.text);
    ensure!(scan.evidence(world, "decision.json").await? == decision, "the late click changed the decision");
    ensure!(scan.mails(world).await?.len() == 1, "the late click sent another mail");
    narrator.fact("the first decision stands, and no second mail was sent");
    scan.verify(world, narrator, MAY_GO_ON, "APPROVED").await?;
    scan.hides_the_tokens(world).await
}
