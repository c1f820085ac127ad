//! Which scan has an uploaded version.

use domain::scan::{
    Upload,
    execution::came_to_nothing,
    report::{REPORT, Report, UploadIndex},
};
use platform::execution;
use serde_json::Value;

use crate::{CheckBuildStatus, Error, Outcome, request::ClaimRequest};

impl CheckBuildStatus {
    /// Gives the version to one scan: the first one, or the next one after a scan that came to nothing.
    pub(crate) async fn claim(&self, payload: &Value) -> Result<Outcome, Error> {
        let ClaimRequest { claim, execution_arn, object } =
            serde::Deserialize::deserialize(payload).map_err(Error::RequestUnusable)?;
        self.require_own(&claim, &execution_arn, &object).await?;
        let key = object.index_key();
        let index = UploadIndex { scan_id: claim.clone(), execution_arn };
        let state = match self.records.read_state::<UploadIndex>(&key).await.map_err(Error::Record)? {
            None => None,
            // A try of ours that was not told about.
            Some((earlier, _)) if earlier == index => return Ok(Outcome::Claimed),
            Some((earlier, state)) => {
                if !self.came_to_nothing(&earlier, &object).await? {
                    tracing::info!(scan.id = %claim, scan.earlier = %earlier.scan_id, "another scan has this version");
                    return Ok(Outcome::Duplicate);
                }
                tracing::info!(scan.id = %claim, scan.earlier = %earlier.scan_id, "takes the version over");
                Some(state)
            }
        };
        let claimed = self.records.write_if(&key, &index, state.as_ref()).await.map_err(Error::Record)?;
        if claimed.is_some() {
            return Ok(Outcome::Claimed);
        }
        // Somebody was faster; or we were, and the answer was lost.
        let owner = self.records.read::<UploadIndex>(&key).await.map_err(Error::Record)?;
        Ok(if owner == Some(index) { Outcome::Claimed } else { Outcome::Duplicate })
    }

    /// Whether nothing will ever come of a scan of this version.
    async fn came_to_nothing(&self, scan: &UploadIndex, object: &Upload) -> Result<bool, Error> {
        let report = self.records.read::<Report>(&scan.scan_id.record_key(REPORT)).await.map_err(Error::Record)?;
        let verdict = report.map(|report| report.verdict);
        let decision = self.decision(&scan.scan_id, object).await?;
        let ending = execution::ending(&self.sfn, &scan.execution_arn).await.map_err(Error::ExecutionUnreadable)?;
        Ok(came_to_nothing(verdict.as_ref(), decision.as_ref(), ending))
    }
}
