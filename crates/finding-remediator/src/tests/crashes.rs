//! The function dies at every single call, before or after the call took effect, and is run again.

use domain::remediation::Outcome;

use serde_json::json;

use super::s3::{Refused, Version};
use super::{NOW, QUARANTINE, World, by_policy, finding, was_told};
use crate::Ended;

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";

/// Where the bytes are: in the source, in quarantine.
fn places(world: &World, bucket: &str) -> (usize, usize) {
    let s3 = world.s3();
    let is_secret = |version: &Version| version.body == b"secret";
    let count = |bucket| s3.versions(bucket, |_| true).iter().filter(|(_, version)| is_secret(version)).count();
    (count(bucket), count(QUARANTINE))
}

async fn check_every_crash(bucket: &str, size: i64) {
    let secret = || Version {
        etag: format!("\"{MD5}\""),
        body: b"secret".to_vec(),
        size,
        checksum: Some("crc".into()),
        ..Version::default()
    };
    for (die_late, clicked) in [(false, false), (true, false), (false, true), (true, true)] {
        let asked = |world: &World, id: &str| {
            let finding = finding("f1", bucket, "k", id, MD5);
            if clicked { world.click(&finding) } else { by_policy(&finding) }
        };
        let calls_of_a_whole_run = {
            let world = World::new().await;
            let id = world.s3().upload(bucket, "k", secret());
            world.handle(&asked(&world, &id)).await.unwrap();
            world.s3().calls.len()
        };
        for die_at in 0..calls_of_a_whole_run {
            let world = World::new().await;
            let id = world.s3().upload(bucket, "k", secret());
            let request = asked(&world, &id);
            {
                let mut s3 = world.s3();
                s3.die_at = Some(die_at);
                s3.die_late = die_late;
            }
            let died = world.handle(&request).await;
            assert!(died.is_err(), "call {die_at}");
            let (source, quarantine) = places(&world, bucket);
            assert!(source + quarantine >= 1, "call {die_at}: the object is lost");

            world.s3().die_at = None;
            let handled = world.handle(&request).await.unwrap();
            let (source, quarantine) = places(&world, bucket);
            assert_eq!(source, 0, "call {die_at}: the object is still in its bucket");
            assert_eq!(quarantine, 1, "call {die_at}: copies in quarantine");
            let manifest = world.manifest(&request);
            assert!(matches!(manifest.outcome(), Some(Outcome::Quarantined { .. })), "call {die_at}");
            assert!(was_told(&manifest), "call {die_at}");
            let told = world.slack.take();
            let ends = told.iter().filter(|told| told.contains("Quarantined")).count();
            let expected = if clicked { 1..=2 } else { 0..=0 };
            assert!(expected.contains(&ends), "call {die_at}: {told:?}");
            // None: only the record of the message was missing, or its answer.
            assert!(handled.outcome.is_none_or(|outcome| outcome.is_quarantined()), "call {die_at}");
            let keys = world.s3().versions(QUARANTINE, |key| key.starts_with("objects/f1/"));
            assert!(keys.iter().all(|(key, _)| *key == keys[0].0), "call {die_at}: a copy lies elsewhere");
        }
    }
}

#[tokio::test]
async fn with_versions_no_crash_loses_the_object_and_the_next_run_finishes() {
    check_every_crash("uploads", 6).await;
}

#[tokio::test]
async fn without_versions_no_crash_loses_the_object_and_the_next_run_finishes() {
    check_every_crash("flat", 6).await;
}

#[tokio::test]
async fn in_parts_no_crash_loses_the_object_and_the_next_run_finishes() {
    check_every_crash("uploads", 5_300_000_000).await;
}

/// An attempt three weeks ago copied, and could not delete. The copy is made anew, the function dies at any call, and S3
/// deletes the old copy by its age, before or after the next run.
#[tokio::test]
async fn with_an_old_copy_no_crash_makes_the_record_name_the_one_that_expires() {
    const LATER: i64 = NOW + 21 * 86_400;
    let refused = Refused { status: 403, code: "AccessDenied", message: "" };
    for (die_late, expires_first) in [(false, false), (false, true), (true, false), (true, true)] {
        for die_at in 0..20 {
            let mut world = World::new().await;
            let secret =
                Version { etag: format!("\"{MD5}\""), body: b"secret".to_vec(), size: 6, ..Version::default() };
            let id = world.s3().upload("uploads", "k", secret);
            let finding = finding("f1", "uploads", "k", &id, MD5);
            world.s3().refuse.insert("delete", refused.clone());
            let case_id = world.handle(&by_policy(&finding)).await.unwrap().case_id;
            world.s3().refuse.clear();
            let old = world.case(&case_id).quarantine;
            world.remediator.clock = || jiff::Timestamp::from_second(LATER).unwrap();
            let calls = world.s3().calls.len();
            {
                let mut s3 = world.s3();
                s3.time = LATER;
                (s3.die_at, s3.die_late) = (Some(calls + die_at), die_late);
            }
            let again = world.click(&finding);
            let died = world.run_as("again", &again).await.is_err();
            world.s3().die_at = None;
            let expire = || world.s3().expire(&old.bucket, &old.key, old.version_id.as_deref().unwrap());
            // S3 keeps one that is the only one for as long as its age allows, which is what is tried here.
            let is_replaced = world.s3().versions(QUARANTINE, |key| key == old.key).len() > 1;
            if expires_first && is_replaced {
                expire();
            }
            world.run_as("again", &again).await.unwrap();
            if is_replaced {
                expire();
            }
            let manifest = world.case(&case_id);
            assert!(manifest.is_quarantined(), "call {die_at}: {:?}", manifest.state);
            let recorded = manifest.quarantine.version_id.unwrap();
            assert_ne!(Some(&recorded), old.version_id.as_ref(), "call {die_at}");
            let there = world.s3().versions(QUARANTINE, |key| key == old.key);
            assert!(there.iter().any(|(_, copy)| copy.id.as_ref() == Some(&recorded)), "call {die_at}: {there:?}");
            let restore = world.press(&json!({"restore": {"caseId": case_id}}), "U1", 50);
            let restored = world.run_as("restore", &restore).await.unwrap().ended;
            assert!(matches!(restored, Some(Ended::Restoration(outcome)) if outcome.is_restored()), "call {die_at}");
            assert_eq!(places(&world, "uploads"), (1, 0), "call {die_at}");
            if !died {
                break;
            }
        }
    }
}

#[tokio::test]
async fn however_the_next_run_dies_too_the_one_after_it_finishes() {
    for first in 0..10 {
        for second in 0..10 {
            let world = World::new().await;
            let secret =
                Version { etag: format!("\"{MD5}\""), body: b"secret".to_vec(), size: 6, ..Version::default() };
            let id = world.s3().upload("uploads", "k", secret);
            let request = by_policy(&finding("f1", "uploads", "k", &id, MD5));
            for die_after in [first, second] {
                let die_at = world.s3().calls.len() + die_after;
                world.s3().die_at = Some(die_at);
                world.s3().die_late = first % 2 == 0;
                // A run that has less left to do may end before it dies.
                let _ = world.handle(&request).await;
                let (source, quarantine) = places(&world, "uploads");
                assert!(source + quarantine >= 1, "{first}, {second}: the object is lost");
            }
            world.s3().die_at = None;
            world.handle(&request).await.unwrap();
            let (source, quarantine) = places(&world, "uploads");
            assert!(source == 0 && quarantine >= 1, "{first}, {second}: {source} in its bucket, {quarantine} moved");
            assert!(was_told(&world.manifest(&request)), "{first}, {second}");
        }
    }
}
