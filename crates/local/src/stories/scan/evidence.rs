//! What a scan leaves behind, and what must not be in it.

use std::io::Read as _;

use anyhow::{Context as _, ensure};
use aws_sdk_sfn::types::HistoryEvent;
use serde_json::Value;

use super::Scan;
use crate::{deployment::CodeScan, slack::message::Message, stories::build_log, world::World};

/// RFC 1952: how a packed log begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

impl Scan {
    /// A record of this scan in the evidence bucket.
    pub(in crate::stories) async fn evidence(&self, world: &World, name: &str) -> anyhow::Result<Value> {
        let key = format!("scans/{}/{name}", self.id);
        let body = read(world, &self.place, &key).await?;
        serde_json::from_slice(&body).with_context(|| format!("{key} is not JSON"))
    }

    /// Writes over a record of this scan.
    pub(in crate::stories) async fn replace_evidence(
        &self,
        world: &World,
        name: &str,
        record: &Value,
    ) -> anyhow::Result<()> {
        let put = world.s3.put_object().bucket(self.place.output("EvidenceBucket")?);
        let put = put.key(format!("scans/{}/{name}", self.id)).body(record.to_string().into_bytes().into());
        put.send().await.with_context(|| format!("write {name}"))?;
        Ok(())
    }

    /// The log of its build.
    pub(in crate::stories) async fn log(&self, world: &World) -> anyhow::Result<Vec<String>> {
        let build = build_log::build_of(world, &self.place, &self.id).await?.context("there is no build")?;
        build_log::lines(world, &build).await
    }

    /// How long the longest text is that Step Functions kept of a failed task.
    pub(in crate::stories) async fn longest_cause(&self, world: &World) -> anyhow::Result<usize> {
        let causes = self.history(world).await?.into_iter().filter_map(|event| event.task_failed_event_details?.cause);
        Ok(causes.map(|cause| cause.chars().count()).max().unwrap_or_default())
    }

    /// All events of its execution, with what went in and out.
    async fn history(&self, world: &World) -> anyhow::Result<Vec<HistoryEvent>> {
        let history = world.sfn.get_execution_history().execution_arn(&self.arn).include_execution_data(true);
        let mut pages = history.into_paginator().send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            events.extend(page.context("read the history")?.events);
        }
        Ok(events)
    }

    /// No token is anywhere that a person or a pipeline can read: the build's log and variables, the evidence, the
    /// execution's history, the channel, the mails.
    pub(in crate::stories) async fn hides_the_tokens(&self, world: &World) -> anyhow::Result<()> {
        let mut told = vec![
            ("the channel", world.slack.messages(&self.place.channel).iter().map(Message::words).collect()),
            ("the mails", format!("{:?}", world.mails().await?)),
        ];
        let events = self.history(world).await?;
        ensure!(!events.is_empty(), "the execution has no history");
        told.push(("the execution", format!("{events:?}")));
        if let Some(build) = build_log::build_of(world, &self.place, &self.id).await? {
            told.push(("the build", format!("{build:?}")));
            told.push(("the build's log", build_log::lines(world, &build).await?.join("\n")));
            let id = build.id().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned();
            let evidence = self.everything_of(world, &id).await?;
            ensure!(!evidence.is_empty(), "the build left no evidence");
            told.extend(evidence.into_iter().map(|text| ("the evidence", text)));
        }
        for secret in ["SonarSecretArn", "SonarReaderSecretArn"] {
            let token = token(world, self.place.output(secret)?).await?;
            for (place, text) in &told {
                ensure!(!text.contains(&token), "{}: the token of {secret} is in {place}", self.key);
            }
        }
        Ok(())
    }

    /// The texts of all objects that name the build or the scan; the log, which is packed, as well.
    async fn everything_of(&self, world: &World, build: &str) -> anyhow::Result<Vec<String>> {
        let bucket = self.place.output("EvidenceBucket")?;
        let mut pages = world.s3.list_objects_v2().bucket(bucket).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.context("list the evidence")?;
            keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        }
        let mut texts = Vec::new();
        for key in &keys {
            if key.contains(build) || key.contains(&self.id) {
                let mut body = read(world, &self.place, key).await?;
                if body.starts_with(&GZIP) {
                    let mut text = Vec::new();
                    flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut text).context("unpack the log")?;
                    body = text;
                }
                texts.push(String::from_utf8_lossy(&body).into_owned());
            }
        }
        Ok(texts)
    }
}

async fn read(world: &World, place: &CodeScan, key: &str) -> anyhow::Result<Vec<u8>> {
    let object = world.s3.get_object().bucket(place.output("EvidenceBucket")?).key(key).send().await;
    let body = object.with_context(|| format!("read {key}"))?.body.collect().await;
    Ok(body.with_context(|| format!("read {key}"))?.into_bytes().to_vec())
}

/// The token in a secret `{"token": "…"}`.
async fn token(world: &World, secret: &str) -> anyhow::Result<String> {
    let secrets = aws_sdk_secretsmanager::Client::new(&world.aws);
    let value = secrets.get_secret_value().secret_id(secret).send().await.context("read the secret")?;
    let value: Value = serde_json::from_str(value.secret_string().unwrap_or_default()).context("read the token")?;
    value["token"].as_str().map(str::to_owned).context("the secret has no token")
}
