//! Which version an execution scans, asked of Step Functions.

use domain::scan::{ScanId, Upload};
use platform::execution;
use serde_json::Value;

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
        let own = execution_arn.ends_with(&format!(":{scan_id}"));
        if own && input.is_some_and(|input| scans(&input, upload)) {
            return Ok(());
        }
        Err(Error::RequestForeign { scan_id: scan_id.clone() })
    }
}

/// Whether the event in an execution's input is about this version.
fn scans(input: &Value, upload: &Upload) -> bool {
    let says = |pointer: &str, text: &str| input.pointer(pointer).and_then(Value::as_str) == Some(text);
    says("/detail/bucket/name", &upload.bucket)
        && says("/detail/object/key", &upload.key)
        && says("/detail/object/version-id", &upload.version_id)
}
