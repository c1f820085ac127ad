use super::blocks::{Message, actions, context, header, section};
use super::facts;
use crate::finding::Finding;
use crate::quarantine::manifest_key;

/// Tells that a remediation failed after all its retries. `error_type` is the stable name of the error; its text may
/// hold anything and stays in the log.
#[must_use]
pub fn remediation_failed(finding: &Finding, error_type: Option<&str>) -> Message {
    let object = facts::object(finding);
    let error = error_type.map_or_else(|| "no error name".to_owned(), facts::name);
    let mut blocks = vec![
        header("Quarantine failed"),
        section(&format!("*Object*\n{object}")),
        section(&format!(
            "The object could not be moved, and the retries did not help ({error}). It is still in its bucket, unless \
             only the last step is missing; it was not deleted without a verified copy.\n*Next:* look into the log of \
             the finding remediator, then press the button again. A second run finishes what the first one left.",
        )),
    ];
    let buttons: Vec<_> =
        facts::remediate_button(finding, "Remediate again").into_iter().chain(facts::open_button(finding)).collect();
    if !buttons.is_empty() {
        blocks.push(actions(buttons));
    }
    let record = finding.case_id().map(|case| format!("Record {}", facts::name(&manifest_key(&case))));
    blocks.push(context([format!("Finding {}", facts::name(&finding.id))].into_iter().chain(record)));
    Message::new(&format!("Quarantine failed: {object}"), blocks)
}
