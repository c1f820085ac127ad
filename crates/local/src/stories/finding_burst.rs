use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, ensure};

use super::own_deployment::{OwnDeployment, Published};
use crate::{
    narrator::Narrator,
    slack::{
        Person,
        message::{Button, Message},
    },
    until::until,
    world::World,
};

const FINDINGS: usize = 150;
/// Of these, so many are of severity HIGH.
const EVERY: usize = 25;
/// Objects that are quarantined automatically: more than the channel shows one by one.
const AUTO_LIMIT: usize = 20;
const INDIVIDUAL: usize = 3;
/// The ids of the findings begin so.
const IDS: &str = "b0";
/// Of the first ones, somebody deletes this file before it can be moved.
const GONE: usize = 7;
/// How long the burst may take to get through, on a machine that does something else as well.
const THROUGH: Duration = Duration::from_mins(6);
const CLOSED: Duration = Duration::from_mins(3);
/// What Slack takes at once, and then one a second.
const AT_ONCE: usize = 3;

/// A discovery job over many files: twenty are to be quarantined automatically, which is all that this deployment allows
/// in an hour; of them and of the others a few are shown; the rest is a digest, from which people open them page by page,
/// decide, and undo. The one that could not be moved is no part of it: it has a message of its own.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let (limit, individual) = (AUTO_LIMIT.to_string(), INDIVIDUAL.to_string());
    let settings =
        [("AutoRemediationLimit", limit.as_str()), ("IndividualMessages", individual.as_str()), ("DigestMinutes", "1")];
    let burst = Burst(OwnDeployment::create(world, "burst", settings).await?);
    narrator.step(&format!(
        "A deployment of its own: at most {AUTO_LIMIT} automatic remediations an hour, {INDIVIDUAL} findings one by one \
         in a minute, and {INDIVIDUAL} more that are HIGH"
    ));
    burst.publish().await?;
    narrator.step(&format!(
        "{FINDINGS} files with data of a custom identifier lie in {}; Macie (played by the local cloud) publishes a \
         finding about each",
        burst.0.bucket
    ));

    let paused = burst.message("the news that AUTO is paused", "automatic quarantine is paused").await?;
    burst.0.show(narrator, &paused);
    let digest = burst.message("a digest", "more finding").await?;
    burst.0.show(narrator, &digest);
    let gone = burst.message("the file that is gone", "object already gone").await?;
    ensure!(gone.words().contains(&key(GONE)), "another file is gone: {}", gone.words());
    burst.0.show(narrator, &gone);

    let presses = burst.open_everything().await?;
    narrator.fact(&format!("after {presses} presses of @alice, each of the {FINDINGS} findings was shown"));
    let digest = burst.closed_digest().await?;
    burst.0.show(narrator, &digest);

    burst.pace(narrator)?;
    let quarantined = burst.quarantined().await?;
    // So many without the one that is gone, and as many more when a new hour began in between.
    ensure!((AUTO_LIMIT - 1..=2 * AUTO_LIMIT).contains(&quarantined), "{quarantined} are in quarantine");
    narrator.fact(&format!("{quarantined} files were quarantined automatically, and no more"));
    burst.most_are_in_digests(narrator, quarantined)?;
    burst.decide_from_a_page(narrator, quarantined).await?;
    burst.undo_from_a_page(narrator, quarantined).await?;
    burst.0.end().await
}

struct Burst<'a>(OwnDeployment<'a>);

fn key(number: usize) -> String {
    format!("exports/record-{number:03}.txt")
}

fn content(number: usize) -> Vec<u8> {
    format!("Project code {number}\n").into_bytes()
}

fn label(button: &Button) -> &str {
    &button.label
}

impl Burst<'_> {
    /// Uploads the files, and publishes a finding about each.
    async fn publish(&self) -> anyhow::Result<()> {
        for number in 0..FINDINGS {
            let (id, key, content) = (format!("{IDS}{number:030x}"), key(number), content(number));
            let score = if number % EVERY == 0 { 3 } else { 2 };
            self.0.publish(Published { id: &id, key: &key, content, score, gone: number == GONE }).await?;
        }
        Ok(())
    }

    async fn message(&self, what: &str, words: &str) -> anyhow::Result<Message> {
        let found = until(THROUGH, what, async || {
            Ok(self.0.messages().into_iter().find(|message| message.words().to_lowercase().contains(words)))
        });
        found.await.with_context(|| format!("refused: {:?}", self.0.world.slack.problems()))
    }

    /// The numbers of the findings that the channel shows.
    fn shown(&self) -> BTreeSet<usize> {
        let words: Vec<String> = self.0.messages().iter().map(Message::words).collect();
        (0..FINDINGS).filter(|number| words.iter().any(|words| words.contains(&key(*number)))).collect()
    }

    /// Presses the buttons of the digests until nothing is left to show; new ones may come while the burst goes on.
    async fn open_everything(&self) -> anyhow::Result<usize> {
        let mut presses = 0;
        let result = until(THROUGH, "the last of the findings", async || {
            for message in self.0.messages() {
                let Some(more) = message.buttons().into_iter().find(|button| label(button).starts_with("Show the"))
                else {
                    continue;
                };
                // Who presses too early on a busy machine is asked to press again, and does.
                self.0.world.slack.click(&message, &more, &self.0.world.alice).await?;
                presses += 1;
            }
            Ok((self.shown().len() == FINDINGS).then_some(()))
        });
        let missing = || (0..FINDINGS).filter(|number| !self.shown().contains(number)).collect::<Vec<_>>();
        result.await.with_context(|| format!("never shown: {:?}", missing()))?;
        Ok(presses)
    }

    /// The digest that says that its window is over.
    async fn closed_digest(&self) -> anyhow::Result<Message> {
        until(CLOSED, "the final count of a digest", async || {
            let digests = self.0.messages().into_iter().filter(|message| message.words().contains("more finding"));
            Ok(digests.into_iter().find(|message| !message.words().contains("More may come")))
        })
        .await
    }

    /// What was posted without being asked for kept Slack's pace, and did not grow with the number of findings.
    fn pace(&self, narrator: &Narrator) -> anyhow::Result<()> {
        let unasked = |message: &Message| message.only_for.is_none() && !message.words().contains("of the digest");
        let mut times = Vec::new();
        for message in self.0.messages().iter().filter(|message| unasked(message)) {
            times.push(message.ts.parse::<f64>().with_context(|| format!("{} is no time", message.ts))?);
        }
        times.sort_by(f64::total_cmp);
        // Over any stretch one a second, and a few more: two functions post side by side, and what Slack did not take at
        // once comes a little later.
        for (index, first) in times.iter().enumerate() {
            for (more, last) in times.iter().skip(index + AT_ONCE).enumerate() {
                let (seconds, messages) = (Duration::from_secs_f64(last - first), more + AT_ONCE + 1);
                ensure!(seconds >= Duration::from_secs(more.try_into()?), "{messages} messages within {seconds:?}");
            }
        }
        let refusals = self.0.world.slack.refusals(&self.0.deployment.app);
        ensure!(times.len() <= FINDINGS / 4, "{} messages for {FINDINGS} findings", times.len());
        ensure!(refusals <= times.len() / 4, "Slack asked to wait {refusals} times for {} messages", times.len());
        narrator.fact(&format!("{} messages in all; Slack asked to wait {refusals} times", times.len()));
        Ok(())
    }

    async fn quarantined(&self) -> anyhow::Result<usize> {
        self.0.quarantined(IDS).await
    }

    /// What was moved is told in a few messages and counted in the digests.
    fn most_are_in_digests(&self, narrator: &Narrator, quarantined: usize) -> anyhow::Result<()> {
        let words: Vec<String> = self.0.messages().iter().map(Message::words).collect();
        let alone = words.iter().filter(|words| words.contains("Object quarantined")).count();
        let counted = words.iter().any(|words| words.contains("more finding") && words.contains(", in quarantine"));
        ensure!(alone < quarantined / 2, "{alone} of {quarantined} moves have a message of their own");
        ensure!(counted, "no digest counts what was moved: {words:?}");
        narrator.fact(&format!("{alone} of them have a message of their own, the digests count the others"));
        Ok(())
    }

    /// A page with a button of this label, newest first.
    fn page_with(&self, wanted: &str) -> anyhow::Result<(Message, Button)> {
        let pages = self.0.messages().into_iter().rev().filter(|message| message.words().contains("of the digest"));
        let found = pages.into_iter().find_map(|page| {
            let button = page.buttons().into_iter().find(|button| label(button) == wanted)?;
            Some((page, button))
        });
        found.with_context(|| format!("no page has the button {wanted}"))
    }

    async fn decide_from_a_page(&self, narrator: &Narrator, before: usize) -> anyhow::Result<()> {
        let (page, remediate) = self.page_with("Remediate")?;
        narrator.step("@alice presses Remediate on one finding of a page");
        self.press(&page, &remediate, &self.0.world.alice, "into quarantine. The channel is told").await?;
        self.wait_for("one more file in quarantine", before + 1).await?;
        ensure!(self.0.world.slack.message(&page.ts).as_ref() == Some(&page), "the page changed");
        narrator.fact("its file is in quarantine, and the page with the other findings stays");
        Ok(())
    }

    async fn undo_from_a_page(&self, narrator: &Narrator, after: usize) -> anyhow::Result<()> {
        let (page, restore) = self.page_with("Restore")?;
        ensure!(restore.confirm.is_some(), "Restore does not ask first");
        narrator.step("@mallory, who may not, and @alice, who may, press Restore on a page");
        self.press(&page, &restore, &self.0.world.mallory, "not on the list").await?;
        self.press(&page, &restore, &self.0.world.alice, "Restoring").await?;
        self.wait_for("one file less in quarantine", after).await?;
        let back = self.message("the news of it", "object restored").await?;
        self.0.show(narrator, &back);
        let number = (0..FINDINGS).find(|number| back.words().contains(&key(*number)));
        let number = number.with_context(|| format!("the news names no file: {}", back.words()))?;
        let file = self
            .0
            .world
            .s3
            .get_object()
            .bucket(&self.0.bucket)
            .key(key(number))
            .send()
            .await
            .context("read the file")?;
        ensure!(file.body.collect().await?.to_vec() == content(number), "the bytes are others");
        ensure!(self.0.world.slack.message(&page.ts).as_ref() == Some(&page), "the page changed");
        narrator.fact("its file is back, byte for byte, and the page stays");
        self.press(&page, &restore, &self.0.world.alice, "restored already").await?;
        narrator.fact("whoever presses once more is told that it is done");
        Ok(())
    }

    /// Presses a button; whoever does gets an answer that nobody else sees.
    async fn press(&self, page: &Message, button: &Button, by: &Person, answer: &'static str) -> anyhow::Result<()> {
        let pressed = self.0.world.slack.click(page, button, by).await?;
        ensure!(pressed.status == 200, "the press was answered with {pressed:?}");
        until(THROUGH, &format!("a private word to @{}: {answer}", by.name), async || {
            let mut told = self.0.messages().into_iter().filter(|told| told.only_for.as_ref() == Some(&by.id));
            Ok(told.any(|told| told.words().contains(answer)).then_some(()))
        })
        .await
    }

    async fn wait_for(&self, what: &str, in_quarantine: usize) -> anyhow::Result<()> {
        until(THROUGH, what, async || Ok((self.quarantined().await? == in_quarantine).then_some(()))).await
    }
}
