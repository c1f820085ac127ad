//! The other versions of a key are moved, each exactly as the first.

use serde_json::{Value, json};

use super::s3::{Refused, Version};
use super::{NOW, QUARANTINE, World, by_policy, finding};
use crate::{Ended, Error};

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";

fn version(body: &str) -> Version {
    Version {
        etag: format!("\"etag of {body}\""),
        body: body.as_bytes().to_vec(),
        size: i64::try_from(body.len()).unwrap(),
        tags: "team=payments".into(),
        checksum: Some(format!("crc of {body}")),
        ..Version::default()
    }
}

/// A world in which the second of four versions was quarantined, and the case. Another key begins with the same letter.
async fn quarantined() -> (World, String) {
    let world = World::new().await;
    world.s3().upload("uploads", "k", version("secret 1"));
    let scanned = Version { etag: format!("\"{MD5}\""), ..version("secret 2") };
    let id = world.s3().upload("uploads", "k", scanned);
    world.s3().upload("uploads", "k", version("secret 3"));
    world.s3().upload("uploads", "k", version("secret 4"));
    world.s3().upload("uploads", "key", version("other"));
    let handled = world.handle(&by_policy(&finding("f1", "uploads", "k", &id, MD5))).await.unwrap();
    (world, handled.case_id)
}

fn press(world: &World, case_id: &str, minute: u8) -> Value {
    world.press(&json!({"quarantineVersions": {"caseId": case_id}}), "U1", minute)
}

async fn run(world: &World, request: &Value) -> Result<Option<(usize, usize)>, Error> {
    Ok(world.run(request).await?.ended.map(|ended| match ended {
        Ended::OtherVersions { moved, left } => (moved, left),
        other => panic!("{other:?}"),
    }))
}

/// The bodies that hold secrets: in the bucket, in quarantine.
fn secrets(world: &World) -> (Vec<String>, Vec<String>) {
    let s3 = world.s3();
    let of = |bucket| {
        let all =
            s3.versions(bucket, |_| true).into_iter().map(|(_, version)| String::from_utf8(version.body).unwrap());
        let mut all: Vec<_> = all.filter(|body| body.starts_with("secret")).collect();
        all.sort();
        all
    };
    (of("uploads"), of(QUARANTINE))
}

#[tokio::test]
async fn the_result_lists_them_and_one_press_moves_every_version_of_exactly_this_key() {
    let (world, case) = quarantined().await;
    let remaining = world.case(&case).remaining;
    let ids: Vec<_> = remaining.iter().map(|version| (version.version_id.as_str(), version.is_current)).collect();
    assert_eq!(ids, [("v4", true), ("v3", false), ("v1", false)]);

    assert_eq!(run(&world, &press(&world, &case, 30)).await.unwrap(), Some((3, 0)));
    assert_eq!(secrets(&world), (vec![], ["secret 1", "secret 2", "secret 3", "secret 4"].map(String::from).to_vec()));
    assert_eq!(world.s3().body("uploads", "key").unwrap(), b"other");
    let others = world.case(&case).other_versions.unwrap();
    assert!(others.told && others.ended_at.is_some() && others.versions.len() == 3);
    for version in &others.versions {
        let manifest = world.case(&version.case_id);
        assert!(manifest.is_quarantined(), "each is a case of its own");
        assert_eq!(manifest.original.unwrap().version_id.unwrap(), version.version_id);
    }
    let told = world.slack.take();
    assert_eq!(told.last().unwrap(), "/services/T1/B1/x: All versions quarantined: `uploads/k`");
}

#[tokio::test]
async fn each_moved_version_can_be_restored_on_its_own() {
    let (world, case) = quarantined().await;
    run(&world, &press(&world, &case, 30)).await.unwrap();
    let first = world.case(&case).other_versions.unwrap().versions.remove(2);
    let restore = world.press(&json!({"restore": {"caseId": first.case_id}}), "U1", 40);
    world.run(&restore).await.unwrap();
    assert_eq!(secrets(&world).0, ["secret 1"]);
}

#[tokio::test]
async fn what_cannot_be_moved_is_told_and_can_be_pressed_again() {
    let (world, case) = quarantined().await;
    world.s3().change_version("uploads", "k", "v3", |version| version.retain_until = Some(NOW + 9));
    assert_eq!(run(&world, &press(&world, &case, 30)).await.unwrap(), Some((2, 1)));
    assert_eq!(secrets(&world).0, ["secret 3"]);
    assert_eq!(world.slack.take().last().unwrap(), "/services/T1/B1/x: Some versions quarantined: `uploads/k`");

    world.s3().change_version("uploads", "k", "v3", |version| version.retain_until = None);
    assert_eq!(run(&world, &press(&world, &case, 35)).await.unwrap(), Some((3, 0)));
    assert_eq!(secrets(&world).0, Vec::<String>::new());
}

#[tokio::test]
async fn a_press_delivered_twice_is_told_once() {
    let (world, case) = quarantined().await;
    let press = press(&world, &case, 30);
    run(&world, &press).await.unwrap();
    world.slack.take();
    assert_eq!(run(&world, &press).await.unwrap(), None);
    assert_eq!(world.slack.take(), Vec::<String>::new());
}

#[tokio::test]
async fn one_that_fails_does_not_keep_the_others_and_is_tried_again() {
    let (world, case) = quarantined().await;
    world.s3().refuse.insert("copy", Refused { status: 501, code: "Trouble", message: "" });
    let press = press(&world, &case, 30);
    let error = run(&world, &press).await.unwrap_err();
    assert_eq!(error.error_type(), "VersionsNotMoved");
    assert_eq!(world.case(&case).other_versions.unwrap().versions.len(), 3, "the record lists them");
    world.s3().refuse.clear();
    assert_eq!(run(&world, &press).await.unwrap(), Some((3, 0)));
}

#[tokio::test]
async fn without_another_version_nothing_is_moved() {
    let (world, case) = quarantined().await;
    run(&world, &press(&world, &case, 30)).await.unwrap();
    world.slack.take();
    assert_eq!(run(&world, &press(&world, &case, 31)).await.unwrap(), Some((3, 0)));
    assert_eq!(secrets(&world).1.len(), 4);
}

#[tokio::test]
async fn no_crash_loses_a_version_and_the_next_run_finishes() {
    let calls_of_a_whole_run = {
        let (world, case) = quarantined().await;
        let before = world.s3().calls.len();
        run(&world, &press(&world, &case, 30)).await.unwrap();
        world.s3().calls.len() - before
    };
    for die_late in [false, true] {
        for die_at in 0..calls_of_a_whole_run {
            let (world, case) = quarantined().await;
            let press = press(&world, &case, 30);
            {
                let mut s3 = world.s3();
                s3.die_at = Some(s3.calls.len() + die_at);
                s3.die_late = die_late;
            }
            assert!(run(&world, &press).await.is_err(), "call {die_at}");
            let (left, moved) = secrets(&world);
            for body in ["secret 1", "secret 2", "secret 3", "secret 4"].map(String::from) {
                assert!(left.contains(&body) || moved.contains(&body), "call {die_at}: {body} is lost");
            }
            world.s3().die_at = None;
            run(&world, &press).await.unwrap();
            let (left, mut moved) = secrets(&world);
            moved.dedup();
            assert_eq!((left.len(), moved.len()), (0, 4), "call {die_at}, late {die_late}");
            let others = world.case(&case).other_versions.unwrap();
            assert!(others.told && others.moved_and_left().0 == 3, "call {die_at}: {others:?}");
        }
    }
}
