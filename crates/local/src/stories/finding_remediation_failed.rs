use anyhow::{Context as _, ensure};

use super::{
    finding::button,
    obstacles::{add_to_policy, refusal, set_policy},
    own_deployment::OwnDeployment,
};
use crate::{narrator::Narrator, world::World};

/// The id of the finding begins so.
const ID: &str = "cd";
const KEY: &str = "exports/not-recorded.txt";

/// Every try of a remediation fails: it comes back by the queue, and the channel is told. Mended, the button goes on.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let own = OwnDeployment::create(world, "failing", [("CustomIdentifierAction", "REVIEW")]).await?;
    own.publish_one(ID, KEY).await?;
    let (asked, remediate) = own.offered("Remediate").await?;
    own.show(narrator, &asked);

    let quarantine = own.deployment.output("QuarantineBucket")?;
    let records = format!("arn:aws:s3:::{quarantine}/cases/*");
    let refused = refusal(world, &own.deployment, &["s3:PutObject"], &[&records]).await?;
    let before = add_to_policy(world, quarantine, refused).await?;
    narrator.step("Somebody changes the quarantine's policy: the remediator cannot write its records any more");
    narrator.step("@alice presses Remediate; Lambda tries three times, then gives the request back to the queue");
    world.slack.click(&asked, &remediate, &world.alice).await?;

    let failed = own.told("Quarantine failed").await?;
    own.show(narrator, &failed);
    ensure!(failed.ts == asked.ts, "the question was not replaced");
    for words in ["trying again did not help (`RecordWriteFailed`)", "look into the log of the finding remediator"] {
        ensure!(failed.words().contains(words), "the message does not say {words}: {}", failed.words());
    }
    ensure!(own.quarantined(ID).await? == 0, "something was copied without a record of it");
    let head = world.s3.head_object().bucket(&own.bucket).key(KEY).send().await;
    head.context("the file is gone from its bucket")?;
    narrator.fact("the file is where it was: nothing is moved that cannot be recorded");

    set_policy(world, quarantine, before).await?;
    narrator.step("The policy is set back, and @alice presses Remediate again");
    let again = button(&failed, "Remediate again").context("it cannot be tried again")?;
    world.slack.click(&failed, &again, &world.alice).await?;
    let done = own.told("Object quarantined").await?;
    own.show(narrator, &done);
    ensure!(done.ts == asked.ts, "the message was not replaced");
    ensure!(done.words().contains(&world.alice.id), "the message does not say who decided");
    ensure!(own.quarantined(ID).await? == 1, "the file is not in quarantine");
    own.end().await
}
