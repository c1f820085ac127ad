//! Others upload, overwrite and delete between our calls, and the function dies: whatever they do, the secret is in
//! exactly one place in the end, unless they themselves destroyed it, and nothing of theirs is lost.

use aws_sdk_s3::types::ServerSideEncryption;
use domain::quarantine::Location;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::s3::{Meddling, Version};
use super::{QUARANTINE, World, by_policy, finding};

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";

fn version(body: &str, etag: &str) -> Version {
    Version {
        etag: format!("\"{etag}\""),
        body: body.as_bytes().to_vec(),
        size: i64::try_from(body.len()).unwrap(),
        checksum: Some(format!("crc of {body}")),
        ..Version::default()
    }
}

/// A file of which S3 tells nothing but its size, which all of them have in common.
fn opaque(body: &str) -> Version {
    let encryption = Some(ServerSideEncryption::AwsKms);
    Version { etag: String::new(), size: 6, checksum: None, encryption, ..version(body, "") }
}

/// How the bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versioning {
    None,
    On,
    /// Off again: uploads replace the version `null`.
    Suspended,
}

/// What others do, and when: before which of our calls.
#[derive(Debug, Clone)]
struct Plan {
    versioning: Versioning,
    /// All files have one size, no checksum, and an `ETag` that is no digest.
    alike: bool,
    meddling: Vec<(usize, Option<u8>)>,
    /// The runs of the function die after so many calls.
    deaths: Vec<(usize, bool)>,
    /// Somebody presses Quarantine all versions after the move.
    versions: bool,
    restores: bool,
}

fn plans() -> impl Strategy<Value = Plan> {
    let meddling = prop::collection::vec((1..40_usize, prop::option::of(0..9_u8)), 0..6);
    let deaths = prop::collection::vec((0..16_usize, any::<bool>()), 0..4);
    let versioning = prop::sample::select(vec![Versioning::None, Versioning::On, Versioning::Suspended]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (versioning, meddling, deaths, flags).prop_map(|(versioning, meddling, deaths, (alike, versions, restores))| Plan {
        versioning,
        alike,
        meddling,
        deaths,
        versions,
        restores,
    })
}

async fn play(plan: &Plan) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let bucket = if plan.versioning == Versioning::None { "flat" } else { "uploads" };
    if plan.versioning == Versioning::Suspended {
        world.s3().set_versioning(bucket, false);
    }
    let file = |body: &str, etag: &str| if plan.alike { opaque(body) } else { version(body, etag) };
    let id = world.s3().upload(bucket, "k", file("secret", MD5));
    let etag = world.s3().etag(bucket, "k");
    let mut uploaded = Vec::new();
    for (index, (call, what)) in plan.meddling.iter().enumerate() {
        let meddling = match what {
            Some(_) => {
                let body = format!("theirs {index}");
                uploaded.push(body.clone());
                Meddling::Upload(bucket.into(), "k".into(), Box::new(file(&body, &format!("etag {index}"))))
            }
            None => Meddling::Delete(bucket.into(), "k".into()),
        };
        world.s3().others.entry(*call).or_default().push(meddling);
    }
    let finding = finding("f1", bucket, "k", &id, &etag);
    let case = serde_json::from_value::<domain::finding::Finding>(finding.clone()).unwrap();
    let case_id = case.case_id().unwrap();
    let mut requests = vec![by_policy(&finding)];
    if plan.versions {
        requests.push(world.press(&json!({"quarantineVersions": {"caseId": case_id}}), "U1", 25));
    }
    if plan.restores {
        requests.push(world.press(&json!({"restore": {"caseId": case_id}}), "U1", 30));
    }
    let mut deaths = plan.deaths.iter();
    for request in requests {
        // The button is offered only where something was there to be looked at.
        if request["task"].get("quarantineVersions").is_some() && world.case(&case_id).original.is_none() {
            continue;
        }
        // Lambda tries again until it works; people press again.
        loop {
            let death = deaths.next();
            {
                let mut s3 = world.s3();
                s3.die_at = death.map(|(calls, _)| s3.calls.len() + calls);
                s3.die_late = death.is_some_and(|(_, late)| *late);
            }
            let ended = world.run(&request).await.is_ok();
            check_nothing_lost(&world, plan, bucket, &uploaded)?;
            if ended && death.is_none() {
                check_record(&world, plan, bucket, &case_id)?;
                break;
            }
            // What somebody did at the wrong moment may fail a run once; not for ever.
            prop_assert!(world.s3().calls.len() < 400, "it does not end: {:?}", world.s3().calls.last());
        }
    }
    let s3 = world.s3();
    let count = |bucket: &str| {
        s3.versions(bucket, |key| !key.starts_with("cases/"))
            .iter()
            .filter(|(_, found)| found.body == b"secret")
            .count()
    };
    let (there, here) = (count(bucket), count(QUARANTINE));
    prop_assert!(there <= 1, "{there} in the bucket");
    prop_assert!(there + here >= 1 || s3.destroyed_by_others, "lost");
    // A death between a copy and its record may leave a second copy in quarantine, under the same key; never in two
    // buckets, unless somebody put something newer in the way at that very moment.
    if plan.meddling.is_empty() {
        prop_assert!(there == 0 || here == 0, "{there} in the bucket, {here} in quarantine");
    }
    Ok(())
}

/// After a run that ended, the case's record says where the secret is, and S3 has it there: in quarantine at the place
/// that the record names, or back in its bucket, unless somebody destroyed it there.
fn check_record(world: &World, plan: &Plan, bucket: &str, case_id: &str) -> Result<(), TestCaseError> {
    let manifest = world.case(case_id);
    prop_assert!(manifest.run.is_none(), "a run that ended still holds the case");
    let s3 = world.s3();
    let is_there = || {
        s3.versions(bucket, |key| key == "k").iter().any(|(_, found)| found.body == b"secret") || s3.destroyed_by_others
    };
    let Location { key, version_id, .. } = &manifest.quarantine;
    let copies = s3.versions(QUARANTINE, |found| found == key);
    if manifest.has_copy() {
        let recorded = copies.iter().find(|(_, copy)| copy.id == *version_id);
        let recorded = recorded.map(|(_, copy)| copy.body.as_slice());
        prop_assert_eq!(recorded, Some(b"secret".as_slice()), "the recorded copy: {:?}", plan);
    } else if manifest.is_restored() {
        prop_assert!(is_there(), "not restored: {plan:?}");
    } else {
        prop_assert!(manifest.outcome().is_some(), "the record does not say how it ended: {plan:?}");
        prop_assert!(is_there(), "neither moved nor there: {plan:?}");
        prop_assert!(copies.is_empty(), "the record denies a copy: {plan:?}");
    }
    Ok(())
}

/// With versions, whatever anybody uploaded is there; without, at least the last upload, unless they deleted it.
fn check_nothing_lost(world: &World, plan: &Plan, bucket: &str, uploaded: &[String]) -> Result<(), TestCaseError> {
    let s3 = world.s3();
    let bodies: Vec<_> = s3.versions(bucket, |_| true).into_iter().map(|(_, found)| found.body).collect();
    let quarantined = s3.versions(QUARANTINE, |_| true).iter().any(|(_, found)| found.body == b"secret");
    let there = bodies.iter().any(|body| body == b"secret");
    prop_assert!(there || quarantined || s3.destroyed_by_others, "the secret is lost: {plan:?}");
    if plan.versioning == Versioning::On {
        let happened = |index: usize| plan.meddling[index].0 < s3.calls.len();
        // What was moved with the other versions of the key is in quarantine.
        let moved = s3.versions(QUARANTINE, |key| key.starts_with("objects/"));
        let bodies: Vec<_> = bodies.into_iter().chain(moved.into_iter().map(|(_, found)| found.body)).collect();
        let theirs = plan.meddling.iter().enumerate().filter(|(index, (_, what))| what.is_some() && happened(*index));
        for (index, _) in theirs {
            let body = format!("theirs {index}");
            prop_assert!(bodies.iter().any(|found| found == body.as_bytes()), "{body} of {uploaded:?} is lost");
        }
    } else {
        prop_assert_eq!(s3.destroyed_by_us, false, "something of theirs was destroyed");
    }
    Ok(())
}

#[test]
fn whatever_others_do_meanwhile_nothing_is_lost_or_doubled() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    runner.run(&plans(), |plan| runtime.block_on(play(&plan))).unwrap();
}
