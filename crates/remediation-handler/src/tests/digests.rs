//! The button of a digest.

use std::collections::BTreeSet;

use domain::digest::{Closed, DigestId, Entry, Kind, Progress};
use domain::finding::Finding;
use domain::quarantine::claim_key;
use domain::slack::button::Action;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::sample;
use super::world::{NOW, World, form, signed, value};

const DIGEST: &str = "20261120T1010Z";

/// A finding of its own about an object of its own.
fn numbered(number: usize) -> Value {
    let mut finding = sample("macie-finding.personal")["detail"].take();
    finding["id"] = format!("{number:032x}").into();
    finding["resourcesAffected"]["s3Object"]["key"] = format!("hr/record-{number}.txt").into();
    finding
}

fn case_id(finding: &Value) -> String {
    serde_json::from_value::<Finding>(finding.clone()).unwrap().case_id().unwrap()
}

/// A world with a digest of so many findings.
async fn world_with(findings: usize) -> World {
    let world = World::new().await;
    let digest = DigestId::try_from(DIGEST.to_owned()).unwrap();
    let all: Vec<Value> = (0..findings).map(numbered).collect();
    for finding in &all {
        let finding: Finding = serde_json::from_value(finding.clone()).unwrap();
        world.file(&Entry::of(&finding, Kind::Review).unwrap().noted_key(&digest), &json!({}));
    }
    *world.findings.lock().unwrap() = all;
    world
}

fn show_more(world: &World) -> Value {
    let mut click = world.click();
    click["actions"][0]["action_id"] = "show-more".into();
    click["actions"][0]["value"] = value(Action::ShowMore, DIGEST).into();
    click
}

/// What the page and the digest say after a press.
async fn press(world: &World) -> (String, String) {
    assert_eq!(world.press(&show_more(world)).await.unwrap(), (200, String::new()));
    let messages = world.slack.take_messages();
    let [page, digest] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((&page["response_type"], &page["replace_original"]), (&json!("in_channel"), &json!(false)));
    assert_eq!(digest["replace_original"], json!(true));
    (page.to_string(), digest.to_string())
}

#[tokio::test]
async fn every_finding_of_a_digest_is_reached_page_by_page() {
    let world = world_with(12).await;
    let mut listed = BTreeSet::new();
    for (count, progress, label) in
        [(5, "5 of 12", Some("next 5")), (5, "10 of 12", Some("last 2")), (2, "12 of 12", None)]
    {
        let (page, digest) = press(&world).await;
        let new: Vec<usize> = (0..12).filter(|number| page.contains(&format!("record-{number}.txt"))).collect();
        assert_eq!(new.len(), count);
        assert!(new.into_iter().all(|number| listed.insert(number)), "listed twice");
        assert_eq!(page.matches("\"remediate-listed.").count(), count);
        assert!(digest.contains(progress), "{digest}");
        match label {
            Some(label) => assert!(digest.contains(&format!("Show the {label}")), "{digest}"),
            None => assert!(!digest.contains("show-more") && digest.contains("All of them were listed"), "{digest}"),
        }
    }
    assert_eq!(listed.len(), 12);
    // An old copy of the message still has its button: it shows no finding twice.
    assert_eq!(world.press(&show_more(&world)).await.unwrap().0, 200);
    assert_eq!(world.slack.take().len(), 1);
}

/// The digest's counts, as whoever closed it found them.
fn close(world: &World) {
    let digest = DigestId::try_from(DIGEST.to_owned()).unwrap();
    let keys: Vec<String> = world.files.lock().unwrap().keys().cloned().collect();
    let counts = Progress::of(&digest, keys.iter().map(String::as_str)).counts().to_vec();
    world.file(&digest.closed_key(), &Closed { counts, at: Timestamp::from_second(NOW).unwrap() });
}

#[tokio::test]
async fn a_closed_digest_of_thousands_is_not_listed_to_its_end() {
    let world = world_with(7_003).await;
    close(&world);
    let mut listed = BTreeSet::new();
    for count in [5, 10, 15] {
        let (page, digest) = press(&world).await;
        listed.extend((0..40).filter(|number| page.contains(&format!("record-{number}.txt"))));
        assert_eq!(listed.len(), count);
        assert!(digest.contains(&format!("{count} of 7003")) && digest.contains("Show the next 5"), "{digest}");
        // What was listed, nothing HIGH, and the first thousand of the others.
        let lists = lists(&world);
        assert_eq!(lists.len(), 3, "{lists:?}");
    }
}

/// What was listed since the last time, once for each request.
fn lists(world: &World) -> Vec<String> {
    let mut lists = std::mem::take(&mut *world.lists.lock().unwrap());
    lists.sort();
    lists
}

const LISTED: &str = "digests/20261120T1010Z/listed/";
const NOTED: &str = "digests/20261120T1010Z/noted/";

#[tokio::test]
async fn as_many_findings_as_one_request_lists_are_two_requests_whatever_else_lies_beside_them() {
    for (findings, requests) in [(1_000, 2), (1_001, 3)] {
        let world = world_with(findings).await;
        close(&world);
        // The window's own messages, and the marks.
        for slot in 0..1_000 {
            world.file(&format!("digests/{DIGEST}/slots/{slot:04}.json"), &json!({}));
        }
        for (name, progress) in [("first", 5), ("second", 10)] {
            let (_, digest) = press(&world).await;
            assert!(digest.contains(&format!("{progress} of {findings}")), "{digest}");
            let lists = lists(&world);
            assert_eq!(lists.len(), requests, "{findings}, {name}: {lists:?}");
        }
    }
}

#[tokio::test]
async fn a_closed_digest_is_reached_to_its_end_with_what_came_after_the_counts() {
    let world = world_with(12).await;
    close(&world);
    let digest = DigestId::try_from(DIGEST.to_owned()).unwrap();
    let late: Finding = serde_json::from_value(numbered(12)).unwrap();
    world.file(&Entry::of(&late, Kind::Review).unwrap().noted_key(&digest), &json!({}));
    world.findings.lock().unwrap().push(numbered(12));
    let mut listed = BTreeSet::new();
    for count in [5, 10, 13] {
        let (page, digest) = press(&world).await;
        assert_eq!(lists(&world), [LISTED, NOTED], "so few are one list each");
        listed.extend((0..13).filter(|number| page.contains(&format!("record-{number}.txt"))));
        assert_eq!(listed.len(), count);
        assert_eq!(digest.contains("show-more"), count < 13, "{digest}");
    }
}

#[tokio::test]
async fn a_page_says_what_was_decided_and_what_macie_forgot() {
    let world = world_with(3).await;
    let decided = numbered(0);
    let claim = json!({"findingId": decided["id"], "findingType": decided["type"], "at": "2026-11-20T10:16:41Z",
        "decision": {"by": "person", "userId": "U09BOB", "channelId": "C01SECURITY", "decidedAt": "2026-11-20T10:16:41Z"}});
    world.file(&claim_key(&case_id(&decided)), &claim);
    world.findings.lock().unwrap().retain(|finding| finding["id"] != numbered(1)["id"]);
    let (page, _) = press(&world).await;
    assert!(page.contains("Decided already. By: <@U09BOB>"), "{page}");
    assert!(page.contains("Macie does not have it any more"), "{page}");
    assert_eq!(page.matches("\"remediate-listed.").count(), 1, "{page}");
}

#[tokio::test]
async fn a_page_that_slack_did_not_take_is_shown_by_the_next_press() {
    let world = world_with(2).await;
    world.slack.answer([503]);
    assert!(world.press(&show_more(&world)).await.is_err());
    world.slack.take();
    let (page, _) = press(&world).await;
    assert!(page.contains("record-0.txt") && page.contains("record-1.txt"), "{page}");
}

#[tokio::test]
async fn a_digest_that_is_gone_is_told_in_private() {
    let world = World::new().await;
    assert_eq!(world.press(&show_more(&world)).await.unwrap().0, 200);
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].starts_with("/actions/T01ACME/1/a: Macie does not have"), "{told:?}");
    // A signed button whose subject is no digest: another action's value never gets here.
    let mut click = show_more(&world);
    click["actions"][0]["value"] = value(Action::ShowMore, "not-a-digest").into();
    assert_eq!(world.press(&click).await.unwrap().0, 200);
    assert_eq!((world.slack.take().len(), world.lines.sum("ClicksRefused")), (1, 2));
}

#[tokio::test]
async fn a_forged_request_is_counted() {
    let world = World::new().await;
    let request = signed(&form(&show_more(&world).to_string()), "another-secret-than-slacks", NOW);
    assert_eq!(world.send(request).await.unwrap().0, 401);
    assert_eq!(world.lines.sum("ClicksRefused"), 1);
}
