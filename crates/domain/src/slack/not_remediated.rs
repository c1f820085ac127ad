use super::blocks::{Message, actions, context, fields, header, section};
use super::button::Signer;
use super::tags::tags;
use super::{case_buttons, facts};
use crate::finding::Finding;
use crate::quarantine::{Location, Manifest, manifest_key};
use crate::remediation::{Outcome, Step};

/// Tells that the object was not moved, why, and what to do. Where a person can remove the obstacle, the button is
/// there once more.
#[must_use]
pub fn not_remediated(finding: &Finding, manifest: &Manifest, signer: &Signer<'_>) -> Message {
    let object = facts::object(finding);
    let outcome = manifest.outcome().unwrap_or(&Outcome::AlreadyGone);
    let (title, what, next) = explain(outcome);
    let mut blocks = vec![
        header(title),
        section(&format!("*Object*\n{object}")),
        section(&format!("{what}{}\n*Next:* {next}", copy_left(outcome, &manifest.quarantine))),
        fields([("Severity", facts::severity(finding)), ("Decided by", facts::decided_by(&manifest.decision))]),
    ];
    blocks.extend(tags(finding));
    let again =
        outcome.can_be_tried_again().then(|| facts::remediate_button(finding, "Remediate again", signer)).flatten();
    let restore = case_buttons::restore(manifest, signer);
    blocks.extend(actions(again.into_iter().chain(restore).chain(facts::open_button(finding))));
    blocks.push(context([
        format!("Finding {}", facts::name(&finding.id)),
        format!("Record {}", facts::name(&manifest_key(&manifest.case_id))),
    ]));
    Message::new(&format!("{title}: {object}"), blocks)
}

/// Headline, what happened, what to do.
fn explain(outcome: &Outcome) -> (&'static str, String, String) {
    let not_moved = "Object not moved";
    match outcome {
        Outcome::Quarantined { .. } => ("Object quarantined", "The object was moved.".into(), "nothing.".into()),
        Outcome::AlreadyGone => (
            "Object already gone",
            "The scanned version does not exist any more. Nothing was changed.".into(),
            "find out who deleted it, if that was not expected.".into(),
        ),
        Outcome::ChangedSinceScan { copied } => (
            if *copied { "Object replaced while it was moved" } else { "Object changed since the scan" },
            "The key holds something else than what Macie scanned, and that was left alone.".into(),
            "run a discovery job on the bucket; a new finding follows if the new content is sensitive.".into(),
        ),
        Outcome::Locked { until, legal_hold, .. } => {
            let until = until.map(|until| format!(" until {}", facts::time(until))).unwrap_or_default();
            let lock = if *legal_hold { "A legal hold".to_owned() } else { format!("Object Lock{until}") };
            (
                not_moved,
                format!("{lock} keeps the scanned version in its bucket. It is still readable there."),
                "restrict who can read it, have the lock lifted by whoever set it, then press the button again.".into(),
            )
        }
        // A run that copied it may have deleted it in its bucket: to whoever may not list a bucket, S3 refuses what is
        // gone like what may not be read.
        Outcome::AccessDenied { step: Step::Read, copied: true } => (
            "Move not finished",
            "The object may not be read: a policy refuses it. It may be gone from its bucket already, which S3 says only \
             to who may list the bucket."
                .into(),
            "allow the remediator's role `s3:GetObject`, `s3:GetObjectVersion`, their `Tagging` and `s3:ListBucket` in \
             the bucket's policy, then press the button again."
                .into(),
        ),
        Outcome::AccessDenied { step, .. } => {
            let (verb, actions) = match step {
                Step::Read => ("read", "`s3:GetObject`, `s3:GetObjectVersion`, their `Tagging` and `s3:ListBucket`"),
                Step::Copy => ("copied", "`s3:GetObjectVersion`, `s3:GetObjectVersionTagging` and the KMS key's use"),
                Step::Delete => ("deleted", "`s3:DeleteObjectVersion` and `s3:DeleteObject`"),
            };
            (
                not_moved,
                format!("The object may not be {verb}: a policy refuses it. It is still in its bucket."),
                format!("allow the remediator's role {actions} in the bucket's policy, then press the button again."),
            )
        }
        Outcome::KeyUnusable { .. } => (
            not_moved,
            "The object is encrypted with a key that the remediator may not use. It is still in its bucket.".into(),
            "allow the remediator's role `kms:Decrypt` in the key's policy, or enable the key, then press the button \
             again."
                .into(),
        ),
        Outcome::Archived { storage_class, .. } => (
            not_moved,
            format!("The object is in the archive class {}. It is still in its bucket.", facts::name(storage_class)),
            "restore the object in the S3 console, which takes hours, then press the button again.".into(),
        ),
        Outcome::OtherRegion => (
            not_moved,
            "The bucket is in another Region than this deployment. The object is still in its bucket.".into(),
            "deploy this stack in the bucket's Region, where Macie reports it too.".into(),
        ),
        Outcome::OutOfReach { why, copied } => {
            let (what, next) = facts::out_of_reach(*why);
            // A run that copied it may have deleted it in its bucket, and nobody may look.
            let (title, place) = if *copied {
                ("Move not finished", "The object may be gone from its bucket, where nobody may look.")
            } else {
                (not_moved, "The object is still in its bucket.")
            };
            (title, format!("{what} {place}"), next.into())
        }
    }
}

/// A copy that lies in quarantine while the original could not be deleted.
fn copy_left(outcome: &Outcome, quarantine: &Location) -> String {
    if outcome.is_quarantined() || !outcome.left_a_copy() {
        return String::new();
    }
    format!(
        " A copy of the scanned version is in {}. *Restore* takes it out of there.",
        facts::location(&quarantine.bucket, &quarantine.key)
    )
}
