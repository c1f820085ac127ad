//! One snapshot for each message, and the same hostile finding through all of them.

mod buckets;
mod digests;
mod ends;
mod retention;

use insta::assert_json_snapshot;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::button::{DismissReason, Place, Signer};
use super::*;
use crate::finding::{Finding, FindingType, Tag};
use crate::policy::{BucketReach, Reason, Sources, Why};
use crate::quarantine::{Claim, Location, Manifest, Original, Retention, State, Transition, plan};
use crate::remediation::{Click, Decision, Outcome, Proof, Step};

const QUARANTINE: &str = "acme-quarantine";

fn finding(name: &str) -> Finding {
    let path = format!("{}/../../samples/events/macie-finding.{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    serde_json::from_value(event["detail"].take()).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_169_702 + second).unwrap()
}

/// In the place and at the time of the samples.
fn signer() -> Signer<'static> {
    let place = Place { team_id: "T01ACME", channel_id: "C01SECURITY" };
    Signer::new("0123456789abcdef0123456789abcdef", place, Retention::FOR_EVER, at(0))
}

fn by_ann() -> Decision {
    Decision::Person(Click {
        user_id: "U02ANN".into(),
        user_name: Some("ann".into()),
        channel_id: "C01SECURITY".into(),
        decided_at: at(0),
        response_url: None,
    })
}

fn manifest(finding: &Finding, decision: Decision, outcome: Outcome) -> Manifest {
    let plan = plan(finding).unwrap();
    let planned = Manifest::planned(finding, QUARANTINE, &decision).unwrap();
    Manifest {
        original: Some(Original {
            account_id: finding.account_id.clone(),
            bucket: plan.source.bucket,
            key: plan.source.key,
            version_id: plan.source.version_id,
            size: 712,
            ..Original::default()
        }),
        state: State::Ended { outcome, at: at(5), told: false },
        transitions: vec![Transition { at: at(5), what: "moved".into(), by: decision }],
        severity: None,
        ..planned
    }
}

fn claim(dismissed: Option<DismissReason>) -> Claim {
    let finding_type = FindingType::Personal;
    let (reopened, request_id) = (None, None);
    Claim {
        finding_id: "f1".into(),
        finding_type,
        decision: by_ann(),
        dismissed,
        reopened,
        request_id,
        at: at(0),
        beside: Vec::new(),
    }
}

fn quarantined(remaining_versions: Option<u32>) -> Outcome {
    let proof = Proof::Checksum { algorithm: "CRC64NVME".into(), value: "dGVzdA==".into() };
    Outcome::Quarantined { proof, remaining_versions }
}

#[test]
fn a_review_request_says_what_was_found_and_what_the_button_does() {
    assert_json_snapshot!(review_request(&finding("personal"), QUARANTINE, Approvals::One, &signer()));
}

#[test]
fn a_review_request_says_how_many_people_are_needed_and_who_agreed() {
    let Decision::Person(ann) = by_ann() else { panic!("not a person") };
    let request =
        |approvals| serde_json::to_value(review_request(&finding("financial-high"), QUARANTINE, approvals, &signer()));
    assert!(request(Approvals::Two).unwrap().to_string().contains("*Two people* have to press Remediate"));
    assert_json_snapshot!(request(Approvals::OneMore(&ann)).unwrap());
}

#[test]
fn a_dismissed_finding_says_who_and_why() {
    let claim = claim(Some(DismissReason::TestData));
    assert_json_snapshot!(
        dismissed(&finding("personal"), "c0ffee", &claim, DismissReason::TestData, &signer()).replacing_original()
    );
}

#[test]
fn a_dismissal_is_about_one_type_of_finding() {
    assert!(claim(Some(DismissReason::TestData)).dismisses(&finding("personal")));
    assert!(!claim(Some(DismissReason::TestData)).dismisses(&finding("credentials")));
    assert!(!claim(None).dismisses(&finding("personal")));
}

#[test]
fn a_review_request_leaves_out_what_macie_left_out() {
    assert_json_snapshot!(review_request(&finding("nulls"), QUARANTINE, Approvals::One, &signer()));
}

#[test]
fn a_review_request_shows_many_kinds_and_a_public_bucket() {
    assert_json_snapshot!(review_request(&finding("multiple"), QUARANTINE, Approvals::One, &signer()));
}

#[test]
fn a_review_request_shows_the_tags_that_say_who_owns_the_data() {
    let mut finding = finding("personal");
    let resources = finding.resources_affected.as_mut().unwrap();
    let tag = |key: &str, value: &str| Tag { key: Some(key.into()), value: Some(value.into()) };
    resources.s3_object.as_mut().unwrap().tags = vec![tag("retention", "7y"), tag("DataOwner", "ann@acme.example")];
    let message = serde_json::to_string(&review_request(&finding, QUARANTINE, Approvals::One, &signer())).unwrap();
    assert!(message.contains("*Object tags*\\n`DataOwner=ann@acme.example`, `retention=7y`"), "{message}");
}

#[test]
fn a_review_request_names_custom_identifiers() {
    assert_json_snapshot!(review_request(&finding("custom-identifier"), QUARANTINE, Approvals::One, &signer()));
}

#[test]
fn an_automatic_quarantine_is_told() {
    let finding = finding("financial-high");
    assert_json_snapshot!(remediated(&finding, &manifest(&finding, Decision::Policy, quarantined(Some(0))), &signer()));
}

#[test]
fn a_clicked_quarantine_replaces_the_request_and_names_who_clicked() {
    let finding = finding("personal");
    let message =
        remediated(&finding, &manifest(&finding, by_ann(), quarantined(Some(3))), &signer()).replacing_original();
    assert_json_snapshot!(message);
}

#[test]
fn an_object_that_was_quarantined_before_is_told_with_who_did_it() {
    let finding = finding("personal");
    let outcome = Outcome::Quarantined { proof: Proof::Size, remaining_versions: None };
    assert_json_snapshot!(already_quarantined(&finding, &manifest(&finding, by_ann(), outcome), &signer()));
}

#[test]
fn progress_is_shown_without_a_button() {
    assert_json_snapshot!(in_progress(&finding("personal"), &by_ann()));
}

#[test]
fn each_outcome_without_a_move_has_its_own_sentences() {
    let finding = finding("personal");
    for (name, outcome) in [
        ("already_gone", Outcome::AlreadyGone),
        ("changed", Outcome::ChangedSinceScan { copied: false }),
        ("changed_while_moved", Outcome::ChangedSinceScan { copied: true }),
        ("locked", Outcome::Locked { until: Some(at(86_400)), legal_hold: false, copied: false }),
        ("legal_hold", Outcome::Locked { until: None, legal_hold: true, copied: true }),
        ("read_denied", Outcome::AccessDenied { step: Step::Read, copied: false }),
        ("read_denied_with_a_copy", Outcome::AccessDenied { step: Step::Read, copied: true }),
        ("copy_denied", Outcome::AccessDenied { step: Step::Copy, copied: false }),
        ("delete_denied", Outcome::AccessDenied { step: Step::Delete, copied: true }),
        ("key_unusable", Outcome::KeyUnusable { copied: false }),
        ("archived", Outcome::Archived { storage_class: "DEEP_ARCHIVE".into(), copied: false }),
        ("other_region", Outcome::OtherRegion),
        ("out_of_reach", Outcome::OutOfReach { why: Why::OutsideSources, copied: false }),
        ("other_account", Outcome::OutOfReach { why: Why::OtherAccount, copied: true }),
    ] {
        let again = outcome.can_be_tried_again();
        let message = not_remediated(&finding, &manifest(&finding, by_ann(), outcome), &signer());
        assert_eq!(serde_json::to_string(&message).unwrap().contains("Remediate again"), again, "{name}");
        assert_json_snapshot!(format!("not_remediated_{name}"), message);
    }
}

#[test]
fn a_remediation_that_failed_for_good_can_be_started_again() {
    assert_json_snapshot!(remediation_failed(&finding("personal"), Some("QuarantineCopyFailed"), &signer()));
}

#[test]
fn a_finding_about_a_bucket_says_who_changed_what_and_what_its_button_does() {
    assert_json_snapshot!(bucket_finding(&finding("policy"), BucketReach::Changeable, Approvals::One, &signer()));
}

#[test]
fn each_type_of_finding_about_a_bucket_has_its_own_words() {
    for (name, kind) in [
        ("public", FindingType::BucketPublic),
        ("encryption_disabled", FindingType::BucketEncryptionDisabled),
        ("shared", FindingType::BucketSharedExternally),
        ("replicated", FindingType::BucketReplicatedExternally),
        ("cloudfront", FindingType::BucketSharedWithCloudFront),
    ] {
        let finding = Finding { kind, policy_details: None, ..finding("policy") };
        assert_json_snapshot!(
            format!("bucket_finding_{name}"),
            bucket_finding(&finding, BucketReach::Changeable, Approvals::One, &signer())
        );
    }
}

#[test]
fn a_bucket_that_may_not_be_changed_has_no_button_to_change_it() {
    let message =
        serde_json::to_string(&bucket_finding(&finding("policy"), BucketReach::OutOfReach, Approvals::One, &signer()))
            .unwrap();
    assert!(!message.contains("block-public-access") && message.contains("may not change the bucket"), "{message}");
}

#[test]
fn what_this_deployment_cannot_reach_is_shown_without_a_button() {
    assert_json_snapshot!([Why::OtherAccount, Why::OutsideSources].map(|why| notice(&finding("personal"), why)));
}

#[test]
fn an_object_that_cannot_be_told_from_a_newer_one_is_shown_without_a_button() {
    let mut finding = finding("personal");
    let object = finding.resources_affected.as_mut().unwrap().s3_object.as_mut().unwrap();
    object.version_id = None;
    object.etag = None;
    assert_json_snapshot!(notice(&finding, Why::Unpinned));
}

#[test]
fn whoever_clicks_second_learns_who_decided() {
    let claim = claim(None);
    let finding = finding("personal");
    let done = manifest(&finding, by_ann(), quarantined(Some(0)));
    let failed = manifest(&finding, by_ann(), Outcome::KeyUnusable { copied: false });
    let gone = self::claim(Some(DismissReason::HandledElsewhere));
    let automatic = manifest(&finding, Decision::Policy, quarantined(Some(0)));
    let (claim, gone) = (Some(&claim), Some(&gone));
    let texts = [
        (claim, None),
        (claim, Some(&done)),
        (claim, Some(&failed)),
        (gone, None),
        (gone, Some(&automatic)),
        (None, Some(&automatic)),
    ]
    .map(|(claim, manifest)| {
        let message = serde_json::to_value(already_decided(claim, manifest)).unwrap();
        assert_eq!((&message["response_type"], &message["replace_original"]), (&json!("ephemeral"), &json!(false)));
        message["text"].as_str().unwrap().to_owned()
    });
    assert_json_snapshot!(texts);
}

/// Every reason why a press does nothing.
fn refusals() -> [Refusal; 13] {
    [
        Refusal::NotAllowed,
        Refusal::WrongPlace,
        Refusal::ForgedButton,
        Refusal::ExpiredButton,
        Refusal::AgreedAlready,
        Refusal::Replayed,
        Refusal::TooSlow,
        Refusal::UnknownFinding,
        Refusal::UnknownCase,
        Refusal::NotMovable(Reason::Archived),
        Refusal::OutOfReach(Why::OtherAccount),
        Refusal::OutOfReach(Why::OutsideSources),
        Refusal::Failed,
    ]
}

#[test]
fn a_refused_person_learns_why_in_private() {
    let texts = refusals().map(|refusal| {
        let message = serde_json::to_value(refused(&refusal)).unwrap();
        assert_eq!(message["response_type"], "ephemeral");
        message["text"].as_str().unwrap().to_owned()
    });
    assert_json_snapshot!(texts);
}

/// Every message about one finding, as it is sent.
fn all_messages(finding: &Finding) -> Vec<Value> {
    let mut messages = vec![
        review_request(finding, QUARANTINE, Approvals::One, &signer()),
        in_progress(finding, &by_ann()),
        dismissed(finding, "c0ffee", &claim(None), DismissReason::TestData, &signer()),
        remediation_failed(finding, Some("`<!channel>`"), &signer()),
        bucket_finding(finding, BucketReach::Changeable, Approvals::One, &signer()),
        notice(finding, Why::OtherAccount),
        notice(finding, Why::Unpinned),
    ];
    messages.extend(ends::all(finding));
    if plan(finding).is_ok() {
        for outcome in [quarantined(Some(1)), Outcome::Archived { storage_class: "<!here>`".into(), copied: false }] {
            let manifest = manifest(finding, by_ann(), outcome);
            messages.push(remediated(finding, &manifest, &signer()));
            messages.push(already_quarantined(finding, &manifest, &signer()));
            messages.push(not_remediated(finding, &manifest, &signer()));
        }
    }
    messages.into_iter().map(|message| serde_json::to_value(message).unwrap()).collect()
}

/// Every text in a message that Slack reads as markup.
fn markup(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if object.get("type") == Some(&json!("plain_text")) {
                return;
            }
            for (name, value) in object {
                match value {
                    Value::String(text) if name == "text" => texts.push(text.clone()),
                    _ => markup(value, texts),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| markup(value, texts)),
        _ => {}
    }
}

/// The parts of a text between `<` and `>`: mentions, dates and links.
fn controls(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').skip(1).map(|part| part.split('>').next().unwrap_or(part))
}

fn check_is_safe(finding: &Finding) {
    for message in all_messages(finding) {
        let mut texts = Vec::new();
        markup(&message, &mut texts);
        for text in texts {
            for control in controls(&text) {
                let ours = control.starts_with("!date^") || control == "@U02ANN";
                let link = control.starts_with("https://eu-west-1.console.aws.amazon.com/s3/object/");
                assert!(ours || link, "{control:?} in {text:?}");
            }
            let spans = text.matches('`').count();
            assert_eq!(spans % 2, 0, "a code span is open in {text:?}");
            assert!(!text.contains(['\u{202e}', '\u{200b}']), "{text:?}");
        }
        let blocks = message["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50);
        for block in blocks {
            if let Some(text) = block["text"]["text"].as_str() {
                assert!((1..=3_000).contains(&text.chars().count()), "{block}");
            }
            for field in block["fields"].as_array().into_iter().flatten() {
                assert!(field["text"].as_str().unwrap().chars().count() <= 2_000, "{block}");
            }
            for element in block["elements"].as_array().into_iter().flatten() {
                assert!(element["url"].as_str().unwrap_or_default().len() <= 3_000);
                assert!(element["value"].as_str().unwrap_or_default().len() <= 2_000);
            }
        }
    }
}

#[test]
fn a_hostile_key_is_only_text_in_every_message() {
    check_is_safe(&finding("hostile-key"));
    assert_json_snapshot!(review_request(&finding("hostile-key"), QUARANTINE, Approvals::One, &signer()));
}

fn with_key(key: &str) -> Finding {
    let mut finding = finding("personal");
    finding.resources_affected.as_mut().unwrap().s3_object.as_mut().unwrap().key = Some(key.into());
    finding
}

#[test]
fn the_longest_keys_stay_within_slacks_limits() {
    for unit in ["k", "&", "`", "\u{202e}", "ü", "<!channel>"] {
        check_is_safe(&with_key(&unit.repeat(1_024 / unit.len())));
    }
}

/// In a snapshot, so that Slack's own SDK judges it too (`scripts/check messages`).
#[test]
fn a_hostile_key_of_1024_bytes_is_shown_cut_in_every_message() {
    let key: String = "<!channel>`&*\u{202e}\u{200b}<https://evil.example|x>".chars().cycle().take(988).collect();
    let finding = with_key(&key[..key.floor_char_boundary(1_024)]);
    assert_eq!(finding.object().unwrap().key.len(), 1_024);
    check_is_safe(&finding);
    let moved = manifest(&finding, by_ann(), quarantined(Some(3)));
    assert_json_snapshot!([
        review_request(&finding, QUARANTINE, Approvals::One, &signer()),
        remediated(&finding, &moved, &signer()),
        not_remediated(&finding, &manifest(&finding, by_ann(), Outcome::KeyUnusable { copied: false }), &signer()),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_key_and_no_text_of_a_stranger_becomes_markup(key in "\\PC{1,60}|[<>&`*_~|!@# \u{202e}\u{200b}]{1,60}", text in "[<>&`*_~|!@#a-z ]{0,60}") {
        let mut finding = with_key(&key);
        finding.description = Some(text.clone());
        finding.title = Some(text.clone());
        finding.account_id = Some(text.clone());
        let resources = finding.resources_affected.as_mut().unwrap();
        let tag = Tag { key: Some(key), value: Some(text) };
        resources.s3_bucket.as_mut().unwrap().tags = vec![tag.clone(); 7];
        resources.s3_object.as_mut().unwrap().tags = vec![tag];
        check_is_safe(&finding);
    }
}

#[test]
fn a_region_that_is_none_or_whose_console_is_unknown_makes_no_link() {
    for region in ["evil.example/#", "us-iso-east-1", "eu-isoe-west-1"] {
        let finding = Finding { region: Some(region.into()), ..finding("personal") };
        for message in all_messages(&finding) {
            assert!(!message.to_string().contains("https://"), "{region}: {message}");
        }
    }
}

#[test]
fn sizes_are_short_and_times_are_in_the_readers_zone() {
    for (bytes, expected) in [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 KB"),
        (6_442_450_944, "6.4 GB"),
        (u64::MAX, "18446744.0 TB"),
    ] {
        assert_eq!(facts::size(bytes), expected);
    }
    assert_eq!(facts::time(at(0)), "<!date^1795169702^{date_short_pretty} {time}|2026-11-20 10:15 UTC>");
}
