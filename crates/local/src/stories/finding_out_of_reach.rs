use anyhow::{Context as _, ensure};

use super::own_deployment::OwnDeployment;
use crate::{narrator::Narrator, world::World};

/// The id of the finding begins so.
const ID: &str = "cf";
const KEY: &str = "exports/out-of-reach.txt";

/// The deployment is narrowed to other buckets after a question was posted: the button under it moves nothing, and says
/// why. Widened again, it does what it says.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let own = OwnDeployment::create(world, "narrowed", [("CustomIdentifierAction", "REVIEW")]).await?;
    narrator.step("A deployment of its own, which may touch every bucket and asks first");
    own.publish_one(ID, KEY).await?;
    let (asked, remediate) = own.offered("Remediate").await?;
    own.show(narrator, &asked);

    own.set([("SourceBucketPattern", "acme-inbox-*")]).await?;
    narrator.step("Somebody deploys again with SourceBucketPattern=acme-inbox-*; @alice presses Remediate");
    world.slack.click(&asked, &remediate, &world.alice).await?;
    let refused = own.told("does not match `SourceBucketPattern`").await?;
    own.show(narrator, &refused);
    ensure!(refused.only_for.as_ref() == Some(&world.alice.id), "the refusal is not for @alice alone");
    for words in ["Nothing was changed", "Act by hand, or change that parameter"] {
        ensure!(refused.words().contains(words), "the refusal does not say {words}: {}", refused.words());
    }
    ensure!(own.quarantined(ID).await? == 0, "something was copied into quarantine");
    let head = world.s3.head_object().bucket(&own.bucket).key(KEY).send().await;
    head.context("the file is gone from its bucket")?;
    narrator.fact("the file is where it was, and nothing is in quarantine");

    own.set([("SourceBucketPattern", "*")]).await?;
    narrator.step("Somebody takes that back; @alice presses the same button");
    world.slack.click(&asked, &remediate, &world.alice).await?;
    let done = own.told("Object quarantined").await?;
    own.show(narrator, &done);
    ensure!(done.ts == asked.ts, "the question was not replaced");
    ensure!(own.quarantined(ID).await? == 1, "the file is not in quarantine");
    own.end().await
}
