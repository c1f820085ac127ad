use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use super::{
    finding::remediate,
    own_deployment::{OwnDeployment, Published},
};
use crate::{narrator::Narrator, slack::message::Message, until::until, world::World};

const LIMIT: usize = 2;
const FINDINGS: usize = 6;
const TOLD: Duration = Duration::from_mins(2);
/// The ids of the findings begin so.
const IDS: &str = "c0";

/// More findings than may be remediated automatically within an hour: the others wait for people, who hear of it once and
/// can decide at once. A higher limit ends the pause, as the next hour does.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let limit = LIMIT.to_string();
    let settings = [("AutoRemediationLimit", limit.as_str()), ("IndividualMessages", "1000")];
    let paused = Paused(OwnDeployment::create(world, "paused", settings).await?);
    narrator.step(&format!("A deployment of its own that remediates at most {LIMIT} objects an hour automatically"));
    let hour = this_hour();
    for number in 0..FINDINGS {
        paused.publish(number).await?;
    }
    narrator.step(&format!(
        "Macie (played by the local cloud) publishes {FINDINGS} findings of a type that is set to AUTO"
    ));

    let (moved, asked) = paused.settled(FINDINGS).await?;
    // Two functions at the same moment may each take the last one, and a new hour has its own two.
    let most = if hour == this_hour() { LIMIT + 1 } else { 2 * (LIMIT + 1) };
    ensure!((LIMIT..=most).contains(&moved), "{moved} files were quarantined automatically");
    narrator.fact(&format!("{moved} files are in quarantine, {} wait for people", asked.len()));
    let told = paused.told_of_the_pause();
    // Two functions at the same moment may both tell.
    let most = if hour == this_hour() { 2 } else { 4 };
    ensure!((1..=most).contains(&told.len()), "the channel was told {} times", told.len());
    let pause = told.first().context("nobody was told")?;
    paused.0.show(narrator, pause);
    for next in ["see whether Macie is right", "AutoRemediationLimit"] {
        ensure!(pause.words().contains(next), "the message does not say what to do ({next}): {}", pause.words());
    }

    let question = asked.first().context("nothing was asked")?;
    let button = remediate(question).context("the question has no button")?;
    narrator.step("@alice presses Remediate on one of them");
    world.slack.click(question, &button, &world.alice).await?;
    paused.wait_for("the file that was decided about", moved + 1).await?;
    narrator.fact("the pause does not keep people from deciding");

    narrator.step("Somebody raises AutoRemediationLimit, and Macie publishes one more finding");
    paused.0.set([("AutoRemediationLimit", "100")]).await?;
    paused.publish(FINDINGS).await?;
    paused.wait_for("the next file", moved + 2).await?;
    let last = format!("record-{FINDINGS}.txt");
    let news = until(TOLD, "the news of it", async || {
        Ok(paused.0.messages().into_iter().find(|message| message.words().contains(&last)))
    });
    ensure!(remediate(&news.await?).is_none(), "the channel was asked");
    ensure!(paused.told_of_the_pause().len() == told.len(), "the channel was told of a pause that is over");
    narrator.fact("AUTO is AUTO again: it is in quarantine, and nobody was asked");
    paused.0.end().await
}

struct Paused<'a>(OwnDeployment<'a>);

impl Paused<'_> {
    async fn publish(&self, number: usize) -> anyhow::Result<()> {
        let (id, key) = (format!("{IDS}{number:030x}"), format!("exports/record-{number}.txt"));
        let content = format!("Project code {number}\n").into_bytes();
        self.0.publish(Published { id: &id, key: &key, content, score: 2, gone: false }).await
    }

    /// Waits until each finding ended in quarantine or in a question, and answers with both.
    async fn settled(&self, findings: usize) -> anyhow::Result<(usize, Vec<Message>)> {
        until(TOLD, "the end of all findings", async || {
            let asked: Vec<Message> =
                self.0.messages().into_iter().filter(|message| remediate(message).is_some()).collect();
            let moved = self.0.quarantined(IDS).await?;
            Ok((moved + asked.len() >= findings).then_some((moved, asked)))
        })
        .await
    }

    fn told_of_the_pause(&self) -> Vec<Message> {
        let messages = self.0.messages().into_iter();
        messages.filter(|message| message.words().contains("Automatic quarantine is paused")).collect()
    }

    async fn wait_for(&self, what: &str, in_quarantine: usize) -> anyhow::Result<()> {
        until(TOLD, what, async || Ok((self.0.quarantined(IDS).await? == in_quarantine).then_some(()))).await
    }
}

fn this_hour() -> i64 {
    Timestamp::now().as_second() / 3_600
}
