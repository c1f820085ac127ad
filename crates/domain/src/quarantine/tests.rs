use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::remediation::{Click, Decision, Outcome, Proof};

fn finding(id: &str, key: &str, version: &str, etag: &str) -> Finding {
    serde_json::from_value(json!({
        "id": id, "accountId": "111122223333",
        "resourcesAffected": {
            "s3Bucket": {"name": "acme-uploads"},
            "s3Object": {"key": key, "versionId": version, "eTag": etag},
        },
    }))
    .unwrap()
}

#[test]
fn plans_the_move_of_exactly_the_scanned_version() {
    let plan = plan(&finding("f1", "hr/a b.csv", "v1", "e1")).unwrap();
    assert_eq!(plan.destination_key, "objects/f1/acme-uploads/hr/a b.csv");
    assert_eq!(plan.source.version_id.as_deref(), Some("v1"));
    assert_eq!(plan.source.account_id.as_deref(), Some("111122223333"));
    assert_eq!(plan.case_id, finding("f2", "hr/a b.csv", "v1", "e1").case_id().unwrap());
}

#[test]
fn a_key_that_grows_too_long_is_replaced_by_its_digest() {
    let prefix = "objects/f1/acme-uploads/".len();
    let fits = plan(&finding("f1", &"k".repeat(1_024 - prefix), "v1", "")).unwrap();
    assert_eq!(fits.destination_key.len(), 1_024);
    let too_long = plan(&finding("f1", &"ü".repeat(512), "v1", "")).unwrap();
    assert!(too_long.destination_key.starts_with("objects/f1/acme-uploads/"));
    assert_eq!(too_long.destination_key.len(), prefix + 64);
}

#[test]
fn nothing_is_planned_without_knowing_what_was_scanned() {
    assert_eq!(plan(&finding("f1", "k", "", "")), Err(Unplannable::Unpinned));
    assert_eq!(plan(&finding("../../x", "k", "v1", "")), Err(Unplannable::FindingId));
    assert_eq!(plan(&finding("f1", "", "v1", "")), Err(Unplannable::NotAnObject));
}

#[test]
fn what_would_name_another_object_is_encoded() {
    for (key, version, expected) in [
        ("a b.csv", None, "b/a%20b.csv"),
        ("a+b", None, "b/a%2Bb"),
        ("a?versionId=OLD", Some("v1"), "b/a%3FversionId%3DOLD?versionId=v1"),
        ("a%20b#c&d", None, "b/a%2520b%23c%26d"),
        ("ü/..//\n", Some("a+/="), "b/%C3%BC/..//%0A?versionId=a%2B/%3D"),
        ("-._~", None, "b/-._~"),
    ] {
        assert_eq!(copy_source("b", key, version), expected);
    }
}

#[test]
fn only_macies_ids_are_ids() {
    for id in ["ba3c75616234b8a67797b8000371aaba", "64b917aa-3843-014c-91d8-937ffe6c5f21"] {
        assert!(is_finding_id(id), "{id}");
    }
    for id in ["", "../x", "a b", "a/b", "ü", "a\n", &"a".repeat(101)] {
        assert!(!is_finding_id(id), "{id}");
    }
}

proptest! {
    #[test]
    fn a_copy_source_is_a_header_and_decodes_to_the_key(key in "\\PC{1,40}|[?+&=#% /<>\"`\u{0}-\u{1f}]{1,20}", version in "[!-~]{1,20}") {
        let source = copy_source("bucket", &key, Some(&version));
        prop_assert!(source.bytes().all(|byte| byte.is_ascii_graphic()));
        let (path, query) = source.split_once('?').unwrap();
        prop_assert_eq!(percent_decode_str(path).decode_utf8().unwrap(), format!("bucket/{key}"));
        prop_assert_eq!(percent_decode_str(query).decode_utf8().unwrap(), format!("versionId={version}"));
    }

    #[test]
    fn a_destination_is_always_a_key_that_s3_takes(key in "\\PC{1,400}") {
        let Ok(plan) = plan(&finding("ba3c75616234b8a67797b8000371aaba", &key, "v1", "")) else {
            prop_assert!(key.len() > 1_024);
            return Ok(());
        };
        prop_assert!(plan.destination_key.len() <= 1_024);
        prop_assert!(plan.destination_key.starts_with("objects/ba3c75616234b8a67797b8000371aaba/acme-uploads/"));
    }
}

#[test]
fn a_manifest_is_read_as_it_was_written() {
    let at = |second: i64| Timestamp::from_second(1_795_169_702 + second).unwrap();
    let decision = Decision::Person(Click {
        user_id: "U02ANN".into(),
        user_name: Some("ann".into()),
        channel_id: "C01SECURITY".into(),
        decided_at: at(0),
        response_url: None,
    });
    let outcomes = [
        Outcome::Quarantined {
            proof: Proof::Checksum { algorithm: "CRC64NVME".into(), value: "dGVzdA==".into() },
            remaining_versions: Some(2),
        },
        Outcome::Quarantined { proof: Proof::Size, remaining_versions: None },
        Outcome::ChangedSinceScan { copied: true },
        Outcome::Locked { until: Some(at(9)), legal_hold: false, copied: false },
        Outcome::Archived { storage_class: "GLACIER".into(), copied: false },
        Outcome::AlreadyGone,
    ];
    let states = outcomes.into_iter().map(|outcome| State::Ended { outcome, at: at(3), told: true });
    for state in states.chain([State::Started]) {
        let manifest = Manifest {
            state,
            transitions: vec![Transition { at: at(3), what: "Quarantine decided".into(), by: decision.clone() }],
            ..Manifest::planned(&finding("f1", "k", "v1", "e1"), "q", &decision).unwrap()
        };
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest, "{text}");
        assert_eq!(manifest.ended_at().is_some(), manifest.outcome().is_some());
    }
}

#[test]
fn uploads_that_are_all_called_null_are_cases_of_their_own() {
    let case = |version: &str, etag: &str| finding("f1", "k", version, etag).case_id().unwrap();
    assert_ne!(case("null", "e1"), case("null", "e2"));
    assert_eq!(case("null", "e1"), case("", "e1"));
    assert_eq!(case("v1", "e1"), case("v1", "e2"));
}
