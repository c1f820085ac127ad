//! The limit of automatic remediations in an hour.

use std::time::SystemTime;

use domain::breaker::{holds, started_key, started_prefix, told_key};
use domain::finding::Finding;
use domain::slack;
use platform::metrics::Metric;
use serde_json::Value;

use crate::error::Error;
use crate::handler::FindingHandler;
use crate::show::Trace;

impl FindingHandler {
    /// Whether a person has to decide about this finding, because the hour's automatic remediations are used up. If not,
    /// it is counted. Functions that ask at the same moment may each take the last one: as many as run side by side.
    pub(crate) async fn is_held(&self, finding: &Finding, deadline: SystemTime) -> Result<bool, Error> {
        let (now, limit) = ((self.clock)(), self.config.auto_remediation_limit);
        let case_id = finding.case_id();
        let key = started_key(now, case_id.as_deref().unwrap_or_default());
        let started = self.records.list(&started_prefix(now)).await.map_err(Error::ReadCase)?;
        if !holds(&started, &key, limit) {
            let trace = Trace { finding_id: Some(&finding.id), case_id, at: now };
            self.records.create(&key, &trace).await.map_err(Error::WriteCase)?;
            return Ok(false);
        }
        self.metrics.count(Metric::AutoRemediationsHeld);
        // Without any limit to use up there is nothing to pause.
        if limit > 0
            && let Err(error) = self.tell_paused(limit, deadline).await
        {
            tracing::warn!(error = platform::chain(&error), "could not tell that automatic remediation is paused");
        }
        Ok(true)
    }

    /// Tells the channel, once an hour. The note that it was told is written last: two at the same moment may both tell.
    async fn tell_paused(&self, limit: u16, deadline: SystemTime) -> Result<(), Error> {
        let now = (self.clock)();
        let key = told_key(now);
        if self.records.read::<Value>(&key).await.map_err(Error::ReadCase)?.is_some() {
            return Ok(());
        }
        self.post(&slack::automatic_paused(limit), deadline).await?;
        let trace = Trace { finding_id: None, case_id: None, at: now };
        self.records.create(&key, &trace).await.map(|_| ()).map_err(Error::WriteCase)
    }
}
