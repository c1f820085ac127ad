//! The private messages about the settings of a bucket.

use super::*;
use crate::bucket::{BucketAct, BucketOutcome, BucketRecord, BucketState};

#[test]
fn whoever_decides_second_about_a_bucket_learns_what_was_done_to_the_bucket() {
    let ended = |outcome| BucketState::Ended { outcome, at: at(3), told: true };
    let record = |state| BucketRecord {
        case_id: "c0ffee".into(),
        finding_id: "f1".into(),
        finding_type: FindingType::BucketPublic,
        act: BucketAct::BlockPublicAccess,
        bucket: "acme-uploads".into(),
        account_id: None,
        region: None,
        decision: by_ann(),
        before: None,
        state,
        transitions: Vec::new(),
    };
    let (open, dismissal) = (claim(None), claim(Some(DismissReason::AcceptedRisk)));
    let (public, encryption, shared) =
        (FindingType::BucketPublic, FindingType::BucketEncryptionDisabled, FindingType::BucketSharedExternally);
    let texts = [
        (Some(&open), &public, None),
        (Some(&open), &encryption, None),
        (Some(&open), &public, Some(record(BucketState::Started))),
        (Some(&open), &public, Some(record(ended(BucketOutcome::TurnedOn)))),
        (Some(&open), &public, Some(record(ended(BucketOutcome::AlreadyOn)))),
        (Some(&open), &public, Some(record(ended(BucketOutcome::ChangedMeanwhile)))),
        (Some(&open), &public, Some(record(ended(BucketOutcome::AccessDenied)))),
        (Some(&dismissal), &public, None),
        (None, &public, Some(record(ended(BucketOutcome::TurnedOn)))),
        (None, &shared, None),
    ]
    .map(|(claim, kind, record)| {
        let message = serde_json::to_value(bucket_already_decided(claim, kind, record.as_ref())).unwrap();
        assert_eq!((&message["response_type"], &message["replace_original"]), (&json!("ephemeral"), &json!(false)));
        message["text"].as_str().unwrap().to_owned()
    });
    assert!(texts.iter().all(|text| !text.contains("object") && !text.contains("quarantine")));
    assert_json_snapshot!(texts);
}
