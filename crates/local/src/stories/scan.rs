//! What the stories about code scans have in common.

mod announcement;
mod evidence;
pub(super) mod verify;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sfn::{operation::describe_execution::DescribeExecutionOutput, types::ExecutionStatus};
use serde_json::Value;

use super::build_log;
use crate::{
    deployment::{CodeScan, INBOX, SENDER},
    mail::Mail,
    narrator::Narrator,
    slack::message::{Message, Offer},
    until::until,
    world::World,
};

/// The titles of the two notifications.
pub(super) const GATE_FAILED: &str = "Application has failed in code security scan";
pub(super) const PIPELINE_FAILED: &str = "Application scan pipeline has failed because of some other reason";

const STARTED: Duration = Duration::from_secs(30);
/// A scan takes 20 seconds; the first one also unpacks the scanner and fetches the server's plug-ins, and several at once
/// wait for each other.
const SCANNED: Duration = Duration::from_mins(5);
pub(super) const ENDED: Duration = Duration::from_mins(1);
/// From what is published to what the channel shows.
const DELIVERED: Duration = Duration::from_secs(10);

/// One uploaded version.
pub(super) struct Put {
    pub(super) key: String,
    pub(super) version: String,
    place: CodeScan,
}

/// One uploaded version and the execution that it started.
pub(super) struct Scan {
    pub(super) key: String,
    pub(super) version: String,
    /// The execution's name is the scan's id.
    pub(super) id: String,
    /// Where it was uploaded to.
    pub(super) place: CodeScan,
    arn: String,
}

impl Put {
    /// Uploads a file as a developer does.
    pub(super) async fn new(
        world: &World,
        narrator: &Narrator,
        place: &CodeScan,
        key: &str,
        file: Vec<u8>,
    ) -> anyhow::Result<Self> {
        // Before there is anything to announce.
        world.announcements().await?;
        let bucket = place.output("UploadBucket")?;
        let put = world.s3.put_object().bucket(bucket).key(key).body(ByteStream::from(file)).send().await;
        let version = put.context("upload the file")?.version_id.context("the upload bucket keeps no versions")?;
        narrator.step(&format!("A developer uploads {key} (version {version})"));
        Ok(Self { key: key.to_owned(), version, place: place.clone() })
    }

    /// Waits for the execution that EventBridge starts with this very version.
    pub(super) async fn scan(self, world: &World, narrator: &Narrator) -> anyhow::Result<Scan> {
        let (arn, id) = until(STARTED, "an execution for the upload", async || {
            Ok(self.executions(world).await?.into_iter().next())
        })
        .await?;
        narrator.step(&format!("EventBridge starts execution {id}; CodeBuild runs the scanner, some 20 s"));
        Ok(Scan { key: self.key, version: self.version, id, place: self.place, arn })
    }

    /// ARN and name of the executions that this version has started.
    pub(super) async fn executions(&self, world: &World) -> anyhow::Result<Vec<(String, String)>> {
        let machine = self.place.output("StateMachineArn")?;
        let executions = world.sfn.list_executions().state_machine_arn(machine).into_paginator().items().send();
        let executions = executions.collect::<Result<Vec<_>, _>>().await.context("list the executions")?;
        let mut found = Vec::new();
        for execution in executions {
            let arn = execution.execution_arn;
            let input = world.sfn.describe_execution().execution_arn(&arn).send().await;
            let input = input.context("look at an execution")?.input.unwrap_or_default();
            let input: Value = serde_json::from_str(&input).context("read the execution's input")?;
            let object = &input["detail"]["object"];
            if object["key"] == self.key.as_str() && object["version-id"] == self.version.as_str() {
                found.push((arn, execution.name));
            }
        }
        Ok(found)
    }
}

impl Scan {
    /// Uploads a zip to the deployment of the world, and waits for the execution that it starts.
    pub(super) async fn upload(world: &World, narrator: &Narrator, key: &str, zip: Vec<u8>) -> anyhow::Result<Self> {
        Self::upload_to(world, narrator, &world.deployment.code_scan(), key, zip).await
    }

    /// The same for another deployment.
    pub(super) async fn upload_to(
        world: &World,
        narrator: &Narrator,
        place: &CodeScan,
        key: &str,
        zip: Vec<u8>,
    ) -> anyhow::Result<Self> {
        Put::new(world, narrator, place, key, zip).await?.scan(world, narrator).await
    }

    /// Starts another execution with the same event, as EventBridge may.
    pub(super) async fn start_again(&self, world: &World, narrator: &Narrator) -> anyhow::Result<Self> {
        let event = self.execution(world).await?.input.context("the execution has no input")?;
        let machine = self.place.output("StateMachineArn")?;
        let started = world.sfn.start_execution().state_machine_arn(machine).input(event).send().await;
        let arn = started.context("start another execution")?.execution_arn;
        let id = arn.rsplit(':').next().unwrap_or_default().to_owned();
        narrator.step(&format!("EventBridge delivers the same event again, and starts execution {id}"));
        Ok(Self { key: self.key.clone(), version: self.version.clone(), id, place: self.place.clone(), arn })
    }

    /// Aborts the execution, as an operator may.
    pub(super) async fn abort(&self, world: &World) -> anyhow::Result<()> {
        world.sfn.stop_execution().execution_arn(&self.arn).send().await.context("abort the execution")?;
        Ok(())
    }

    /// Waits for the message about this very scan that has buttons, also where the version was scanned before.
    pub(super) async fn question(&self, world: &World, narrator: &Narrator) -> anyhow::Result<Message> {
        let asks = |message: &Message| {
            let mut commands = message.offers.iter().filter_map(|offer| offer.command.as_ref().ok());
            commands.any(|command| command.contains(&self.id))
        };
        let message = until(SCANNED, &format!("a question about {}", self.key), async || {
            Ok(self.messages(world).into_iter().find(asks))
        })
        .await?;
        narrator.step("Amazon Q posts a notification");
        narrator.message("#code-scan", &world.slack, &message);
        Ok(message)
    }

    /// Waits for the message about this scan, which must have this title. Fails at once when the execution ends without one.
    pub(super) async fn notification(
        &self,
        world: &World,
        narrator: &Narrator,
        title: &str,
    ) -> anyhow::Result<Message> {
        let mut ended: Option<Instant> = None;
        let message = until(SCANNED, &format!("a notification about {}", self.key), async || {
            // The order counts: an execution that ended before we looked has published its message before that, and only
            // its delivery may take a moment longer.
            let execution = self.execution(world).await?;
            let message = self.messages(world).into_iter().next();
            let is_over = *execution.status() != ExecutionStatus::Running;
            if message.is_none() && is_over && ended.get_or_insert_with(Instant::now).elapsed() > DELIVERED {
                let log = build_log::tail(world, &self.place, &self.id).await;
                bail!("the execution ended without a message: {}\n{log}", summary(&execution));
            }
            Ok(message)
        })
        .await?;
        narrator.step("Amazon Q posts a notification");
        narrator.message("#code-scan", &world.slack, &message);
        if !message.words().contains(title) {
            bail!("the title is not `{title}`\n{}", build_log::tail(world, &self.place, &self.id).await);
        }
        Ok(message)
    }

    /// Waits for another message about this scan than those that are there, with these words.
    pub(super) async fn another(&self, world: &World, narrator: &Narrator, words: &str) -> anyhow::Result<Message> {
        let message = until(SCANNED, &format!("a message about {} with `{words}`", self.key), async || {
            Ok(self.messages(world).into_iter().find(|message| message.words().contains(words)))
        })
        .await?;
        narrator.step("Amazon Q posts a notification");
        narrator.message("#code-scan", &world.slack, &message);
        Ok(message)
    }

    /// What the channel was told about this version, replies left out.
    pub(super) fn messages(&self, world: &World) -> Vec<Message> {
        let mut messages = world.slack.messages(&self.place.channel);
        messages.retain(|message| {
            let words = message.words();
            message.thread.is_none() && words.contains(&self.key) && words.contains(&self.version)
        });
        messages
    }

    /// Waits for the end of the execution, and checks how it ended and what was announced.
    pub(super) async fn ends(&self, world: &World, narrator: &Narrator, wanted: &str) -> anyhow::Result<()> {
        self.ends_as(world, wanted).await?;
        narrator.fact(&meaning(wanted));
        match wanted {
            // Nobody waits for these.
            "SUCCEEDED DUPLICATE" | "ABORTED" => self.unannounced(world).await,
            "FAILED PipelineFailed" => self.announced(world, narrator, "PIPELINE_FAILED").await,
            decided => self.announced(world, narrator, decided.trim_start_matches("SUCCEEDED ")).await,
        }
    }

    /// Waits for the end of the execution, and checks how it ended.
    pub(super) async fn ends_as(&self, world: &World, wanted: &str) -> anyhow::Result<()> {
        let execution = until(SCANNED + ENDED, &format!("the end of the execution for {}", self.key), async || {
            let execution = self.execution(world).await?;
            Ok((*execution.status() != ExecutionStatus::Running).then_some(execution))
        })
        .await?;
        let summary = summary(&execution);
        if !summary.starts_with(wanted) {
            let log = build_log::tail(world, &self.place, &self.id).await;
            bail!("the execution ended as {summary}, not as {wanted}\n{log}");
        }
        Ok(())
    }

    pub(super) async fn execution(&self, world: &World) -> anyhow::Result<DescribeExecutionOutput> {
        world.sfn.describe_execution().execution_arn(&self.arn).send().await.context("look at the execution")
    }

    /// The mails about this version.
    pub(super) async fn mails(&self, world: &World) -> anyhow::Result<Vec<Mail>> {
        let mut mails = world.mails().await?;
        mails.retain(|mail| mail.text.contains(&self.key) && mail.text.contains(&self.version));
        Ok(mails)
    }

    /// Waits for the one mail about this version and checks what every such mail has.
    pub(super) async fn mail(&self, world: &World, narrator: &Narrator) -> anyhow::Result<Mail> {
        let mail = until(ENDED, "the mail", async || Ok(self.mails(world).await?.into_iter().next())).await?;
        narrator.step("The developers read their mail");
        narrator.mail(&mail);
        ensure!(mail.from.contains(SENDER), "the mail is from {}", mail.from);
        ensure!(mail.to == [INBOX], "the mail goes to {:?}", mail.to);
        ensure!(
            mail.html.as_deref().is_some_and(|html| html.contains(&self.key)),
            "the mail has no HTML that names the key"
        );
        Ok(mail)
    }

    /// Presses a custom action's button and returns what Amazon Q replied in the thread.
    pub(super) async fn press(
        &self,
        world: &World,
        narrator: &Narrator,
        message: &Message,
        label: &str,
    ) -> anyhow::Result<Message> {
        let offer = offer(message, label)?;
        narrator.step(&format!("@alice presses {label}; Amazon Q shows what it will run and she confirms"));
        let reply = world.slack.run(message, offer, &world.alice).await?;
        narrator.message("#code-scan", &world.slack, &reply);
        ensure!(reply.thread.as_ref() == Some(&message.ts), "the reply is not in the thread of the notification");
        Ok(reply)
    }
}

impl Scan {
    /// Has Amazon Q run the decision's function with a payload of one's own, as everybody in the channel can.
    pub(super) async fn run(
        &self,
        world: &World,
        narrator: &Narrator,
        message: &Message,
        payload: &str,
    ) -> anyhow::Result<Message> {
        let command = offer(message, "Approve")?.command.clone().unwrap_or_default();
        let (begin, _) = command.split_once(" --payload ").context("the command has no payload")?;
        let typed = Offer { command: Ok(format!("{begin} --payload {payload}")), ..offer(message, "Approve")?.clone() };
        narrator.step(&format!("@mallory types a command of her own, with the payload {payload}"));
        let reply = world.slack.run(message, &typed, &world.mallory).await?;
        narrator.message("#code-scan", &world.slack, &reply);
        Ok(reply)
    }
}

/// The button of that name, which must be there and be able to run.
pub(super) fn offer<'a>(message: &'a Message, label: &str) -> anyhow::Result<&'a Offer> {
    let offer = message.offers.iter().find(|offer| offer.label == label);
    let offer = offer.with_context(|| format!("the notification has no button {label}"))?;
    if let Err(problem) = &offer.command {
        bail!("the button {label} cannot run: {problem}");
    }
    Ok(offer)
}

/// What such an end means for whoever waits for the version.
fn meaning(end: &str) -> String {
    let Some(outcome) = end.strip_prefix("SUCCEEDED ") else {
        return format!("the execution ended as {end}, without a verdict: this version may not be deployed");
    };
    match outcome {
        "PASSED" | "APPROVED" => format!("the outcome is {outcome}: this version may be deployed"),
        "DUPLICATE" => "the outcome is DUPLICATE: another execution scans this version".to_owned(),
        _ => format!(
            "the outcome is {outcome}: this version may not be deployed (the execution has done its work, so its status is \
             SUCCEEDED)"
        ),
    }
}

/// `SUCCEEDED APPROVED`, or `FAILED PipelineFailed: cause`.
fn summary(execution: &DescribeExecutionOutput) -> String {
    let status = execution.status().as_str();
    if let Some(error) = execution.error() {
        return format!("{status} {error}: {}", execution.cause().unwrap_or_default());
    }
    let output: Value = serde_json::from_str(execution.output().unwrap_or_default()).unwrap_or_default();
    format!("{status} {}", output["outcome"].as_str().unwrap_or_default())
}
