//! The messages of a burst.

use super::*;
use crate::digest::{DigestId, Entry, Kind, Progress};
use crate::finding::Severity;

fn digest_id() -> DigestId {
    DigestId::try_from("20261120T1010Z".to_owned()).unwrap()
}

/// A digest of so many findings for each, of which so many were listed.
fn progress(counts: &[(Kind, Option<Severity>, FindingType, usize)], listed: usize) -> Progress {
    let digest = digest_id();
    let mut entries = Vec::new();
    for (kind, severity, finding_type, count) in counts {
        for number in 0..*count {
            let finding_id = format!("{}{number}", finding_type.as_str().len());
            entries.push(Entry { kind: *kind, severity: *severity, finding_type: finding_type.clone(), finding_id });
        }
    }
    let mut keys: Vec<String> = entries.iter().map(|entry| entry.noted_key(&digest)).collect();
    keys.extend(entries.iter().take(listed).map(|entry| entry.listed_key(&digest)));
    Progress::of(&digest, keys.iter().map(String::as_str))
}

fn several() -> [(Kind, Option<Severity>, FindingType, usize); 4] {
    [
        (Kind::Notice, Some(Severity::High), FindingType::BucketPublic, 1),
        (Kind::Review, Some(Severity::High), FindingType::Personal, 2),
        (Kind::Review, None, FindingType::default(), 3),
        (Kind::Quarantined, Some(Severity::Medium), FindingType::Financial, 40),
    ]
}

#[test]
fn a_digest_counts_by_what_is_to_be_done_worst_first() {
    assert_json_snapshot!(digest(&digest_id(), &progress(&several(), 0), false, &signer()));
}

#[test]
fn a_closed_digest_has_a_button_until_all_was_listed() {
    let closed = |listed| serde_json::to_string(&digest(&digest_id(), &progress(&several(), listed), true, &signer()));
    let (some, last, all) = (closed(5).unwrap(), closed(43).unwrap(), closed(46).unwrap());
    assert!(some.contains("Show the next 5") && some.contains("5 of 46") && !some.contains("More may come"), "{some}");
    assert!(last.contains("Show the last 3"), "{last}");
    assert!(!all.contains("show-more") && all.contains("All of them were listed"), "{all}");
}

#[test]
fn a_page_says_of_each_finding_what_may_be_done_about_it() {
    let (asked, moved, gone) = (finding("personal"), finding("financial-high"), finding("credentials"));
    let entry = |finding: &Finding| Entry::of(finding, Kind::Review).unwrap();
    let claim = |finding: &Finding| -> Claim {
        serde_json::from_value(json!({"findingId": finding.id, "findingType": finding.kind, "at": at(0),
            "decision": by_ann()}))
        .unwrap()
    };
    let page = [
        Listed { entry: entry(&asked), finding: Some(asked.clone()), claim: None, manifest: None, bucket: None },
        Listed {
            entry: entry(&asked),
            claim: Some(claim(&asked)),
            finding: Some(asked.clone()),
            manifest: None,
            bucket: None,
        },
        Listed {
            entry: entry(&moved),
            manifest: Some(manifest(&moved, Decision::Policy, quarantined(Some(0)))),
            finding: Some(moved),
            claim: None,
            bucket: None,
        },
        Listed {
            entry: entry(&asked),
            manifest: Some(manifest(&asked, by_ann(), Outcome::KeyUnusable { copied: false })),
            finding: Some(asked),
            claim: None,
            bucket: None,
        },
        Listed { entry: entry(&gone), finding: None, claim: None, manifest: None, bucket: None },
    ];
    let sources = everywhere();
    let reach = Reach { quarantine_bucket: QUARANTINE, sources: &sources };
    assert_json_snapshot!(digest_page(&digest_id(), &page, &progress(&several(), 5), reach, &signer()));
}

#[test]
fn a_page_says_where_an_object_is_that_was_not_moved_or_found_again() {
    let old = finding("personal");
    let newer = Finding { created_at: Some(at(86_400)), ..old.clone() };
    let sources = everywhere();
    let reach = Reach { quarantine_bucket: QUARANTINE, sources: &sources };
    for (finding, outcome, words, buttons) in [
        (&old, Outcome::KeyUnusable { copied: false }, "ended without a move", ["remediate", "dismiss"]),
        (&old, Outcome::AlreadyGone, "gone before it could be moved", ["remediate", "dismiss"]),
        (&old, Outcome::KeyUnusable { copied: true }, "a copy of it is in quarantine", ["remediate", "restore"]),
        (&newer, quarantined(Some(0)), "found again since", ["remediate", "dismiss"]),
    ] {
        let page = [Listed {
            entry: Entry::of(finding, Kind::Review).unwrap(),
            manifest: Some(manifest(&old, by_ann(), outcome)),
            finding: Some(finding.clone()),
            claim: None,
            bucket: None,
        }];
        let page = digest_page(&digest_id(), &page, &progress(&several(), 1), reach, &signer());
        let text = serde_json::to_string(&page).unwrap();
        assert!(text.contains(words), "{text}");
        let offered = ["remediate", "restore", "dismiss"].map(|id| text.contains(&format!("\"action_id\":\"{id}\"")));
        assert_eq!(offered, ["remediate", "restore", "dismiss"].map(|id| buttons.contains(&id)), "{text}");
    }
}

#[test]
fn a_page_offers_for_each_finding_what_its_own_message_would() {
    let (bucket, moved) = (finding("policy"), finding("financial-high"));
    let mut restored = manifest(&moved, Decision::Policy, quarantined(Some(0)));
    restored.restoration = serde_json::from_value(json!({"decision": by_ann(), "startedAt": at(0),
        "state": {"state": "ended", "outcome": "restored", "copy": "deleted", "at": at(1), "told": true}}))
    .unwrap();
    let page = [
        Listed {
            entry: Entry::of(&bucket, Kind::Notice).unwrap(),
            finding: Some(bucket),
            claim: None,
            manifest: None,
            bucket: None,
        },
        Listed {
            entry: Entry::of(&moved, Kind::Quarantined).unwrap(),
            finding: Some(moved),
            claim: None,
            manifest: Some(restored),
            bucket: None,
        },
    ];
    let sources = everywhere();
    let reach = Reach { quarantine_bucket: QUARANTINE, sources: &sources };
    let page = digest_page(&digest_id(), &page, &progress(&several(), 2), reach, &signer());
    let page = serde_json::to_string(&page).unwrap();
    for expected in [
        "block-public-access-listed.",
        "dismiss-accepted-risk-listed.",
        "remediate-listed.",
        "somebody put it back",
        "Credit card number",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[test]
fn a_page_offers_nothing_for_what_is_out_of_reach() {
    let asked = finding("personal");
    let listed = [Listed {
        entry: Entry::of(&asked, Kind::Notice).unwrap(),
        finding: Some(asked),
        claim: None,
        manifest: None,
        bucket: None,
    }];
    for (sources, words) in [
        (Sources { account_id: "999999999999".into(), ..everywhere() }, "belongs to another account"),
        (Sources { bucket_pattern: "other-*".into(), ..everywhere() }, "does not match `SourceBucketPattern`"),
    ] {
        let reach = Reach { quarantine_bucket: QUARANTINE, sources: &sources };
        let page = digest_page(&digest_id(), &listed, &progress(&several(), 5), reach, &signer());
        let page = serde_json::to_string(&page).unwrap();
        assert!(page.contains(words) && !page.contains("-listed."), "{page}");
    }
}

pub(super) fn everywhere() -> Sources {
    Sources { account_id: "111122223333".into(), bucket_pattern: "*".into() }
}

#[test]
fn a_pause_of_automatic_remediation_says_what_to_do() {
    assert_json_snapshot!(automatic_paused(100));
}

#[test]
fn what_cannot_be_read_is_told_with_what_is_known() {
    let known = |name, value: &str| (name, value.to_owned());
    let unreadable = Unreadable { facts: vec![known("Finding", "<!channel>"), known("Region", "eu-west-1")] };
    assert_json_snapshot!(unreadable_finding(&unreadable));
    assert_json_snapshot!(unreadable_request(&Unreadable::default()));
}
