//! Buckets that this deployment may not touch, or not any more.

use serde_json::json;

use super::s3::Version;
use super::{World, by_policy, finding};
use crate::Error;

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";

fn scanned() -> Version {
    Version { etag: format!("\"{MD5}\""), body: b"secret".to_vec(), size: 6, ..Version::default() }
}

#[tokio::test]
async fn an_object_or_bucket_outside_the_sources_is_left_alone_whoever_asked() {
    let mut world = World::new().await;
    world.remediator.config.sources.bucket_pattern = "acme-inbox-*".into();
    let id = world.s3().upload("uploads", "k", scanned());
    let finding = finding("f1", "uploads", "k", &id, MD5);
    let policy = json!({"id": "f2", "accountId": "111122223333", "type": "Policy:IAMUser/S3BucketPublic",
        "category": "POLICY", "resourcesAffected": {"s3Bucket": {"name": "uploads"}}});
    for request in [
        by_policy(&finding),
        world.click(&finding),
        world.press(&json!({"blockPublicAccess": {"finding": policy}}), "U1", 30),
        world.press(&json!({"encryptByDefault": {"finding": policy}}), "U1", 31),
    ] {
        let error = world.run(&request).await.unwrap_err();
        assert!(matches!(&error, Error::OutOfReach { bucket, .. } if bucket == "uploads"), "{error}");
    }
    assert!(world.s3().calls.is_empty(), "{:?}", world.s3().calls);
    assert_eq!(world.s3().body("uploads", "k").unwrap(), b"secret");
}

#[tokio::test]
async fn another_account_is_left_alone() {
    let world = World::new().await;
    let mut finding = finding("f1", "uploads", "k", "v1", MD5);
    finding["accountId"] = "999999999999".into();
    assert!(matches!(world.run(&by_policy(&finding)).await, Err(Error::OutOfReach { .. })));
    assert!(world.s3().calls.is_empty());
}

#[tokio::test]
async fn a_case_whose_bucket_was_taken_out_of_reach_stays_as_it_is() {
    let mut world = World::new().await;
    let id = world.s3().upload("uploads", "k", scanned());
    world.s3().upload("uploads", "k", Version { body: b"newer".to_vec(), size: 5, ..scanned() });
    let case_id = world.handle(&by_policy(&finding("f1", "uploads", "k", &id, MD5))).await.unwrap().case_id;
    let before = world.case(&case_id);
    world.remediator.config.sources.bucket_pattern = "acme-inbox-*".into();
    world.s3().calls.clear();
    for task in ["restore", "quarantineVersions"] {
        let request = world.press(&json!({task: {"caseId": case_id}}), "U1", 40);
        assert!(matches!(world.run(&request).await, Err(Error::OutOfReach { .. })), "{task}");
    }
    assert!(world.s3().calls.iter().all(|call| call.starts_with("get ")), "{:?}", world.s3().calls);
    assert_eq!(world.case(&case_id), before);
    assert_eq!(world.s3().body("uploads", "k").unwrap(), b"newer");
}
