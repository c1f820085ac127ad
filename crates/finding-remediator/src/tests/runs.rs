//! Two runs about the same object at the same time, the second let in after each call of the first: one object stays one
//! object, and the record says where it is.

use domain::remediation::Outcome;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::s3::Version;
use super::turns::side_by_side;
use super::{QUARANTINE, World, by_policy, finding};
use crate::{Ended, Error, Handled};

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";
/// More than any run has calls.
const ALL: usize = 60;

fn secret() -> Version {
    Version {
        etag: format!("\"{MD5}\""),
        body: b"secret".to_vec(),
        size: 6,
        checksum: Some("crc".into()),
        tags: "team=payments".into(),
        ..Version::default()
    }
}

/// How many versions hold the secret: in the bucket, in quarantine.
fn places(world: &World, bucket: &str) -> (usize, usize) {
    let s3 = world.s3();
    let count = |bucket| s3.versions(bucket, |_| true).iter().filter(|(_, version)| version.body == b"secret").count();
    (count(bucket), count(QUARANTINE))
}

/// Lets the second run in after `first` calls of the first one, until it ends. What failed is tried again, as Lambda does.
fn together(world: &World, runtime: &Runtime, first: usize, requests: &[(&str, Value); 2]) -> [Handled; 2] {
    let order = std::iter::repeat_n(0, first).chain(std::iter::repeat_n(1, ALL));
    let ended: [Result<Handled, Error>; 2] = side_by_side(world, runtime.handle(), order, |number| {
        let (id, request) = &requests[number];
        async move { world.run_as(id, request).await }
    });
    let mut again = requests.iter();
    ended.map(|ended| {
        let (id, request) = again.next().unwrap();
        ended.unwrap_or_else(|_| runtime.block_on(world.run_as(id, request)).unwrap())
    })
}

fn restore(world: &World, case: &str, user: &str) -> Value {
    world.press(&json!({"restore": {"caseId": case}}), user, 30)
}

#[test]
fn two_people_who_restore_at_once_restore_once() {
    let runtime = Runtime::new().unwrap();
    for bucket in ["uploads", "flat"] {
        for first in 0..16 {
            let world = runtime.block_on(World::new());
            let id = world.s3().upload(bucket, "k", secret());
            let request = by_policy(&finding("f1", bucket, "k", &id, MD5));
            let case = runtime.block_on(world.handle(&request)).unwrap().case_id;
            let presses = [("i1", restore(&world, &case, "U1")), ("i2", restore(&world, &case, "U2"))];
            for ended in together(&world, &runtime, first, &presses) {
                let restored = match &ended.ended {
                    None => true,
                    Some(Ended::Restoration(outcome)) => outcome.is_restored(),
                    Some(_) => false,
                };
                assert!(restored, "{bucket}, after {first} calls: {ended:?}");
            }
            assert_eq!(places(&world, bucket), (1, 0), "{bucket}, after {first} calls");
            assert!(world.case(&case).is_restored(), "{bucket}, after {first} calls");
        }
    }
}

#[test]
fn whoever_presses_while_it_is_restored_learns_who_was_first() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let id = world.s3().upload("uploads", "k", secret());
    let case = runtime.block_on(world.handle(&by_policy(&finding("f1", "uploads", "k", &id, MD5)))).unwrap().case_id;
    let presses = [("i1", restore(&world, &case, "U1")), ("i2", restore(&world, &case, "U2"))];
    let [first, second] = together(&world, &runtime, 5, &presses);
    assert!(first.ended.is_some() && second.ended.is_none());
    let told = world.slack.take();
    assert!(told.iter().any(|text| text.contains("is being worked on, decided by <@U1>")), "{told:?}");
    assert_eq!(told.iter().filter(|text| text.contains("Object restored")).count(), 1, "{told:?}");
}

/// Two requests to quarantine the same object, and whether they are one that Lambda delivers twice.
fn check_two_quarantines(bucket: &str, requests: impl Fn(&World, &str) -> [(&'static str, Value); 2]) {
    let runtime = Runtime::new().unwrap();
    for first in 0..16 {
        let world = runtime.block_on(World::new());
        let id = world.s3().upload(bucket, "k", secret());
        let requests = requests(&world, &id);
        for ended in together(&world, &runtime, first, &requests) {
            let moved = matches!(ended.ended, None | Some(Ended::Quarantine(Outcome::Quarantined { .. })));
            assert!(moved, "{bucket}, after {first} calls: {ended:?}");
        }
        let case = world.manifest(&requests[0].1).case_id;
        let (there, here) = places(&world, bucket);
        assert!(there == 0 && here >= 1, "{bucket}, after {first} calls: {there} in the bucket, {here} moved");
        let is_same_invocation = requests[0].0 == requests[1].0;
        assert!(is_same_invocation || here == 1, "{bucket}, after {first} calls: {here} copies");
        assert!(world.case(&case).is_quarantined(), "{bucket}, after {first} calls");

        let restored = runtime.block_on(world.run(&restore(&world, &case, "U9"))).unwrap();
        assert!(matches!(&restored.ended, Some(Ended::Restoration(outcome)) if outcome.is_restored()), "{restored:?}");
        assert_eq!(places(&world, bucket), (1, 0), "{bucket}, after {first} calls: none is left in quarantine");
    }
}

#[test]
fn the_configuration_and_a_person_at_once_move_the_object_once() {
    for bucket in ["uploads", "flat"] {
        check_two_quarantines(bucket, |world, id| {
            let finding = finding("f1", bucket, "k", id, MD5);
            [("i1", by_policy(&finding)), ("i2", world.click(&finding))]
        });
    }
}

#[test]
fn two_findings_about_one_version_at_once_move_the_object_once() {
    for bucket in ["uploads", "flat"] {
        check_two_quarantines(bucket, |_, id| {
            let one = by_policy(&finding("f1", bucket, "k", id, MD5));
            [("i1", one), ("i2", by_policy(&finding("f2", bucket, "k", id, MD5)))]
        });
    }
}

#[test]
fn one_request_that_is_delivered_twice_at_once_leaves_nothing_behind() {
    for bucket in ["uploads", "flat"] {
        check_two_quarantines(bucket, |_, id| {
            let request = by_policy(&finding("f1", bucket, "k", id, MD5));
            [("i1", request.clone()), ("i1", request)]
        });
    }
}
