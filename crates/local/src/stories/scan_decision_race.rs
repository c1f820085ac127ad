use anyhow::ensure;

use super::scan::{GATE_FAILED, Scan, offer};
use crate::{
    narrator::Narrator,
    samples,
    slack::message::{Message, Offer},
    world::World,
};

const PRESSES: usize = 50;

/// Half of the channel approves while the other half rejects.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scan = Scan::upload(world, narrator, "race/scan-decision-race.zip", samples::small_code("vulnerable")?).await?;
    let message = scan.notification(world, narrator, GATE_FAILED).await?;
    let offers = [offer(&message, "Approve")?, offer(&message, "Reject")?];
    narrator.step(&format!("{PRESSES} presses at once, Approve and Reject by turns"));
    let mut presses = tokio::task::JoinSet::new();
    for offer in offers.into_iter().cycle().take(PRESSES) {
        let (slack, message, offer, alice) =
            (world.slack.clone(), message.clone(), Offer::clone(offer), world.alice.clone());
        presses.spawn(async move { slack.run(&message, &offer, &alice).await });
    }
    let mut replies: Vec<Message> = Vec::new();
    while let Some(reply) = presses.join_next().await {
        replies.push(reply??);
    }

    let decision = scan.evidence(world, "decision.json").await?;
    let outcome = decision["outcome"].as_str().unwrap_or_default().to_owned();
    let (verb, decided) = match outcome.as_str() {
        "APPROVED" => ("approved", "Approval Email sent successfully"),
        _ => ("rejected", "Rejection Email sent successfully"),
    };
    let deciders = replies.iter().filter(|reply| reply.text.contains(decided)).count();
    ensure!(deciders == 1, "{deciders} presses were told that they decided");
    for reply in &replies {
        let answered =
            reply.text.contains(decided) || reply.text.contains(&format!("Nothing changed: this scan was {verb}"));
        ensure!(answered, "a press was answered with {}", reply.text);
    }
    narrator.fact(&format!("one press decided ({outcome}); all {} were told so", replies.len()));
    scan.mail(world, narrator).await?;
    scan.ends(world, narrator, &format!("SUCCEEDED {outcome}")).await?;
    ensure!(scan.mails(world).await?.len() == 1, "more than one mail was sent");
    ensure!(scan.evidence(world, "decision.json").await? == decision, "the decision changed");
    narrator.fact("one decision, one mail");
    Ok(())
}
