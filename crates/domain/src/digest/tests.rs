use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::finding::{Finding, FindingType};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn entry(kind: Kind, severity: Option<Severity>, finding_type: FindingType, id: &str) -> Entry {
    Entry { kind, severity, finding_type, finding_id: id.to_owned() }
}

#[test]
fn a_window_is_named_by_the_minute_it_begins_in() {
    let window = Window::of(at("2026-11-20T10:19:59.9Z"), 10);
    assert_eq!(window.digest.as_str(), "20261120T1010Z");
    assert_eq!((window.start, window.end), (at("2026-11-20T10:10:00Z"), at("2026-11-20T10:20:00Z")));
    assert_eq!(window.digest.start(), window.start);
    assert_eq!(Window::of(window.end, 10).digest.as_str(), "20261120T1020Z");
}

#[test]
fn only_a_digests_own_spelling_is_its_id() {
    assert!(DigestId::try_from("20261120T1010Z".to_owned()).is_ok());
    for text in [
        "",
        "20261120T1010",
        "20261120T101000Z",
        "20261320T1010Z",
        "20261120T1060Z",
        "../20261120T1010Z",
        "+20261120T1010Z",
        "20261120T1010Z ",
    ] {
        assert_eq!(DigestId::try_from(text.to_owned()), Err(InvalidDigestId), "{text}");
    }
}

#[test]
fn high_findings_have_as_many_messages_more() {
    let digest = Window::of(at("2026-11-20T10:10:00Z"), 10).digest;
    let free = |taken: &[String], severity| digest.free_slots(taken, severity, 2);
    let slot = |name: &str| format!("digests/20261120T1010Z/slots/{name}.json");
    assert_eq!(free(&[], None), [slot("0001"), slot("0002")]);
    assert_eq!(free(&[slot("0001")], Some(Severity::Medium)), [slot("0002")]);
    let taken = [slot("0001"), slot("0002"), slot("high-0001")];
    assert_eq!(free(&taken, Some(Severity::Medium)), Vec::<String>::new());
    assert_eq!(free(&taken, Some(Severity::High)), [slot("high-0002")]);
    assert_eq!(digest.free_slots(&[], Some(Severity::High), 0), Vec::<String>::new());
}

#[test]
fn an_entry_is_read_back_from_its_name() {
    let digest = Window::of(at("2026-11-20T10:10:00Z"), 10).digest;
    let financial = entry(Kind::Review, Some(Severity::High), FindingType::Financial, "f-1");
    assert_eq!(financial.noted_key(&digest), "digests/20261120T1010Z/noted/review/high/Financial/f-1.json");
    let entries = [
        financial,
        entry(Kind::Notice, None, FindingType::BucketPublic, "f-2"),
        entry(Kind::Quarantined, Some(Severity::Low), FindingType::default(), "f-3"),
    ];
    let keys: Vec<String> = entries.iter().map(|entry| entry.noted_key(&digest)).collect();
    let progress = Progress::of(&digest, keys.iter().map(String::as_str));
    let [first, second, third] = progress.next_page() else { panic!("{progress:?}") };
    assert_eq!([first, second, third], [&entries[0], &entries[1], &entries[2]]);
}

#[test]
fn a_finding_with_an_id_that_is_none_has_no_entry() {
    let finding: Finding = serde_json::from_str(r#"{"id": "../../claim"}"#).unwrap();
    assert_eq!(Entry::of(&finding, Kind::Review), None);
}

#[test]
fn what_else_may_lie_there_is_passed_over() {
    let digest = Window::of(at("2026-11-20T10:10:00Z"), 10).digest;
    let keys = [
        "digests/20261120T1010Z/closed.json",
        "digests/20261120T1010Z/noted/review/high/Financial/f-1",
        "digests/20261120T1010Z/noted/review/high/Financial/f-1/x.json",
        "digests/20261120T1010Z/noted/other/high/Financial/f-1.json",
        "digests/20261120T1010Z/noted/review/high/Strange/f-1.json",
        "digests/20261120T1020Z/noted/review/high/Financial/f-1.json",
        "digests/20261120T1010Z/listed/review/high/Financial/f-2.json",
    ];
    assert_eq!(Progress::of(&digest, keys), Progress::default());
}

#[test]
fn a_list_of_the_places_one_after_another_is_in_the_order_of_the_pages() {
    let digest = Window::of(at("2026-11-20T10:10:00Z"), 10).digest;
    let types = [FindingType::BucketPublic, FindingType::Personal, FindingType::Credentials, FindingType::default()];
    let mut keys = BTreeSet::new();
    for kind in [Kind::Quarantined, Kind::Notice, Kind::Review] {
        for severity in [None, Some(Severity::Low), Some(Severity::Medium), Some(Severity::High)] {
            for (finding_type, id) in types.iter().zip(["b", "a", "a-b", "c"]) {
                keys.insert(entry(kind, severity, finding_type.clone(), id).noted_key(&digest));
                keys.insert(entry(kind, severity, finding_type.clone(), "aa").noted_key(&digest));
            }
        }
    }
    let places = digest.noted_prefixes().flat_map(|place| keys.iter().filter(move |key| key.starts_with(&place)));
    let listed: Vec<Entry> = places.filter_map(|key| digest.entry(key)).collect();
    let (mut progress, mut paged) = (Progress::of(&digest, keys.iter().map(String::as_str)), Vec::new());
    while !progress.next_page().is_empty() {
        paged.extend(progress.next_page().to_vec());
        progress = progress.after_next_page();
    }
    assert_eq!((listed.len(), listed), (keys.len(), paged));
}

#[test]
fn what_was_noted_after_the_final_counts_is_reached_too() {
    let digest = Window::of(at("2026-11-20T10:10:00Z"), 10).digest;
    let entries: Vec<Entry> =
        (0..7).map(|number| entry(Kind::Review, None, FindingType::Personal, &format!("f-{number}"))).collect();
    let keys: Vec<String> = entries.iter().map(|entry| entry.noted_key(&digest)).collect();
    let counts = Progress::of(&digest, keys.iter().take(6).map(String::as_str)).counts().to_vec();
    let closed = Closed { counts, at: at("2026-11-20T10:20:15Z") };
    let progress = Progress::of_closed(&closed, 0, entries);
    assert_eq!((progress.total(), progress.after_next_page().next_page().len()), (7, 2));
}

#[test]
fn counts_are_in_the_order_of_the_pages() {
    let digest = Window::of(at("2026-11-20T10:10:00Z"), 10).digest;
    let entries = [
        entry(Kind::Quarantined, Some(Severity::High), FindingType::Credentials, "a"),
        entry(Kind::Review, Some(Severity::Medium), FindingType::Personal, "b"),
        entry(Kind::Review, Some(Severity::High), FindingType::Personal, "c"),
        entry(Kind::Review, Some(Severity::Medium), FindingType::Personal, "d"),
        entry(Kind::Notice, Some(Severity::Low), FindingType::BucketPublic, "e"),
    ];
    let keys: Vec<String> = entries.iter().map(|entry| entry.noted_key(&digest)).collect();
    let progress = Progress::of(&digest, keys.iter().map(String::as_str));
    let counts: Vec<_> = progress.counts().iter().map(|count| (count.kind, count.severity, count.count)).collect();
    assert_eq!(
        counts,
        [
            (Kind::Review, Some(Severity::High), 1),
            (Kind::Review, Some(Severity::Medium), 2),
            (Kind::Notice, Some(Severity::Low), 1),
            (Kind::Quarantined, Some(Severity::High), 1),
        ]
    );
}

fn findings() -> impl Strategy<Value = Vec<(u32, u8)>> {
    prop::collection::vec((0_u32..1_800, 0_u8..4), 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The whole way of a finding, with S3 as a set of names: whoever is not shown is found on the pages.
    #[test]
    fn every_finding_is_shown_or_on_a_page(findings in findings(), individual in 0_u16..8) {
        let (mut s3, mut shown, mut messages) = (BTreeSet::new(), BTreeSet::new(), 0);
        let mut digests = BTreeSet::new();
        for (number, (second, score)) in findings.iter().enumerate() {
            let window = Window::of(Timestamp::from_second(1_795_169_400 + i64::from(*second)).unwrap(), 10);
            let json = format!(r#"{{"id": "f-{number}", "severity": {{"score": {score}}}}}"#);
            let finding: Finding = serde_json::from_str(&json).unwrap();
            let prefix = window.digest.slots_prefix();
            let taken: Vec<String> = s3.iter().filter(|key: &&String| key.starts_with(&prefix)).cloned().collect();
            let free = window.digest.free_slots(&taken, finding.severity(), individual);
            if let Some(slot) = free.into_iter().next() {
                prop_assert!(s3.insert(slot));
                shown.insert(finding.id.clone());
                messages += 1;
            } else {
                let entry = Entry::of(&finding, Kind::Review).unwrap();
                s3.insert(entry.noted_key(&window.digest));
                digests.insert(window.digest.as_str().to_owned());
            }
        }
        // Three windows, or four when the first one had begun.
        prop_assert!(messages <= 4 * 2 * usize::from(individual));
        for digest in digests {
            let digest = DigestId::try_from(digest).unwrap();
            loop {
                let progress = Progress::of(&digest, s3.iter().map(String::as_str));
                if progress.next_page().is_empty() {
                    prop_assert_eq!(progress.listed(), progress.total());
                    break;
                }
                let after = progress.after_next_page();
                for entry in progress.next_page() {
                    prop_assert!(s3.insert(entry.listed_key(&digest)), "listed twice");
                    shown.insert(entry.finding_id.clone());
                }
                prop_assert_eq!(after, Progress::of(&digest, s3.iter().map(String::as_str)));
            }
        }
        prop_assert_eq!(shown.len(), findings.len());
    }

    #[test]
    fn no_text_makes_an_entry_of_a_foreign_name(path in ".{0,80}") {
        let digest = Window::of(Timestamp::UNIX_EPOCH, 10).digest;
        let key = format!("{}noted/{path}", digest.prefix());
        let progress = Progress::of(&digest, [key.as_str()]);
        prop_assert!(progress.next_page().iter().all(|entry| entry.noted_key(&digest) == key));
    }
}
