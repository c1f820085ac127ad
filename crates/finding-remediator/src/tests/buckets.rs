//! Protections of a bucket are turned on.

use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use domain::bucket::{BucketAct, BucketOutcome, BucketRecord, PublicAccessBlock, Settings, record_key};
use domain::slack::button::DismissReason;
use serde_json::{Value, json};

use super::s3::Refused;
use super::{QUARANTINE, World};
use crate::{Ended, Error};

fn finding() -> Value {
    json!({"id": "f1", "accountId": "111122223333", "region": "eu-west-1",
        "type": "Policy:IAMUser/S3BlockPublicAccessDisabled", "category": "POLICY",
        "resourcesAffected": {"s3Bucket": {"name": "uploads"}}})
}

fn press(world: &World, task: &str, minute: u8) -> Value {
    world.press(&json!({task: {"finding": finding()}}), "U1", minute)
}

async fn run(world: &World, request: &Value) -> Result<Option<BucketOutcome>, Error> {
    Ok(world.run(request).await?.ended.map(|ended| match ended {
        Ended::Bucket(outcome) => outcome,
        other => panic!("{other:?}"),
    }))
}

fn record(world: &World, act: BucketAct) -> BucketRecord {
    let finding = serde_json::from_value(finding()).unwrap();
    let key = record_key(&domain::bucket::case_id(&finding).unwrap(), act);
    serde_json::from_slice(&world.s3().body(QUARANTINE, &key).unwrap()).unwrap()
}

fn block(on: [bool; 4]) -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration::builder()
        .block_public_acls(on[0])
        .ignore_public_acls(on[1])
        .block_public_policy(on[2])
        .restrict_public_buckets(on[3])
        .build()
}

#[tokio::test]
async fn block_public_access_is_turned_on_read_back_and_told_with_how_to_undo_it() {
    let world = World::new().await;
    world.s3().public_access.insert("uploads".into(), block([true, false, false, false]));
    let outcome = run(&world, &press(&world, "blockPublicAccess", 30)).await.unwrap();
    assert_eq!(outcome, Some(BucketOutcome::TurnedOn));
    assert_eq!(world.s3().public_access["uploads"], block([true; 4]));
    let record = record(&world, BucketAct::BlockPublicAccess);
    let before = PublicAccessBlock { block_public_acls: true, ..PublicAccessBlock::default() };
    assert_eq!(record.before, Some(Settings::PublicAccess(Some(before))));
    assert!(record.undo().unwrap().contains("IgnorePublicAcls=false"));
    assert!(record.was_told());
    assert_eq!(world.slack.take(), ["/services/T1/B1/x: Block Public Access turned on: `uploads`"]);
    let calls: Vec<_> = world.s3().calls.iter().map(|call| call.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(calls, ["get", "get", "get-block", "put", "put-block", "get-block", "put", "put"]);
}

#[tokio::test]
async fn default_encryption_is_turned_on_where_there_is_none() {
    let world = World::new().await;
    let outcome = run(&world, &press(&world, "encryptByDefault", 30)).await.unwrap();
    assert_eq!(outcome, Some(BucketOutcome::TurnedOn));
    assert_eq!(record(&world, BucketAct::EncryptByDefault).before, Some(Settings::Encryption(None)));
    let again = run(&world, &press(&world, "encryptByDefault", 31)).await.unwrap();
    assert_eq!(again, Some(BucketOutcome::AlreadyOn), "whatever the algorithm is, it stays");
}

#[tokio::test]
async fn what_is_on_is_not_touched() {
    let world = World::new().await;
    world.s3().public_access.insert("uploads".into(), block([true; 4]));
    let press = press(&world, "blockPublicAccess", 30);
    assert_eq!(run(&world, &press).await.unwrap(), Some(BucketOutcome::AlreadyOn));
    assert!(!world.s3().calls.iter().any(|call| call.starts_with("put-block")));
    world.slack.take();
    assert_eq!(run(&world, &press).await.unwrap(), None, "delivered twice");
    assert_eq!(world.slack.take(), Vec::<String>::new());
}

#[tokio::test]
async fn each_refusal_has_its_own_end() {
    let refused = |status, code| Refused { status, code, message: "" };
    for (call, refusal, expected) in [
        ("get-block", refused(403, "AccessDenied"), BucketOutcome::AccessDenied),
        ("put-block", refused(403, "AccessDenied"), BucketOutcome::AccessDenied),
        ("get-block", refused(404, "NoSuchBucket"), BucketOutcome::BucketGone),
        ("put-block", refused(404, "NoSuchBucket"), BucketOutcome::BucketGone),
        ("get-block", refused(301, "PermanentRedirect"), BucketOutcome::OtherRegion),
    ] {
        let world = World::new().await;
        world.s3().refuse.insert(call, refusal);
        let outcome = run(&world, &press(&world, "blockPublicAccess", 30)).await.unwrap();
        assert_eq!(outcome, Some(expected), "{call}");
        assert!(record(&world, BucketAct::BlockPublicAccess).was_told());
    }
    let world = World::new().await;
    world.s3().settings_stay = true;
    let outcome = run(&world, &press(&world, "blockPublicAccess", 30)).await.unwrap();
    assert_eq!(outcome, Some(BucketOutcome::ChangedMeanwhile));

    let world = World::new().await;
    world.s3().refuse.insert("put-block", refused(501, "Trouble"));
    let error = run(&world, &press(&world, "blockPublicAccess", 30)).await.unwrap_err();
    assert_eq!(error.error_type(), "BucketChangeFailed");
}

#[tokio::test]
async fn an_attempt_that_changed_nothing_is_not_what_another_is_undone_to() {
    // The owner sets more, or all, before somebody else decides.
    for (between, expected) in
        [([true, true, false, false], BucketOutcome::TurnedOn), ([true; 4], BucketOutcome::AlreadyOn)]
    {
        let world = World::new().await;
        world.s3().public_access.insert("uploads".into(), block([true, false, false, false]));
        world.s3().refuse.insert("put-block", Refused { status: 409, code: "OperationAborted", message: "" });
        let first = press(&world, "blockPublicAccess", 30);
        assert_eq!(run(&world, &first).await.unwrap_err().error_type(), "BucketChangeFailed");
        world.s3().refuse.clear();
        world.s3().public_access.insert("uploads".into(), block(between));
        assert_eq!(run(&world, &press(&world, "blockPublicAccess", 50)).await.unwrap(), Some(expected));
        let record = record(&world, BucketAct::BlockPublicAccess);
        let before = PublicAccessBlock {
            block_public_acls: between[0],
            ignore_public_acls: between[1],
            block_public_policy: between[2],
            restrict_public_buckets: between[3],
        };
        assert_eq!(record.before, Some(Settings::PublicAccess(Some(before))));
        assert_eq!(record.undo().is_some(), expected == BucketOutcome::TurnedOn);
    }
}

#[tokio::test]
async fn what_s3_did_and_could_not_say_can_be_undone_by_the_next_attempt() {
    let world = World::new().await;
    world.s3().public_access.insert("uploads".into(), block([true, false, false, false]));
    world.s3().lose_answer = Some("put-block");
    let error = run(&world, &press(&world, "blockPublicAccess", 30)).await.unwrap_err();
    assert_eq!(error.error_type(), "BucketChangeFailed");
    assert_eq!(world.s3().public_access["uploads"], block([true; 4]));
    let outcome = run(&world, &press(&world, "blockPublicAccess", 50)).await.unwrap();
    assert_eq!(outcome, Some(BucketOutcome::TurnedOn));
    let record = record(&world, BucketAct::BlockPublicAccess);
    assert!(record.undo().unwrap().contains("IgnorePublicAcls=false"), "{record:?}");
}

#[tokio::test]
async fn what_was_dismissed_after_an_attempt_failed_is_not_turned_on_by_its_retry() {
    let world = World::new().await;
    world.s3().refuse.insert("put-block", Refused { status: 501, code: "Trouble", message: "" });
    let first = press(&world, "blockPublicAccess", 30);
    run(&world, &first).await.unwrap_err();
    world.s3().refuse.clear();
    world.claim(&first, Some(DismissReason::AcceptedRisk));
    world.slack.take();
    assert_eq!(run(&world, &first).await.unwrap(), None);
    assert!(!world.s3().public_access.contains_key("uploads"));
    assert_eq!(world.slack.take(), Vec::<String>::new());
    // Nor by a press that was waiting for its run when somebody dismissed it.
    let mut world = World::new().await;
    world.claims_nothing = true;
    let press = press(&world, "encryptByDefault", 40);
    world.claim(&press, Some(DismissReason::AcceptedRisk));
    assert_eq!(run(&world, &press).await.unwrap(), None);
    assert!(world.s3().encryption.is_empty());
    world.claim(&press, None);
    assert_eq!(run(&world, &press).await.unwrap(), Some(BucketOutcome::TurnedOn));
}

#[tokio::test]
async fn no_crash_forgets_what_was_set_before() {
    for task in ["blockPublicAccess", "encryptByDefault"] {
        for die_late in [false, true] {
            for die_at in 0..8 {
                let world = World::new().await;
                let press = press(&world, task, 30);
                {
                    let mut s3 = world.s3();
                    s3.die_at = Some(die_at);
                    s3.die_late = die_late;
                }
                assert!(run(&world, &press).await.is_err(), "call {die_at}");
                world.s3().die_at = None;
                let outcome = run(&world, &press).await.unwrap();
                assert!(outcome.is_none_or(|outcome| outcome == BucketOutcome::TurnedOn), "call {die_at} {outcome:?}");
                let act = match task {
                    "blockPublicAccess" => BucketAct::BlockPublicAccess,
                    _ => BucketAct::EncryptByDefault,
                };
                let record = record(&world, act);
                assert!(record.was_told() && record.undo().is_some(), "call {die_at}: {record:?}");
                assert!(!record.before.unwrap().are_on(), "call {die_at}");
            }
        }
    }
}
