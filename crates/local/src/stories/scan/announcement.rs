//! What a delivery pipeline hears of a scan: the event `Code Scan Decided`.

use anyhow::ensure;
use serde_json::{Value, json};

use super::{ENDED, Scan};
use crate::{narrator::Narrator, until::until, world::World};

impl Scan {
    /// Waits for the one announcement about this scan, and checks each of its fields.
    pub(in crate::stories) async fn announced(
        &self,
        world: &World,
        narrator: &Narrator,
        outcome: &str,
    ) -> anyhow::Result<()> {
        let announcements = world.announcements().await?;
        let events = until(ENDED, &format!("the announcement about {}", self.key), async || {
            let events = announcements.about(&self.id).await?;
            Ok((!events.is_empty()).then_some(events))
        })
        .await?;
        let [event] = events.as_slice() else { anyhow::bail!("{} announcements: {events:?}", events.len()) };
        let (verdict, decision) = match outcome {
            "PASSED" | "PIPELINE_FAILED" => (outcome, "NONE"),
            _ => ("QUALITY_GATE_FAILED", outcome),
        };
        let project = event["detail"]["projectKey"].as_str().unwrap_or_default();
        ensure!(!project.is_empty(), "the announcement names no project: {event}");
        let expected: Value = json!({
            "outcome": outcome, "verdict": verdict, "decision": decision, "scanId": self.id, "projectKey": project,
            "bucket": self.place.output("UploadBucket")?, "key": self.key, "versionId": self.version,
        });
        ensure!(event["detail"] == expected, "the announcement is {}, not {expected}", event["detail"]);
        narrator.fact(&format!("EventBridge announces `Code Scan Decided` with the outcome {outcome}"));
        Ok(())
    }

    /// Nothing was announced about this scan.
    pub(in crate::stories) async fn unannounced(&self, world: &World) -> anyhow::Result<()> {
        let events = world.announcements().await?.about(&self.id).await?;
        ensure!(events.is_empty(), "it was announced: {events:?}");
        Ok(())
    }
}
