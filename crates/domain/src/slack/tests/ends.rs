//! How tasks end that are not the quarantine of a finding's object, and what is said in private: whole messages, so that
//! Slack's own SDK judges them too (`scripts/check messages`), and that hostile names are tried on each.

use super::*;
use crate::bucket::{BucketAct, BucketOutcome, BucketRecord, BucketState, PublicAccessBlock, Settings};
use crate::quarantine::{
    CopyLeft, OtherVersion, OtherVersions, Restoration, RestorationState, RestoreOutcome, Restored, RestoredTo, Run,
};
use crate::remediation::Task;

fn restore_outcomes() -> Vec<RestoreOutcome> {
    vec![
        RestoreOutcome::Restored { copy: CopyLeft::Deleted },
        RestoreOutcome::Restored { copy: CopyLeft::Locked { until: Some(at(86_400)) } },
        RestoreOutcome::Restored { copy: CopyLeft::Locked { until: None } },
        RestoreOutcome::Restored { copy: CopyLeft::Denied },
        RestoreOutcome::NotInQuarantine,
        RestoreOutcome::Occupied { since: Some(at(60)) },
        RestoreOutcome::CopyGone,
        RestoreOutcome::AccessDenied { step: Step::Read },
        RestoreOutcome::AccessDenied { step: Step::Copy },
        RestoreOutcome::KeyUnusable,
        RestoreOutcome::BucketGone,
        RestoreOutcome::Differs,
        RestoreOutcome::OutOfReach { why: Why::OutsideSources },
    ]
}

/// The record of an object that was moved, and of an attempt to put it back.
fn with_restoration(finding: &Finding, outcome: RestoreOutcome) -> Manifest {
    let mut manifest = manifest(finding, by_ann(), quarantined(Some(0)));
    let original = manifest.original.as_ref().unwrap();
    let at_home =
        Location { bucket: original.bucket.clone(), key: original.key.clone(), version_id: Some("v2".into()) };
    let proof = Proof::Checksum { algorithm: "CRC64NVME".into(), value: "dGVzdA==".into() };
    manifest.restoration = Some(Restoration {
        decision: by_ann(),
        started_at: at(60),
        restored: Some(RestoredTo { at: at_home, etag: None, proof }),
        state: RestorationState::Ended { outcome, at: at(65), told: false },
    });
    manifest
}

fn restorations(finding: &Finding) -> Vec<Message> {
    let manifests = restore_outcomes().into_iter().map(|outcome| with_restoration(finding, outcome));
    manifests.map(|manifest| restoration(&manifest, &signer())).collect()
}

/// What was tried of the other versions of a key, and what came of each.
fn with_versions(finding: &Finding, outcomes: &[Option<Outcome>], more: bool, out_of_reach: Option<Why>) -> Manifest {
    let mut manifest = manifest(finding, by_ann(), quarantined(Some(3)));
    let version = |(number, outcome): (usize, &Option<Outcome>)| OtherVersion {
        version_id: format!("v{number}`<!here>"),
        etag: None,
        case_id: format!("{number:032x}"),
        outcome: outcome.clone(),
    };
    manifest.other_versions = Some(OtherVersions {
        decision: by_ann(),
        ended_at: Some(at(70)),
        told: false,
        out_of_reach,
        more,
        unnamed: 0,
        versions: outcomes.iter().enumerate().map(version).collect(),
    });
    manifest
}

fn versions(finding: &Finding) -> Vec<Message> {
    let moved = || Some(quarantined(Some(0)));
    let left = [
        Some(Outcome::ChangedSinceScan { copied: false }),
        Some(Outcome::Locked { until: None, legal_hold: true, copied: false }),
        Some(Outcome::Locked { until: Some(at(86_400)), legal_hold: false, copied: false }),
        Some(Outcome::Locked { until: None, legal_hold: false, copied: true }),
        Some(Outcome::AccessDenied { step: Step::Delete, copied: true }),
        Some(Outcome::KeyUnusable { copied: false }),
        Some(Outcome::Archived { storage_class: "`<!channel>".into(), copied: false }),
        Some(Outcome::OtherRegion),
        Some(Outcome::OutOfReach { why: Why::OtherAccount, copied: false }),
        None,
    ];
    let many: Vec<Option<Outcome>> = left.iter().cloned().chain([moved(), moved(), None, None]).collect();
    let manifests = [
        manifest(finding, by_ann(), quarantined(Some(3))),
        with_versions(finding, &[], false, None),
        with_versions(finding, &[moved()], false, None),
        with_versions(finding, &[moved(), moved()], true, None),
        with_versions(finding, &left, false, None),
        with_versions(finding, &many, true, None),
        with_versions(finding, &[], false, Some(Why::OutsideSources)),
        with_versions(finding, &[moved(), moved()], false, Some(Why::OtherAccount)),
    ];
    manifests.iter().map(|manifest| other_versions(manifest, &signer())).collect()
}

fn acts(finding: &Finding) -> Vec<Message> {
    let outcomes = [
        BucketOutcome::TurnedOn,
        BucketOutcome::AlreadyOn,
        BucketOutcome::ChangedMeanwhile,
        BucketOutcome::AccessDenied,
        BucketOutcome::BucketGone,
        BucketOutcome::OtherRegion,
        BucketOutcome::OutOfReach { why: Why::OutsideSources },
    ];
    let before = |act| match act {
        BucketAct::BlockPublicAccess => Settings::PublicAccess(Some(PublicAccessBlock::default())),
        BucketAct::EncryptByDefault => Settings::Encryption(None),
    };
    let both = [BucketAct::BlockPublicAccess, BucketAct::EncryptByDefault];
    let all = both.into_iter().flat_map(|act| outcomes.map(|outcome| (act, outcome)));
    let records = all.map(|(act, outcome)| {
        let before = Some(before(act));
        let state = BucketState::Ended { outcome, at: at(3), told: false };
        BucketRecord { before, state, ..act_record(finding, act) }
    });
    records.map(|record| bucket_act(&record, &signer())).collect()
}

fn act_record(finding: &Finding, act: BucketAct) -> BucketRecord {
    BucketRecord {
        case_id: "c0ffee".into(),
        finding_id: finding.id.clone(),
        finding_type: finding.kind.clone(),
        act,
        bucket: finding.bucket().unwrap_or("acme-uploads").to_owned(),
        account_id: None,
        region: None,
        decision: by_ann(),
        before: None,
        state: BucketState::Started,
        transitions: Vec::new(),
    }
}

fn failures(finding: &Finding, known: Option<&Manifest>) -> Vec<Message> {
    let case_id = || "0123456789abcdef0123456789abcdef".to_owned();
    let finding = || finding.clone();
    let tasks = [
        Task::Quarantine { finding: finding() },
        Task::Restore { case_id: case_id() },
        Task::QuarantineVersions { case_id: case_id() },
        Task::BlockPublicAccess { finding: finding() },
        Task::EncryptByDefault { finding: finding() },
    ];
    let about_known = tasks.iter().map(|task| task_failed(task, known, Some("S3`<!channel>")));
    about_known.chain(tasks.iter().map(|task| task_failed(task, None, None))).collect()
}

fn first_of_two(finding: &Finding, manifest: &Manifest) -> Vec<Message> {
    let Decision::Person(ann) = by_ann() else { panic!("not a person") };
    vec![
        one_more_person(manifest, "Restore", &ann),
        one_more_person(manifest, "Quarantine all versions", &ann),
        one_more_person_for_bucket(finding, &ann),
    ]
}

/// While something is under way, and to whoever comes second.
fn in_private(finding: &Finding, manifest: &Manifest) -> Vec<Message> {
    let run = Run { id: "i1".into(), until: at(900), decision: by_ann() };
    let restored = with_restoration(finding, RestoreOutcome::Restored { copy: CopyLeft::Deleted });
    let (open, dismissal) = (claim(None), claim(Some(DismissReason::AcceptedRisk)));
    let failed = BucketState::Failed { error_type: "`<!channel>".into(), at: at(3) };
    let act = BucketRecord { state: failed, ..act_record(finding, BucketAct::BlockPublicAccess) };
    vec![
        moving(finding),
        moving_versions(manifest),
        restoring(manifest),
        already_restored(&restored),
        under_way(&run),
        already_decided(Some(&open), None),
        already_decided(Some(&dismissal), None),
        already_decided(None, Some(manifest)),
        bucket_already_decided(Some(&dismissal), &finding.kind, None),
        bucket_already_decided(Some(&open), &FindingType::BucketPublic, Some(&act)),
    ]
}

/// A question about an object that somebody put back.
fn asked_again(finding: &Finding) -> Message {
    let restored = Restored { from_case_id: "c0ffee".into(), decision: by_ann(), at: at(-60) };
    review_request(finding, QUARANTINE, Approvals::One, &signer()).with_note(&restored_before(&restored))
}

/// All of these about one finding.
pub(super) fn all(finding: &Finding) -> Vec<Message> {
    let mut messages = vec![asked_again(finding)];
    messages.extend(acts(finding));
    messages.extend(failures(finding, None));
    messages.extend(refusals().map(|refusal| refused(&refusal)));
    if plan(finding).is_ok() {
        let manifest = manifest(finding, by_ann(), quarantined(Some(1)));
        messages.extend(restorations(finding));
        messages.extend(versions(finding));
        messages.extend(failures(finding, Some(&manifest)));
        messages.extend(first_of_two(finding, &manifest));
        messages.extend(in_private(finding, &manifest));
    }
    messages
}

#[test]
fn each_end_of_a_restoration_has_its_own_words_and_a_button_where_it_can_be_repeated() {
    let finding = finding("personal");
    for (outcome, message) in restore_outcomes().into_iter().zip(restorations(&finding)) {
        let pressed_again = serde_json::to_string(&message).unwrap().contains("\"action_id\":\"restore\"");
        assert_eq!(pressed_again, outcome.can_be_tried_again(), "{outcome:?}");
    }
    assert_json_snapshot!("restorations", restorations(&finding));
}

#[test]
fn what_became_of_other_versions_is_told_by_number_and_reason() {
    assert_json_snapshot!("other_versions", versions(&finding("personal")));
}

#[test]
fn each_end_of_a_change_to_a_bucket_has_its_own_words() {
    assert_json_snapshot!("bucket_acts", acts(&finding("policy")));
}

#[test]
fn each_task_that_failed_says_where_things_are() {
    let finding = finding("personal");
    let known = manifest(&finding, by_ann(), quarantined(Some(1)));
    assert_json_snapshot!("failed_tasks", failures(&finding, Some(&known)));
}

#[test]
fn the_first_of_two_people_is_named() {
    let finding = finding("policy");
    let moved = self::finding("financial-high");
    assert_json_snapshot!(
        "first_of_two",
        first_of_two(&finding, &manifest(&moved, Decision::Policy, quarantined(Some(1))))
    );
}

#[test]
fn what_is_said_in_private_is_only_for_whoever_pressed() {
    let finding = finding("personal");
    let messages = in_private(&finding, &manifest(&finding, by_ann(), quarantined(Some(1))));
    for message in &messages {
        assert_eq!(serde_json::to_value(message).unwrap()["response_type"], "ephemeral");
    }
    assert_json_snapshot!("in_private", messages);
    assert_json_snapshot!("refusals", refusals().map(|refusal| refused(&refusal)));
}

#[test]
fn a_question_about_what_was_put_back_says_why_it_is_asked() {
    assert_json_snapshot!("asked_again", asked_again(&finding("personal")));
}
