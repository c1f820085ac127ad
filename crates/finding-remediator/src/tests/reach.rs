//! Buckets that this deployment may not touch, or not any more.

use domain::bucket::BucketOutcome;
use domain::policy::Why;
use domain::quarantine::RestoreOutcome;
use domain::remediation::Outcome;
use serde_json::{Value, json};

use super::s3::Version;
use super::{QUARANTINE, World, by_policy, finding};
use crate::handler::Ended;

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";

fn scanned() -> Version {
    Version { etag: format!("\"{MD5}\""), body: b"secret".to_vec(), size: 6, ..Version::default() }
}

/// What became of the request, and what the channel was told about it: a reason, a next step, no failure.
async fn told(world: &World, request: &Value) -> (Ended, String) {
    drop(world.slack.take_messages());
    let ended = world.run(request).await.unwrap().ended.unwrap();
    let messages = world.slack.take_messages();
    let message = messages.last().map(ToString::to_string).unwrap_or_default();
    assert!(!message.contains("failed") && !message.contains("two minutes"), "{message}");
    (ended, message)
}

#[tokio::test]
async fn an_object_or_bucket_outside_the_sources_is_left_alone_whoever_asked() {
    let mut world = World::new().await;
    world.remediator.config.sources.bucket_pattern = "acme-inbox-*".into();
    let id = world.s3().upload("uploads", "k", scanned());
    let finding = finding("f1", "uploads", "k", &id, MD5);
    let policy = json!({"id": "f2", "accountId": "111122223333", "type": "Policy:IAMUser/S3BucketPublic",
        "category": "POLICY", "resourcesAffected": {"s3Bucket": {"name": "uploads"}}});
    let why = Why::OutsideSources;
    let moved = Ended::Quarantine(Outcome::OutOfReach { why, copied: false });
    let turned_on = Ended::Bucket(BucketOutcome::OutOfReach { why });
    for (request, expected) in [
        (world.click(&finding), &moved),
        (world.press(&json!({"blockPublicAccess": {"finding": policy}}), "U1", 30), &turned_on),
        (world.press(&json!({"encryptByDefault": {"finding": policy}}), "U1", 31), &turned_on),
    ] {
        let (ended, message) = told(&world, &request).await;
        assert_eq!(&ended, expected);
        assert!(message.contains("does not match `SourceBucketPattern`, which was changed"), "{message}");
        assert!(message.contains("or change that parameter, then press the button again"), "{message}");
        let button = ["Remediate again", "Block public access again", "Turn encryption on again"];
        assert!(button.iter().any(|label| message.contains(label)), "{message}");
        assert_eq!(world.run(&request).await.unwrap().ended, None, "told twice");
    }
    let manifest = world.manifest(&world.click(&finding));
    assert_eq!(manifest.outcome(), Some(&Outcome::OutOfReach { why, copied: false }));
    assert!(manifest.transitions.iter().any(|step| step.what.contains("may not touch the bucket")));

    let automatic = world.run(&by_policy(&finding)).await.unwrap().ended.unwrap();
    assert_eq!(automatic, moved);
    assert!(world.s3().calls.iter().all(|call| call.contains("cases/")), "{:?}", world.s3().calls);
    assert_eq!(world.s3().body("uploads", "k").unwrap(), b"secret");

    world.remediator.config.sources.bucket_pattern = "*".into();
    let again = world.press(&json!({"quarantine": {"finding": finding}}), "U1", 40);
    assert!(world.handle(&again).await.unwrap().outcome.unwrap().is_quarantined(), "once it may be touched");
}

#[tokio::test]
async fn another_account_is_left_alone() {
    let world = World::new().await;
    let mut finding = finding("f1", "uploads", "k", "v1", MD5);
    finding["accountId"] = "999999999999".into();
    let (ended, message) = told(&world, &world.click(&finding)).await;
    assert_eq!(ended, Ended::Quarantine(Outcome::OutOfReach { why: Why::OtherAccount, copied: false }));
    assert!(message.contains("belongs to another account") && !message.contains("Remediate again"), "{message}");
    assert!(world.s3().calls.iter().all(|call| call.contains("cases/")), "{:?}", world.s3().calls);
}

#[tokio::test]
async fn a_case_whose_bucket_was_taken_out_of_reach_says_so_and_can_be_restored_later() {
    let mut world = World::new().await;
    let id = world.s3().upload("uploads", "k", scanned());
    world.s3().upload("uploads", "other", Version { body: b"newer".to_vec(), size: 5, ..scanned() });
    let case_id = world.handle(&by_policy(&finding("f1", "uploads", "k", &id, MD5))).await.unwrap().case_id;
    world.remediator.config.sources.bucket_pattern = "acme-inbox-*".into();
    world.s3().calls.clear();
    let why = Why::OutsideSources;
    for (task, expected, button) in [
        ("restore", Ended::Restoration(RestoreOutcome::OutOfReach { why }), "Restore"),
        ("quarantineVersions", Ended::OtherVersions { moved: 0, left: 0 }, "Quarantine all versions"),
    ] {
        let request = world.press(&json!({task: {"caseId": case_id}}), "U1", 40);
        let (ended, message) = told(&world, &request).await;
        assert_eq!(ended, expected);
        assert!(message.contains("does not match `SourceBucketPattern`") && message.contains(button), "{message}");
        let case = world.case(&case_id);
        assert!(case.is_quarantined(), "{task}");
        assert!(case.transitions.iter().any(|step| step.what.contains("may not touch the bucket")), "{task}");
        world.run(&request).await.unwrap();
        assert!(world.slack.take().is_empty(), "{task}: told twice");
    }
    assert!(world.s3().calls.iter().all(|call| call.contains("cases/")), "{:?}", world.s3().calls);
    let others = world.case(&case_id).other_versions.unwrap();
    assert_eq!(others.out_of_reach, Some(why));
    assert!(others.ended_at.is_some() && others.told, "an approval of this attempt counts for no other: {others:?}");

    world.remediator.config.sources.bucket_pattern = "*".into();
    let request = world.press(&json!({"quarantineVersions": {"caseId": case_id}}), "U1", 42);
    let (ended, message) = told(&world, &request).await;
    assert_eq!(ended, Ended::OtherVersions { moved: 0, left: 0 });
    assert!(message.contains("No other version is left"), "{message}");
    assert_eq!(world.case(&case_id).other_versions.unwrap().out_of_reach, None);
    let request = world.press(&json!({"restore": {"caseId": case_id}}), "U1", 41);
    let ended = world.run(&request).await.unwrap().ended.unwrap();
    assert!(matches!(ended, Ended::Restoration(outcome) if outcome.is_restored()));
    assert_eq!(world.s3().body("uploads", "k").unwrap(), b"secret");
}

#[tokio::test]
async fn after_any_crash_it_is_said_whether_a_copy_is_in_quarantine() {
    let request = |world: &World, minute| {
        world.press(&json!({"quarantine": {"finding": finding("f1", "uploads", "k", "v1", MD5)}}), "U1", minute)
    };
    let copies = |world: &World| world.s3().versions(QUARANTINE, |key| key.starts_with("objects/")).len();
    let mut seen = Vec::new();
    for die_at in 0..10 {
        let mut world = World::new().await;
        assert_eq!(world.s3().upload("uploads", "k", scanned()), "v1");
        {
            let mut s3 = world.s3();
            (s3.die_at, s3.die_late) = (Some(die_at), true);
        }
        assert!(world.handle(&request(&world, 30)).await.is_err(), "call {die_at}");
        world.s3().die_at = None;
        world.remediator.config.sources.bucket_pattern = "acme-inbox-*".into();
        let (copied, is_there) = (copies(&world) == 1, world.s3().body("uploads", "k").is_some());
        let (ended, message) = told(&world, &request(&world, 30)).await;
        let why = Why::OutsideSources;
        assert_eq!(ended, Ended::Quarantine(Outcome::OutOfReach { why, copied }), "call {die_at}");
        assert_eq!(message.contains("A copy of the scanned version is in"), copied, "call {die_at}: {message}");
        assert!(is_there || !message.contains("still in its bucket"), "call {die_at}: {message}");
        seen.push((copied, is_there));

        world.remediator.config.sources.bucket_pattern = "*".into();
        let outcome = world.handle(&request(&world, 40)).await.unwrap().outcome.unwrap();
        assert!(outcome.is_quarantined(), "call {die_at}: {outcome:?}");
        assert_eq!((copies(&world), world.s3().body("uploads", "k")), (1, None), "call {die_at}");
    }
    seen.dedup();
    assert_eq!(seen, [(false, true), (true, true), (true, false)]);
}
