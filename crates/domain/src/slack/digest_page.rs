use super::blocks::{Block, Button, Confirm, Message, actions, context, header, section};
use super::button::{Action, Signer};
use super::facts;
use crate::digest::{DigestId, Entry, Progress};
use crate::finding::Finding;
use crate::policy::{Sources, Why, movable};
use crate::quarantine::{Claim, Manifest};

/// One finding of a page, with what is known of it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub entry: Entry,
    /// None when Macie does not have it any more.
    pub finding: Option<Finding>,
    /// Who decided, if somebody has.
    pub claim: Option<Claim>,
    /// How its case went, if anything was done.
    pub manifest: Option<Manifest>,
}

/// What the deployment may touch now.
#[derive(Debug, Clone, Copy)]
pub struct Reach<'a> {
    pub quarantine_bucket: &'a str,
    pub sources: &'a Sources,
}

/// Lists the next findings of a digest, each with its own button. `progress` is how far the digest is with this page.
#[must_use]
pub fn digest_page(
    digest: &DigestId,
    page: &[Listed],
    progress: &Progress,
    reach: Reach<'_>,
    signer: &Signer<'_>,
) -> Message {
    let title = match page {
        [_] => "1 finding of the digest".to_owned(),
        _ => format!("{} findings of the digest", page.len()),
    };
    let mut blocks = vec![header(&title)];
    for listed in page {
        blocks.extend(lines(listed, reach, signer));
        blocks.push(Block::Divider);
    }
    blocks.push(context([format!(
        "Digest {}: {} of {} listed",
        facts::name(digest.as_str()),
        progress.listed(),
        progress.total()
    )]));
    Message::new(&title, blocks).beside_the_original()
}

fn lines(listed: &Listed, reach: Reach<'_>, signer: &Signer<'_>) -> Vec<Block> {
    let Some(finding) = &listed.finding else {
        let text = format!(
            "Finding {}: Macie does not have it any more; it keeps findings for 90 days.",
            facts::name(&listed.entry.finding_id)
        );
        return vec![section(&text)];
    };
    let (state, button) = state(listed, finding, reach, signer);
    let what = format!("*{}*: {}", facts::severity(finding), finding.kind.subject());
    let mut blocks = vec![section(&format!("{what}\n{}\n{state}", facts::object(finding)))];
    blocks.extend(actions(button.into_iter().chain(facts::open_button(finding))));
    blocks
}

/// Where the finding is, and what may be done about it.
fn state(listed: &Listed, finding: &Finding, reach: Reach<'_>, signer: &Signer<'_>) -> (String, Option<Button>) {
    if let Some(manifest) = listed.manifest.as_ref().filter(|manifest| manifest.is_quarantined()) {
        let by = facts::decided_by(&manifest.decision);
        return (format!("In quarantine. Decided by: {by}"), restore_button(manifest, signer));
    }
    if let Some(claim) = listed.claim.as_ref().filter(|claim| claim.dismissed.is_some()) {
        return (format!("Dismissed. By: {}", facts::decided_by(&claim.decision)), None);
    }
    let remediate = || {
        movable(finding, reach.quarantine_bucket).ok()?;
        facts::remediate_listed_button(finding, signer)
    };
    if let Some(why) = reach.sources.obstacle(finding) {
        let what = match why {
            Why::OtherAccount => "The bucket belongs to another account, where this deployment cannot move anything.",
            Why::OutsideSources | Why::Unpinned => {
                "This deployment may not move objects out of this bucket: its name does not match `SourceBucketPattern`."
            }
        };
        return (what.to_owned(), None);
    }
    match (&listed.manifest, &listed.claim) {
        (Some(manifest), _) if manifest.outcome().is_some() => {
            ("An attempt to move it ended without a move. It is where it was found.".to_owned(), remediate())
        }
        (Some(_), _) => ("It is being moved.".to_owned(), None),
        (None, Some(claim)) => (format!("Decided already. By: {}", facts::decided_by(&claim.decision)), None),
        (None, None) => match remediate() {
            Some(button) => ("To be decided.".to_owned(), Some(button)),
            None => ("There is nothing that could be moved for it: open it in Macie.".to_owned(), None),
        },
    }
}

fn restore_button(manifest: &Manifest, signer: &Signer<'_>) -> Option<Button> {
    let value = signer.value(Action::RestoreListed, &manifest.case_id)?;
    let question = "Move the object back to where it was found? It will hold the same sensitive data again.";
    let confirm = Confirm::new("Restore this object?", question, "Restore", "Cancel");
    Some(Button::danger("Restore", Action::RestoreListed.action_id(), value, confirm))
}
