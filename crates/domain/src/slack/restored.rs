use super::blocks::{Message, actions, context, fields, header, section};
use super::button::Signer;
use super::{case_buttons, facts};
use crate::quarantine::{CopyLeft, Manifest, Restoration, RestoreOutcome, Restored, manifest_key};
use crate::remediation::{Proof, Step};

/// Tells how a restoration ended: the object is back, or why not and what to do. Where a person can remove the obstacle,
/// the button is there once more.
#[must_use]
pub fn restoration(manifest: &Manifest, signer: &Signer<'_>) -> Message {
    let object = object(manifest);
    let ended = manifest.restoration.as_ref();
    let outcome = ended.and_then(Restoration::outcome).unwrap_or(&RestoreOutcome::NotInQuarantine);
    let (title, what, next) = explain(outcome, manifest);
    let mut details = Vec::new();
    details.extend(ended.map(|restoration| ("Decided by", facts::decided_by(&restoration.decision))));
    details.extend(
        ended.filter(|_| outcome.is_restored()).and_then(Restoration::ended_at).map(|at| ("Restored", facts::time(at))),
    );
    let mut blocks =
        vec![header(title), section(&format!("*Object*\n{object}")), section(&format!("{what}\n*Next:* {next}"))];
    blocks.extend((!details.is_empty()).then(|| fields(details)));
    let again = outcome.can_be_tried_again().then(|| case_buttons::restore(manifest, signer)).flatten();
    blocks.extend(actions(again));
    blocks.push(small_print(manifest));
    Message::new(&format!("{title}: {object}"), blocks)
}

/// Tells whoever asked second that the object is back already, and who decided it.
#[must_use]
pub fn already_restored(manifest: &Manifest) -> Message {
    let by = manifest.restoration.as_ref().map(|restoration| facts::decided_by(&restoration.decision));
    Message::private(&format!(
        "{} was restored already, decided by {}. Nothing was changed.",
        object(manifest),
        by.unwrap_or_else(|| "somebody else".to_owned())
    ))
}

/// For whoever pressed Restore, while it is under way.
#[must_use]
pub fn restoring(manifest: &Manifest) -> Message {
    Message::private(&format!(
        "Restoring {}. The channel is told once that is done; large objects take minutes.",
        object(manifest)
    ))
}

/// Above a question about an object that a person put back: why it was not quarantined unasked.
#[must_use]
pub fn restored_before(restored: &Restored) -> String {
    format!(
        "This very version was put back from quarantine, decided by {}. So it is not moved again unless somebody \
         presses the button.",
        facts::decided_by(&restored.decision)
    )
}

pub(super) fn object(manifest: &Manifest) -> String {
    match &manifest.original {
        Some(original) => facts::location(&original.bucket, &original.key),
        None => format!("case {}", facts::name(&manifest.case_id)),
    }
}

pub(super) fn small_print(manifest: &Manifest) -> super::blocks::Block {
    context([
        format!("Finding {}", facts::name(&manifest.finding_id)),
        format!("Record {}", facts::name(&manifest_key(&manifest.case_id))),
    ])
}

/// Headline, what happened, what to do.
fn explain(outcome: &RestoreOutcome, manifest: &Manifest) -> (&'static str, String, String) {
    let not_restored = "Object not restored";
    let in_quarantine = "It is still in quarantine.";
    match outcome {
        RestoreOutcome::Restored { copy } => (
            "Object restored",
            format!("The object is back in its bucket, {}. {}", compared(manifest), copy_left(*copy, manifest)),
            "if the data should not be readable there, restrict who can read the bucket. A new scan finds the object \
             again; it is then shown here and not moved by itself."
                .into(),
        ),
        RestoreOutcome::NotInQuarantine => (
            not_restored,
            "The object of this case is not in quarantine. Nothing was changed.".into(),
            "look at the record of the case to see what became of it.".into(),
        ),
        RestoreOutcome::Occupied { since } => (
            not_restored,
            format!(
                "Something newer lies under the key{}, and was left alone. {in_quarantine}",
                since.map(|since| format!(" since {}", facts::time(since))).unwrap_or_default()
            ),
            "move the newer object to another key if both are needed, then press the button again.".into(),
        ),
        RestoreOutcome::CopyGone => (
            not_restored,
            "The copy in quarantine does not exist any more: it expired, or an administrator deleted it. Nothing was \
             changed."
                .into(),
            "look for the data in backups.".into(),
        ),
        RestoreOutcome::AccessDenied { step } => {
            let (verb, actions) = match step {
                Step::Read => ("looked at", "`s3:GetObject`, `s3:GetObjectVersion` and `s3:ListBucket`"),
                Step::Copy | Step::Delete => ("written", "`s3:PutObject` and `s3:PutObjectTagging`"),
            };
            (
                not_restored,
                format!("The place that it came from may not be {verb}: a policy refuses it. {in_quarantine}"),
                format!("allow the remediator's role {actions} in the bucket's policy, then press the button again."),
            )
        }
        RestoreOutcome::KeyUnusable => (
            not_restored,
            format!("The KMS key of the object or of the quarantine may not be used. {in_quarantine}"),
            "enable the key, or allow the remediator's role `kms:Decrypt` and `kms:GenerateDataKey` in its policy, \
             then press the button again."
                .into(),
        ),
        RestoreOutcome::Differs => (
            not_restored,
            format!(
                "It was copied back, and what lies under the key now differs from it in bytes, metadata or tags. The \
                 bucket keeps no versions, so that may be what somebody else uploaded in the same moment: it was left \
                 there, where it can be read. {in_quarantine}"
            ),
            "look at the object in its bucket. Move it to another key if somebody needs it, or delete it, then press the \
             button again."
                .into(),
        ),
        RestoreOutcome::OutOfReach { why } => {
            let (what, next) = facts::out_of_reach(*why);
            (not_restored, format!("{what} {in_quarantine}"), next.into())
        }
        RestoreOutcome::BucketGone => (
            not_restored,
            format!("The bucket that it came from does not exist any more. {in_quarantine}"),
            "create the bucket again and press the button, or let the investigator's role fetch the object.".into(),
        ),
    }
}

fn compared(manifest: &Manifest) -> String {
    let proof = manifest.restoration.as_ref().and_then(|restoration| restoration.restored.as_ref());
    let how = match proof.map(|restored| &restored.proof) {
        Some(Proof::Checksum { algorithm, .. }) => {
            format!("with the same size and {} checksum", facts::name(algorithm))
        }
        Some(Proof::Etag { .. }) => "with the same size and ETag".to_owned(),
        Some(Proof::Size) | None => "with the same size".to_owned(),
    };
    format!("{how}, metadata and tags")
}

fn copy_left(copy: CopyLeft, manifest: &Manifest) -> String {
    let place = facts::location(&manifest.quarantine.bucket, &manifest.quarantine.key);
    match copy {
        CopyLeft::Deleted => "Its copy in quarantine is deleted.".to_owned(),
        CopyLeft::Locked { until: Some(until) } => {
            format!("Its copy {place} stays until {}, because of Object Lock.", facts::time(until))
        }
        CopyLeft::Locked { until: None } => format!("Its copy {place} stays, because of a lock or a legal hold."),
        CopyLeft::Denied => format!("Its copy {place} stays, because a policy refuses its deletion."),
    }
}
