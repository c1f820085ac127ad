//! What stops a move halfway, or hides how it went: the record knows of every copy that lies in quarantine.

use aws_sdk_s3::types::StorageClass;
use domain::quarantine::{RestoreOutcome, State};
use domain::remediation::{Outcome, Step};
use serde_json::{Value, json};

use super::s3::{Refused, Version};
use super::{NOW, QUARANTINE, World, finding};
use crate::Ended;

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";
const DENIED: Refused = Refused { status: 403, code: "AccessDenied", message: "Access Denied" };

fn secret() -> Version {
    Version { etag: format!("\"{MD5}\""), body: b"secret".to_vec(), size: 6, ..Version::default() }
}

/// What somebody does before the second attempt.
type Obstacle = Box<dyn Fn(&World)>;

/// A press on Remediate.
fn press(world: &World, bucket: &str, id: &str, minute: u8) -> Value {
    world.press(&json!({"quarantine": {"finding": finding("f1", bucket, "k", id, MD5)}}), "U1", minute)
}

async fn restore(world: &World, case_id: &str, minute: u8) -> RestoreOutcome {
    let press = world.press(&json!({"restore": {"caseId": case_id}}), "U1", minute);
    match world.run(&press).await.unwrap().ended {
        Some(Ended::Restoration(outcome)) => outcome,
        other => panic!("{other:?}"),
    }
}

/// How many versions hold the secret: in the bucket, in quarantine.
fn places(world: &World, bucket: &str) -> (usize, usize) {
    let s3 = world.s3();
    let count = |bucket| s3.versions(bucket, |_| true).iter().filter(|(_, version)| version.body == b"secret").count();
    (count(bucket), count(QUARANTINE))
}

/// The role may not list the bucket: S3 says 403 for what does not exist.
fn forbid_listing(world: &World, bucket: &str) {
    let mut s3 = world.s3();
    s3.unlisted.insert(bucket.into());
    s3.refuse.insert("list uploads", DENIED);
    s3.refuse.insert("list flat", DENIED);
}

fn allow_listing(world: &World) {
    let mut s3 = world.s3();
    s3.unlisted.clear();
    s3.refuse.clear();
}

#[tokio::test]
async fn a_move_out_of_a_bucket_that_may_not_be_listed_is_complete_and_can_be_undone() {
    for (bucket, suspended) in [("uploads", false), ("uploads", true), ("flat", false)] {
        let mut world = World::new().await;
        if suspended {
            world.s3().set_versioning(bucket, false);
        }
        let id = world.s3().upload(bucket, "k", secret());
        forbid_listing(&world, bucket);
        let handled = world.handle(&press(&world, bucket, &id, 30)).await.unwrap();
        let outcome = handled.outcome.unwrap();
        assert!(matches!(outcome, Outcome::Quarantined { remaining_versions: None, .. }), "{bucket}: {outcome:?}");
        assert_eq!(places(&world, bucket), (0, 1), "{bucket}");

        let denied = RestoreOutcome::AccessDenied { step: Step::Read };
        assert_eq!(restore(&world, &handled.case_id, 31).await, denied, "{bucket}: nobody can tell whether it is free");
        let told = world.slack.take_messages().pop().unwrap().to_string();
        assert!(told.contains("`s3:ListBucket`") && world.case(&handled.case_id).is_quarantined(), "{told}");
        // Whoever presses on another message claims nothing and learns the same, and the record stays as it is.
        world.claims_nothing = true;
        let again = world.press(&json!({"quarantine": {"finding": finding("f2", bucket, "k", &id, MD5)}}), "U2", 32);
        assert!(world.handle(&again).await.unwrap().outcome.unwrap().is_quarantined(), "{bucket}");
        allow_listing(&world);
        assert!(restore(&world, &handled.case_id, 33).await.is_restored(), "{bucket}");
        assert_eq!(places(&world, bucket), (1, 0), "{bucket}");
    }
}

#[tokio::test]
async fn wherever_a_move_dies_in_a_bucket_that_may_not_be_listed_its_copy_is_known() {
    for (bucket, die_late) in [("uploads", false), ("uploads", true), ("flat", false), ("flat", true)] {
        for die_at in 0..12 {
            let world = World::new().await;
            let id = world.s3().upload(bucket, "k", secret());
            forbid_listing(&world, bucket);
            {
                let mut s3 = world.s3();
                (s3.die_at, s3.die_late) = (Some(die_at), die_late);
            }
            let first = press(&world, bucket, &id, 30);
            assert!(world.handle(&first).await.is_err(), "call {die_at}");
            world.s3().die_at = None;
            let outcome = world.handle(&first).await.unwrap().outcome;
            let (there, here) = places(&world, bucket);
            let case = world.manifest(&first);
            assert_eq!(case.has_copy(), here == 1, "call {die_at}: {outcome:?}");
            assert_eq!(there == 0 && case.original.is_some(), case.has_copy(), "call {die_at}: {outcome:?}");
            if !case.is_quarantined() {
                assert_eq!(outcome, Some(Outcome::AccessDenied { step: Step::Read, copied: true }), "call {die_at}");
                let told = world.slack.take_messages().pop().unwrap().to_string();
                assert!(told.contains("may be gone from its bucket already"), "call {die_at}: {told}");
                assert!(told.contains("\"Restore\"") && told.contains("Remediate again"), "call {die_at}: {told}");
            }
            allow_listing(&world);
            let again = press(&world, bucket, &id, 40);
            assert!(world.handle(&again).await.unwrap().outcome.unwrap().is_quarantined(), "call {die_at}");
        }
    }
}

#[tokio::test]
async fn whatever_stops_a_later_attempt_the_copy_of_the_first_stays_known() {
    let no_key = Refused { status: 403, code: "AccessDenied", message: "not authorized to perform: kms:Decrypt" };
    let refuse = |call, refused: Refused| {
        move |world: &World| {
            world.s3().refuse.insert(call, refused.clone());
        }
    };
    let change = |change: fn(&mut Version)| move |world: &World| world.s3().change("uploads", "k", change);
    let denied = |step| Outcome::AccessDenied { step, copied: true };
    let archived = || Outcome::Archived { storage_class: "GLACIER".into(), copied: true };
    let held = || Outcome::Locked { until: None, legal_hold: true, copied: true };
    let obstacles: [(Obstacle, Outcome); 7] = [
        (Box::new(refuse("head uploads", DENIED)), denied(Step::Read)),
        (Box::new(refuse("get-tags", DENIED)), denied(Step::Read)),
        (Box::new(refuse("copy", DENIED)), denied(Step::Copy)),
        (Box::new(refuse("copy", no_key)), Outcome::KeyUnusable { copied: true }),
        (Box::new(change(|version| version.legal_hold = true)), held()),
        (Box::new(change(|version| version.storage_class = Some(StorageClass::Glacier))), archived()),
        (Box::new(refuse("delete", DENIED)), denied(Step::Delete)),
    ];
    for (arise, expected) in obstacles {
        let mut world = World::new().await;
        let id = world.s3().upload("uploads", "k", secret());
        world.s3().refuse.insert("delete", DENIED);
        let first = world.handle(&press(&world, "uploads", &id, 30)).await.unwrap();
        assert_eq!(first.outcome, Some(denied(Step::Delete)));
        world.s3().refuse.clear();
        // Two days later the copy would be made anew.
        world.remediator.clock = || jiff::Timestamp::from_second(NOW + 2 * 86_400).unwrap();
        world.s3().time = NOW + 2 * 86_400;
        arise(&world);
        world.slack.take();
        let second = world.run_as("second", &press(&world, "uploads", &id, 40)).await.unwrap();
        assert_eq!(second.ended, Some(Ended::Quarantine(expected.clone())));
        let told = world.slack.take_messages().pop().unwrap().to_string();
        assert!(told.contains("A copy of the scanned version is in") && told.contains("\"Restore\""), "{told}");
        let case = world.case(&first.case_id);
        assert!(case.has_copy() && matches!(case.state, State::Ended { .. }), "{expected:?}");
        world.s3().refuse.clear();
        assert!(restore(&world, &first.case_id, 50).await.is_restored(), "{expected:?}");
        assert_eq!(places(&world, "uploads"), (1, 0), "{expected:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_was_made_anew_in_another_region_took_the_original_with_it() {
    let world = World::new().await;
    let id = world.s3().upload("uploads", "k", secret());
    world.s3().refuse.insert("delete", DENIED);
    world.handle(&press(&world, "uploads", &id, 30)).await.unwrap();
    world.s3().refuse.clear();
    world.s3().remove_all("uploads");
    world.s3().refuse.insert("head uploads", Refused { status: 301, code: "", message: "" });
    let handled = world.handle(&press(&world, "uploads", &id, 40)).await.unwrap();
    assert!(handled.outcome.unwrap().is_quarantined());
    assert!(world.case(&handled.case_id).has_copy());
}
