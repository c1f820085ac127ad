//! A request may wait for hours before its run begins: what was decided meanwhile counts.

use domain::quarantine::State;
use domain::slack::button::DismissReason;
use serde_json::json;

use super::s3::{Refused, Version};
use super::{QUARANTINE, World, by_policy, finding};

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";

fn secret() -> Version {
    Version { etag: format!("\"{MD5}\""), body: b"secret".to_vec(), size: 6, ..Version::default() }
}

/// Whether the secret is in its bucket, and how many copies are in quarantine.
fn places(world: &World, bucket: &str) -> (bool, usize) {
    let s3 = world.s3();
    let is_there = s3.body(bucket, "k").is_some_and(|body| body == b"secret");
    (is_there, s3.versions(QUARANTINE, |key| key.starts_with("objects/")).len())
}

#[tokio::test]
async fn what_somebody_dismissed_meanwhile_is_not_moved_unasked() {
    let world = World::new().await;
    let id = world.s3().upload("uploads", "k", secret());
    let finding = finding("f1", "uploads", "k", &id, MD5);
    world.claim(&world.click(&finding), Some(DismissReason::TestData));
    assert_eq!(world.handle(&by_policy(&finding)).await.unwrap().outcome, None);
    assert_eq!(world.s3().body("uploads", "k").unwrap(), b"secret");
    assert_eq!(world.slack.take(), Vec::<String>::new());
    let touched = world.s3().calls.iter().any(|call| !call.starts_with("get quarantine/cases/"));
    assert!(!touched, "{:?}", world.s3().calls);
}

#[tokio::test]
async fn what_was_begun_is_finished_whatever_is_decided_after_that() {
    let world = World::new().await;
    let id = world.s3().upload("uploads", "k", secret());
    let finding = finding("f1", "uploads", "k", &id, MD5);
    let calls_before_the_check = 8;
    {
        let mut s3 = world.s3();
        (s3.die_at, s3.die_late) = (Some(calls_before_the_check), true);
    }
    assert!(world.handle(&by_policy(&finding)).await.is_err());
    world.s3().die_at = None;
    assert_eq!(places(&world, "uploads"), (false, 1), "it died after it had deleted the original");
    world.claim(&world.click(&finding), Some(DismissReason::TestData));
    assert!(world.handle(&by_policy(&finding)).await.unwrap().outcome.unwrap().is_quarantined());
}

#[tokio::test]
async fn what_somebody_put_back_meanwhile_is_not_moved_unasked() {
    let world = World::new().await;
    world.s3().upload("flat", "k", secret());
    let first = world.click(&finding("f1", "flat", "k", "", MD5));
    let case_id = world.handle(&first).await.unwrap().case_id;
    world.run(&world.press(&json!({"restore": {"caseId": case_id}}), "U1", 30)).await.unwrap();
    let second = finding("f2", "flat", "k", "", MD5);
    assert_eq!(world.handle(&by_policy(&second)).await.unwrap().outcome, None);
    assert!(world.case(&case_id).is_restored());
    assert_eq!(places(&world, "flat"), (true, 0));
    // Who is asked about it, and presses, decides anew.
    let press = world.click(&second);
    assert!(world.handle(&press).await.unwrap().outcome.unwrap().is_quarantined());
}

#[tokio::test]
async fn a_press_that_did_not_claim_the_case_moves_nothing_and_is_told_only_what_is_true() {
    let mut world = World::new().await;
    world.s3().upload("flat", "k", secret());
    world.handle(&world.click(&finding("f1", "flat", "k", "", MD5))).await.unwrap();
    world.claims_nothing = true;
    world.slack.take();
    // Somebody presses on another message about it.
    let other = finding("f2", "flat", "k", "", MD5);
    let press = world.press(&json!({"quarantine": {"finding": other}}), "U2", 39);
    assert!(world.handle(&press).await.unwrap().outcome.unwrap().is_quarantined());
    let told = world.slack.take();
    assert_eq!(told, ["/actions/T1/2/b (replaces): `flat/k` is in quarantine already: financial information"]);
    // The same file is there once more: it is not.
    world.s3().upload("flat", "k", secret());
    let press = world.press(&json!({"quarantine": {"finding": other}}), "U2", 40);
    assert_eq!(world.handle(&press).await.unwrap().outcome, None);
    assert_eq!(world.slack.take(), Vec::<String>::new());
    assert_eq!(places(&world, "flat"), (true, 1));

    // It was put back meanwhile: there is nothing to tell, and nothing is moved.
    let case_id = world.manifest(&press).case_id;
    world.s3().remove("flat", "k");
    world.run(&world.press(&json!({"restore": {"caseId": case_id}}), "U1", 45)).await.unwrap();
    let press = world.press(&json!({"quarantine": {"finding": other}}), "U2", 50);
    assert_eq!(world.handle(&press).await.unwrap().outcome, None);
    assert!(world.case(&case_id).is_restored());
    assert_eq!(places(&world, "flat"), (true, 0));
}

#[tokio::test]
async fn a_press_on_a_dismissed_finding_begins_nothing() {
    let mut world = World::new().await;
    world.claims_nothing = true;
    let id = world.s3().upload("uploads", "k", secret());
    let press = world.click(&finding("f1", "uploads", "k", &id, MD5));
    for dismissed in [None, Some(DismissReason::TestData)] {
        if dismissed.is_some() {
            world.claim(&press, dismissed);
        }
        assert_eq!(world.handle(&press).await.unwrap().outcome, None);
        assert_eq!(world.s3().body("uploads", "k").unwrap(), b"secret");
    }
    world.claim(&press, None);
    assert!(world.handle(&press).await.unwrap().outcome.unwrap().is_quarantined());
    assert!(matches!(world.manifest(&press).state, State::Ended { .. }));
}

#[tokio::test]
async fn of_two_people_who_claimed_the_case_one_after_the_other_one_moves_the_object_and_both_runs_end() {
    // Whether the first one's run had begun, and died, before the second one took the claim over.
    for begun in [false, true] {
        for second_is_first in [false, true] {
            let mut world = World::new().await;
            let id = world.s3().upload("uploads", "k", secret());
            let task = json!({"quarantine": {"finding": finding("f1", "uploads", "k", &id, MD5)}});
            let (ann, bob) = (world.press(&task, "U1", 20), world.press(&task, "U2", 50));
            world.claims_nothing = true;
            world.claim(&ann, None);
            if begun {
                world.s3().die_at = Some(7);
                assert!(world.handle(&ann).await.is_err());
                world.s3().die_at = None;
            }
            world.claim(&bob, None);
            let runs = if second_is_first { [&bob, &ann] } else { [&ann, &bob] };
            let mut moved = 0;
            for run in runs {
                moved += usize::from(world.handle(run).await.unwrap().outcome.is_some());
            }
            assert!(moved >= 1, "begun {begun}, second first {second_is_first}");
            assert_eq!(places(&world, "uploads"), (false, 1), "begun {begun}, second first {second_is_first}");
            let manifest = world.manifest(&ann);
            assert!(manifest.is_quarantined() && manifest.run.is_none());
            let told = world.slack.take().join("\n");
            assert!(told.contains("uarantine"), "begun {begun}, second first {second_is_first}: {told}");
        }
    }
}

#[tokio::test]
async fn whoever_pressed_twice_need_not_care_which_press_is_run() {
    let mut world = World::new().await;
    let id = world.s3().upload("uploads", "k", secret());
    let task = json!({"quarantine": {"finding": finding("f1", "uploads", "k", &id, MD5)}});
    world.claims_nothing = true;
    // She was told that it took too long; the invocation by her second press failed.
    world.claim(&world.press(&task, "U1", 21), None);
    assert!(world.handle(&world.press(&task, "U1", 20)).await.unwrap().outcome.unwrap().is_quarantined());
}

#[tokio::test]
async fn an_end_that_was_not_told_is_told_by_the_retry() {
    for denied in [false, true] {
        let world = World::new().await;
        let id = world.s3().upload("uploads", "k", secret());
        if denied {
            let refused = Refused { status: 403, code: "AccessDenied", message: "" };
            world.s3().refuse.insert("delete", refused);
        }
        let press = world.click(&finding("f1", "uploads", "k", &id, MD5));
        world.slack.answer([200, 500]);
        assert_eq!(world.handle(&press).await.unwrap_err().error_type(), "SlackNotTold");
        world.slack.take();
        assert_eq!(world.handle(&press).await.unwrap().outcome.unwrap().is_quarantined(), !denied);
        assert!(!world.slack.take().is_empty(), "denied {denied}");
    }
}
