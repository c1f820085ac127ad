use super::blocks::{Message, actions, context, header, section};
use super::button::Signer;
use super::facts;
use crate::finding::Finding;
use crate::quarantine::manifest_key;

/// Tells that a remediation failed after all its retries. `error_type` is the stable name of the error; its text may
/// hold anything and stays in the log.
#[must_use]
pub fn remediation_failed(finding: &Finding, error_type: Option<&str>, signer: &Signer<'_>) -> Message {
    let object = facts::object(finding);
    let error = error_type.map_or_else(|| "no error name".to_owned(), facts::name);
    let mut blocks = vec![
        header("Quarantine failed"),
        section(&format!("*Object*\n{object}")),
        section(&format!(
            "The object could not be moved, and trying again did not help ({error}). Nothing is deleted before its copy \
             was compared, so the object is in its bucket, in quarantine, or in both.\n*Next:* look into the log of the \
             finding remediator, then press the button again. It goes on where this attempt stopped.",
        )),
    ];
    let again = facts::remediate_button(finding, "Remediate again", signer);
    blocks.extend(actions(again.into_iter().chain(facts::open_button(finding))));
    let record = finding.case_id().map(|case| format!("Record {}", facts::name(&manifest_key(&case))));
    blocks.push(context([format!("Finding {}", facts::name(&finding.id))].into_iter().chain(record)));
    Message::new(&format!("Quarantine failed: {object}"), blocks)
}
