use super::blocks::{Button, Message, actions, context, fields, header, section};
use super::button::{Action, DismissReason, Signer};
use super::facts;
use crate::finding::Finding;
use crate::quarantine::{Claim, claim_key};

/// Takes the place of a message about a finding that somebody dismissed: who, why, what that means, and the button that
/// takes it back.
#[must_use]
pub fn dismissed(
    finding: &Finding,
    case_id: &str,
    claim: &Claim,
    reason: DismissReason,
    signer: &Signer<'_>,
) -> Message {
    let object = facts::object(finding);
    let by = facts::decided_by(&claim.decision);
    let mut blocks = vec![
        header("Finding dismissed"),
        section(&format!("*Where*\n{object}")),
        section(&format!("*Dismissed by*\n{by}\n*Because*\n{}", reason.label(&finding.kind))),
        fields([("Severity", facts::severity(finding)), ("Found", finding.kind.subject().to_owned())]),
        section(&format!(
            "Nothing was changed. {}\n*If this was a mistake:* press Reopen, and the question is asked once more.",
            what_it_means(finding, reason)
        )),
    ];
    let reopen = signer.value(Action::Reopen, &finding.id);
    let reopen = reopen.map(|value| Button::plain("Reopen", Action::Reopen.action_id(), value));
    blocks.extend(actions(reopen.into_iter().chain(facts::open_button(finding))));
    blocks.push(context([
        format!("Finding {}", facts::name(&finding.id)),
        format!("Record {}", facts::name(&claim_key(case_id))),
    ]));
    Message::new(&format!("Dismissed by {by}: {object}. {}", reason.label(&finding.kind)), blocks)
}

/// What is shown of it from now on.
fn what_it_means(finding: &Finding, reason: DismissReason) -> &'static str {
    match reason {
        DismissReason::AcceptedRisk if finding.is_policy() => "If it happens to this bucket again, it is not shown.",
        _ if finding.is_policy() => "If it happens to this bucket again, it is shown again.",
        _ => "Later findings of this type about the same version are not shown; a new version, or another type, is.",
    }
}
