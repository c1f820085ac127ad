//! Which version an execution scans, asked of Step Functions.

use domain::scan::{ScanId, Upload};
use platform::execution;

use crate::{CheckBuildStatus, Error};

impl CheckBuildStatus {
    /// Refuses a request about another version than the one that the execution was started for.
    ///
    /// Whoever may invoke the function can write any request: with the analysis of a good version, a report could be
    /// made about a bad one. What an execution was started with cannot be changed.
    pub(crate) async fn require_own(
        &self,
        scan_id: &ScanId,
        execution_arn: &str,
        upload: &Upload,
    ) -> Result<(), Error> {
        let input =
            execution::input_while_running(&self.sfn, execution_arn).await.map_err(Error::ExecutionUnreadable)?;
        let scanned = input.as_ref().and_then(Upload::of_event);
        if scan_id.names(execution_arn) && scanned.is_some_and(|scanned| scanned.is_version_of(upload)) {
            return Ok(());
        }
        Err(Error::RequestForeign { scan_id: scan_id.clone() })
    }
}
