use super::blocks::{Button, Confirm, Message, actions, context, fields, header, section};
use super::button::Signer;
use super::facts;
use crate::bucket::{BucketAct, BucketOutcome, BucketRecord};

/// Tells how an act on a bucket's settings ended, and how to undo it or what to do.
#[must_use]
pub fn bucket_act(record: &BucketRecord, signer: &Signer<'_>) -> Message {
    let bucket = facts::name(&record.bucket);
    let outcome = record.outcome().unwrap_or(BucketOutcome::ChangedMeanwhile);
    let (title, what, next) = explain(record.act, outcome);
    let mut blocks =
        vec![header(&title), section(&format!("*Bucket*\n{bucket}")), section(&format!("{what}\n*Next:* {next}"))];
    if let Some(undo) = record.undo() {
        blocks.push(section(&format!("*To undo it*\n`{undo}`")));
    }
    blocks.push(fields([("Decided by", facts::decided_by(&record.decision))]));
    let again = outcome.can_be_tried_again().then(|| bucket_button(record, signer)).flatten();
    blocks.extend(actions(again));
    blocks.push(context([
        format!("Finding {}", facts::name(&record.finding_id)),
        format!("Record {}", facts::name(&record.key())),
    ]));
    Message::new(&format!("{title}: {bucket}"), blocks)
}

fn bucket_button(record: &BucketRecord, signer: &Signer<'_>) -> Option<Button> {
    let action = record.act.action();
    let (label, question) = match record.act {
        BucketAct::BlockPublicAccess => ("Block public access again", "Block all public access to"),
        BucketAct::EncryptByDefault => ("Turn encryption on again", "Encrypt new objects by default in"),
    };
    let value = signer.value(action, &record.finding_id)?;
    let confirm = Confirm::new("Change this bucket?", &format!("{question} {}?", record.bucket), "Change it", "Cancel");
    Some(Button::danger(label, action.action_id(), value, confirm))
}

/// Headline, what happened, what to do.
fn explain(act: BucketAct, outcome: BucketOutcome) -> (String, String, String) {
    let name = act.label();
    let (effect, check, permissions) = match act {
        BucketAct::BlockPublicAccess => (
            "All four settings of Block Public Access are on: neither a policy nor an ACL can make the bucket or its \
             objects public.",
            "check that nothing relied on public access, such as a website",
            "`s3:GetBucketPublicAccessBlock` and `s3:PutBucketPublicAccessBlock`",
        ),
        BucketAct::EncryptByDefault => (
            "New objects are encrypted with keys that S3 manages. Objects that were there before stay as they are.",
            "copy older objects over themselves if they have to be encrypted too",
            "`s3:GetEncryptionConfiguration` and `s3:PutEncryptionConfiguration`",
        ),
    };
    match outcome {
        BucketOutcome::TurnedOn => (format!("{name} turned on"), effect.to_owned(), format!("{check}.")),
        BucketOutcome::AlreadyOn => (
            format!("{name} was on already"),
            format!("{effect} Nothing was changed."),
            "nothing; Macie reported what was true at its time.".to_owned(),
        ),
        BucketOutcome::ChangedMeanwhile => (
            format!("{name} was changed meanwhile"),
            "It was turned on, and something else turned it off at once.".to_owned(),
            "find out what manages the bucket (for example a pipeline), change it there, then press the button again."
                .to_owned(),
        ),
        BucketOutcome::AccessDenied => (
            format!("{name} not turned on"),
            "A policy refuses to read or to change the bucket's settings. Nothing was changed.".to_owned(),
            format!("allow the remediator's role {permissions} in the bucket's policy, then press the button again."),
        ),
        BucketOutcome::BucketGone => (
            "Bucket already gone".to_owned(),
            "The bucket does not exist any more. Nothing was changed.".to_owned(),
            "nothing.".to_owned(),
        ),
        BucketOutcome::OtherRegion => (
            format!("{name} not turned on"),
            "The bucket is in another Region than this deployment. Nothing was changed.".to_owned(),
            "deploy this stack in the bucket's Region, where Macie reports it too.".to_owned(),
        ),
        BucketOutcome::OutOfReach { why } => {
            let (what, next) = facts::out_of_reach(why);
            (format!("{name} not turned on"), format!("{what} Nothing was changed."), next.to_owned())
        }
    }
}
