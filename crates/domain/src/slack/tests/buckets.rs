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
        transitions: vec![crate::quarantine::Transition { at: at(3), what: "x".into(), by: by_ann() }],
    };
    let (open, dismissal) = (claim(None), claim(Some(DismissReason::AcceptedRisk)));
    let (public, encryption, shared) =
        (FindingType::BucketPublic, FindingType::BucketEncryptionDisabled, FindingType::BucketSharedExternally);
    let texts = [
        (Some(&open), &public, None),
        (Some(&open), &encryption, None),
        (Some(&open), &public, Some(record(BucketState::Started))),
        (Some(&open), &public, Some(record(BucketState::Failed { error_type: "BucketReadFailed".into(), at: at(3) }))),
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

#[test]
fn a_dismissal_of_a_bucket_says_what_is_shown_of_it_from_now_on() {
    let policy = finding("policy");
    for (reason, expected) in [
        (DismissReason::TestData, "If it happens to this bucket again, it is shown again"),
        (DismissReason::AcceptedRisk, "If it happens to this bucket again, it is not shown"),
    ] {
        let claim = Claim { finding_type: policy.kind.clone(), ..claim(Some(reason)) };
        let message = serde_json::to_string(&dismissed(&policy, "c0ffee", &claim, reason, &signer())).unwrap();
        assert!(message.contains(expected) && !message.contains("version"), "{message}");
    }
}

#[test]
fn a_bucket_that_two_people_have_to_agree_on_says_so() {
    assert_json_snapshot!(bucket_finding(&finding("policy"), BucketReach::Changeable, Approvals::Two, &signer()));
}

/// The finding, about the quarantine bucket.
fn about_the_quarantine(finding: &Finding) -> Finding {
    serde_json::from_str(&serde_json::to_string(finding).unwrap().replace("acme-uploads", QUARANTINE)).unwrap()
}

#[test]
fn the_quarantine_bucket_itself_has_nothing_to_press_and_a_next_step() {
    let own = about_the_quarantine(&finding("policy"));
    let reach = super::digests::everywhere().bucket_reach(&own, QUARANTINE);
    assert_eq!(reach, BucketReach::Quarantine);
    assert_json_snapshot!(bucket_finding(&own, reach, Approvals::Two, &signer()));
}

#[test]
fn a_page_offers_a_bucket_as_long_as_something_may_be_decided() {
    let bucket = finding("policy");
    let decided_at = bucket.changed_at().unwrap();
    let later = |seconds| decided_at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
    let claim = |dismissed| Claim {
        finding_id: bucket.id.clone(),
        finding_type: bucket.kind.clone(),
        decision: by_ann(),
        dismissed,
        reopened: None,
        request_id: None,
        at: later(1),
        beside: Vec::new(),
    };
    let record = |outcome| -> BucketRecord {
        serde_json::from_value(json!({"caseId": "c0ffee", "findingId": bucket.id, "findingType": bucket.kind,
            "act": "block-public-access", "bucket": "acme-uploads", "decision": by_ann(),
            "state": {"state": "ended", "outcome": outcome, "at": later(2), "told": true},
            "transitions": [{"at": later(2), "what": "x", "by": by_ann()}]}))
        .unwrap()
    };
    let reopened = Claim { reopened: by_ann().click().cloned(), ..claim(Some(DismissReason::TestData)) };
    let earlier = Claim { at: later(-1), ..claim(Some(DismissReason::TestData)) };
    let archived = Finding { archived: Some(true), ..bucket.clone() };
    let own = about_the_quarantine(&bucket);
    for (name, finding, claim, record, button) in [
        ("nobody decided", &bucket, None, None, true),
        ("archived", &archived, None, None, false),
        ("the quarantine bucket itself", &own, None, None, false),
        ("dismissed", &bucket, Some(claim(Some(DismissReason::TestData))), None, false),
        ("reopened", &bucket, Some(reopened), None, true),
        ("dismissed before it happened again", &bucket, Some(earlier), None, true),
        ("refused", &bucket, Some(claim(None)), Some(record("accessDenied")), true),
        ("turned on", &bucket, Some(claim(None)), Some(record("turnedOn")), false),
    ] {
        let listed = [Listed {
            entry: crate::digest::Entry::of(finding, crate::digest::Kind::Notice).unwrap(),
            finding: Some(finding.clone()),
            claim,
            manifest: None,
            bucket: record,
        }];
        let sources = super::digests::everywhere();
        let reach = Reach { quarantine_bucket: QUARANTINE, sources: &sources };
        let digest = crate::digest::DigestId::try_from("20261120T1010Z".to_owned()).unwrap();
        let progress = crate::digest::Progress::of(&digest, []);
        let page = serde_json::to_string(&digest_page(&digest, &listed, &progress, reach, &signer())).unwrap();
        assert_eq!(page.contains("block-public-access-listed."), button, "{name}: {page}");
        assert_eq!(page.contains("nothing that could be changed for it"), name == "archived", "{name}: {page}");
        let is_own = name == "the quarantine bucket itself";
        assert_eq!(page.contains("the quarantine bucket of this deployment"), is_own, "{name}: {page}");
    }
}
