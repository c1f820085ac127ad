use anyhow::{Context as _, ensure};

use super::{
    bucket_finding::{BLOCK, ENCRYPT, is_blocked, message, policy_finding, unprotected},
    finding::button,
    obstacles::deny,
    own_deployment::publish,
};
use crate::{narrator::Narrator, slack::message::Message, world::World};

const STORY: &str = "refused-bucket";

/// The policies of two buckets refuse what the buttons need. Each refusal says what to allow; once it is allowed, the
/// button that is there again does it.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let bucket = unprotected(world, narrator, &format!("{}-{STORY}", world.deployment.name)).await?;
    let finding = policy_finding(&bucket, "e0000000000000000000000000000003", "S3BlockPublicAccessDisabled")?;
    publish(world, &finding).await?;
    let case = Case {
        bucket: &bucket,
        label: BLOCK,
        again: "Block public access again",
        denied: "s3:PutBucketPublicAccessBlock",
        next: "`s3:GetBucketPublicAccessBlock` and `s3:PutBucketPublicAccessBlock`",
        end: "Block Public Access turned on",
    };
    let told = case.refused(world, narrator).await?;
    ensure!(!is_blocked(world, &bucket).await?, "it was turned on all the same");
    case.mended(world, narrator, &told).await?;
    ensure!(is_blocked(world, &bucket).await?, "Block Public Access is still off");

    // S3 turns encryption off for nobody since 2023, so there is nothing left to set: what can be refused is the look.
    let bucket = format!("{}-{STORY}-encryption", world.deployment.name);
    world.s3.create_bucket().bucket(&bucket).send().await.with_context(|| format!("create the bucket {bucket}"))?;
    let finding = policy_finding(&bucket, "e0000000000000000000000000000004", "S3BucketEncryptionDisabled")?;
    publish(world, &finding).await?;
    let case = Case {
        bucket: &bucket,
        label: ENCRYPT,
        again: "Turn encryption on again",
        denied: "s3:GetEncryptionConfiguration",
        next: "`s3:GetEncryptionConfiguration` and `s3:PutEncryptionConfiguration`",
        end: "Default encryption was on already",
    };
    let told = case.refused(world, narrator).await?;
    case.mended(world, narrator, &told).await
}

struct Case<'a> {
    bucket: &'a str,
    /// The button, and the one under its refusal.
    label: &'static str,
    again: &'static str,
    denied: &'static str,
    /// What the refusal says that must be allowed.
    next: &'static str,
    /// How it ends when it is allowed.
    end: &'static str,
}

impl Case<'_> {
    async fn refused(&self, world: &World, narrator: &Narrator) -> anyhow::Result<Message> {
        let asked = message(world, narrator, self.bucket, |message| button(message, self.label).is_some()).await?;
        narrator.step(&format!(
            "{} gets a policy that refuses {} to the remediator; @alice presses the button",
            self.bucket, self.denied
        ));
        deny(world, self.bucket, &[self.denied]).await?;
        let pressed = button(&asked, self.label).context("no button")?;
        world.slack.click(&asked, &pressed, &world.alice).await?;
        let told =
            message(world, narrator, self.bucket, |message| message.words().contains("A policy refuses")).await?;
        for words in ["Nothing was changed", self.next, &world.alice.id] {
            ensure!(told.words().contains(words), "the message does not say {words}: {}", told.words());
        }
        Ok(told)
    }

    async fn mended(&self, world: &World, narrator: &Narrator, told: &Message) -> anyhow::Result<()> {
        narrator.step("The policy is removed, and @alice presses the button again");
        world.s3.delete_bucket_policy().bucket(self.bucket).send().await.context("delete the policy")?;
        let again = button(told, self.again).context("it cannot be tried again")?;
        world.slack.click(told, &again, &world.alice).await?;
        message(world, narrator, self.bucket, |message| message.words().contains(self.end)).await?;
        Ok(())
    }
}
