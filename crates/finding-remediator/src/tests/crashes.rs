//! The function dies at every single call, before or after the call took effect, and is run again.

use domain::remediation::Outcome;

use super::s3::Version;
use super::{QUARANTINE, World, by_policy, finding, was_told};

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
