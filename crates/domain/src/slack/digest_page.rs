use super::blocks::{Block, Button, Element, Message, actions, context, header, section};
use super::bucket_finding::act;
use super::button::Signer;
use super::{case_buttons, facts};
use crate::bucket::{self, BucketRecord};
use crate::digest::{DigestId, Entry, Progress};
use crate::finding::Finding;
use crate::policy::{Sources, Why, actionable, movable};
use crate::quarantine::{Claim, Manifest, State};
use crate::remediation::Outcome;

/// One finding of a page, with what is known of it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub entry: Entry,
    /// None when Macie does not have it any more.
    pub finding: Option<Finding>,
    /// Who decided, if somebody has.
    pub claim: Option<Claim>,
    /// How its case went, if anything was done about an object.
    pub manifest: Option<Manifest>,
    /// The same about a bucket.
    pub bucket: Option<BucketRecord>,
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
    let (state, elements) = state(listed, finding, reach, signer.for_list());
    let mut blocks = vec![section(&format!(
        "*{}*: {}\n{}\n{state}",
        facts::severity(finding),
        finding.kind.subject(),
        facts::object(finding)
    ))];
    // A policy finding is about no data.
    blocks.extend((!finding.is_policy()).then(|| section(&facts::detections(finding))));
    blocks.extend(actions(elements.into_iter().chain(facts::open_button(finding).map(Element::from))));
    blocks
}

/// Where the finding is, and what may be done about it.
fn state(listed: &Listed, finding: &Finding, reach: Reach<'_>, signer: Signer<'_>) -> (String, Vec<Element>) {
    let manifest = listed.manifest.as_ref();
    if let Some(manifest) = manifest.filter(|manifest| manifest.holds(finding)) {
        let by = facts::decided_by(&manifest.decision);
        let restore = case_buttons::restore(manifest, &signer).map(Element::from);
        return (format!("In quarantine. Decided by: {by}"), restore.into_iter().collect());
    }
    if let Some(claim) = listed.claim.as_ref().and_then(|claim| claim.dismissal_of(finding)) {
        return (format!("Dismissed. By: {}", facts::decided_by(&claim.decision)), Vec::new());
    }
    let decide = |act: Option<Button>| -> Vec<Element> {
        let dismiss = facts::dismiss_menu(finding, &signer).map(Element::from);
        act.map(Element::from).into_iter().chain(dismiss).collect()
    };
    if finding.is_policy() && finding.bucket() == Some(reach.quarantine_bucket) {
        let what = "It is the quarantine bucket of this deployment: run `scripts/doctor`, which says what differs.";
        return (what.to_owned(), Vec::new());
    }
    if let Some(why) = reach.sources.obstacle(finding) {
        let what = match why {
            Why::OtherAccount => "The bucket belongs to another account, where this deployment cannot change anything.",
            Why::OutsideSources | Why::Unpinned => {
                "This deployment may not touch this bucket: its name does not match `SourceBucketPattern`."
            }
        };
        return (what.to_owned(), Vec::new());
    }
    if finding.is_policy() {
        let press = || decide(act(finding, &signer).map(|(button, _)| button));
        let standing = bucket::standing(finding, listed.claim.as_ref(), listed.bucket.as_ref(), signer.now());
        let by = || listed.claim.as_ref().map(|claim| facts::decided_by(&claim.decision)).unwrap_or_default();
        let may_act = actionable(finding, reach.quarantine_bucket).is_ok();
        return match standing {
            bucket::Standing::Open | bucket::Standing::Dead if !may_act => {
                ("There is nothing that could be changed for it: open it in Macie.".to_owned(), Vec::new())
            }
            bucket::Standing::Open if listed.bucket.as_ref().is_some_and(BucketRecord::came_to_nothing) => {
                ("An attempt to change the bucket came to nothing.".to_owned(), press())
            }
            bucket::Standing::Open => ("To be decided.".to_owned(), press()),
            bucket::Standing::Dead => (format!("Begun, and no end is recorded. By: {}", by()), press()),
            bucket::Standing::UnderWay => (format!("Being changed. By: {}", by()), Vec::new()),
            bucket::Standing::Done | bucket::Standing::Dismissed => {
                (format!("Decided already. By: {}", by()), Vec::new())
            }
        };
    }
    let is_movable = movable(finding, reach.quarantine_bucket).is_ok();
    let remediate = || facts::remediate_button(finding, "Remediate", &signer).filter(|_| is_movable);
    match (manifest, &listed.claim) {
        (Some(manifest), _) if manifest.is_restored() => {
            ("It was in quarantine, and somebody put it back.".to_owned(), decide(remediate()))
        }
        // The finding is newer than the move.
        (Some(manifest), _) if manifest.is_quarantined() => {
            ("It was moved into quarantine, and found again since.".to_owned(), decide(remediate()))
        }
        // It is not offered to leave it at that: the copy may be all there is of the object, and may expire.
        (Some(manifest), _) if manifest.has_copy() => {
            let restore = case_buttons::restore(manifest, &signer);
            let buttons = remediate().into_iter().chain(restore).map(Element::from).collect();
            ("An attempt to move it was not finished: a copy of it is in quarantine.".to_owned(), buttons)
        }
        (Some(manifest), _) if manifest.outcome() == Some(&Outcome::AlreadyGone) => {
            ("It was gone before it could be moved.".to_owned(), decide(remediate()))
        }
        (Some(manifest), _) if manifest.outcome().is_some() => {
            ("An attempt to move it ended without a move.".to_owned(), decide(remediate()))
        }
        (Some(manifest), _) if !matches!(manifest.state, State::Dismissed { .. }) => {
            ("It is being moved.".to_owned(), Vec::new())
        }
        (_, Some(claim)) if claim.dismissed.is_none() => {
            (format!("Decided already. By: {}", facts::decided_by(&claim.decision)), Vec::new())
        }
        _ if is_movable => ("To be decided.".to_owned(), decide(remediate())),
        _ => ("There is nothing that could be moved for it: open it in Macie.".to_owned(), Vec::new()),
    }
}
