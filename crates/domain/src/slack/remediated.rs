use super::blocks::{Block, Message, actions, context, fields, header, section};
use super::button::Signer;
use super::tags::tags;
use super::{case_buttons, facts};
use crate::finding::Finding;
use crate::quarantine::{Location, Manifest, RemainingVersion, manifest_key};
use crate::remediation::{Outcome, Proof};

/// Versions that are listed one by one.
const MOST_REMAINING: usize = 5;

/// Tells that the object was moved: by whose decision, to where, what was compared, and what is left to do.
#[must_use]
pub fn remediated(finding: &Finding, manifest: &Manifest, signer: &Signer<'_>) -> Message {
    let object = facts::object(finding);
    let text = format!("Quarantined {object}: {}", finding.kind.subject());
    Message::new(&text, blocks("Object quarantined", &object, finding, manifest, signer))
}

/// Tells that there was nothing left to do, and who did it when.
#[must_use]
pub fn already_quarantined(finding: &Finding, manifest: &Manifest, signer: &Signer<'_>) -> Message {
    let object = facts::object(finding);
    let text = format!("{object} is in quarantine already: {}", finding.kind.subject());
    Message::new(&text, blocks("Object was quarantined before", &object, finding, manifest, signer))
}

fn blocks(title: &str, object: &str, finding: &Finding, manifest: &Manifest, signer: &Signer<'_>) -> Vec<Block> {
    let Location { bucket, key, .. } = &manifest.quarantine;
    let mut details =
        vec![("Severity", facts::severity(finding)), ("Decided by", facts::decided_by(&manifest.decision))];
    details.extend(manifest.original.as_ref().map(|original| ("Size", facts::size(original.size))));
    details.extend(manifest.ended_at().map(|at| ("Moved", facts::time(at))));
    let mut blocks = vec![
        header(title),
        section(&format!("*Object*\n{object}")),
        section(&format!("*Found*\n{}", facts::detections(finding))),
        section(&format!("*Now in*\n{}", facts::location(bucket, key))),
        fields(details),
    ];
    blocks.extend(tags(finding));
    if let Some(Outcome::Quarantined { proof, remaining_versions }) = manifest.outcome() {
        blocks.push(section(&what_was_done(finding, proof, *remaining_versions)));
    }
    blocks.extend(remaining(manifest).map(|lines| section(&lines)));
    let versions = match manifest.outcome() {
        Some(Outcome::Quarantined { remaining_versions: Some(0), .. }) => None,
        Some(Outcome::Quarantined { .. }) => {
            case_buttons::quarantine_versions(manifest, "Quarantine all versions", signer)
        }
        _ => None,
    };
    blocks.extend(case_buttons::how_long(manifest, signer).map(|text| section(&text)));
    let restore = case_buttons::restore(manifest, signer);
    blocks.extend(actions(restore.into_iter().chain(versions).chain(facts::open_button(finding))));
    blocks.push(context([
        format!("Finding {}", facts::name(&finding.id)),
        format!("Record {}", facts::name(&manifest_key(&manifest.case_id))),
    ]));
    blocks
}

fn what_was_done(finding: &Finding, proof: &Proof, remaining_versions: Option<u32>) -> String {
    let compared = match proof {
        Proof::Checksum { algorithm, .. } => format!("size and {} checksum of the copy were", facts::name(algorithm)),
        Proof::Etag { .. } => "size and ETag of the copy were".to_owned(),
        Proof::Size => "the size of the copy was".to_owned(),
    };
    let done = format!("The scanned version is gone from its bucket; {compared} compared before it was deleted.");
    let look =
        facts::object_link(finding, "Look at them").unwrap_or_else(|| "Look at them in the S3 console".to_owned());
    let next = match remaining_versions {
        Some(0) => "*Next:* find out how the data got there. No other version of the key is left.".to_owned(),
        Some(1) => format!("*1 other version of this key still exists and may hold the same data.* {look}"),
        Some(count) => format!("*{count} other versions of this key still exist and may hold the same data.* {look}"),
        None => format!("Other versions of the key could not be listed and may hold the same data. {look}"),
    };
    format!("{done}\n{next}")
}

/// The newest of the other versions, one line each.
fn remaining(manifest: &Manifest) -> Option<String> {
    let line = |version: &RemainingVersion| {
        let current = if version.is_current { ", current" } else { "" };
        let time = version.last_modified.map(|at| format!(", {}", facts::time(at))).unwrap_or_default();
        format!("• {}: {}{time}{current}", facts::name(&version.version_id), facts::size(version.size))
    };
    let lines: Vec<_> = manifest.remaining.iter().take(MOST_REMAINING).map(line).collect();
    (!lines.is_empty()).then(|| format!("*Other versions, the newest first*\n{}", lines.join("\n")))
}
