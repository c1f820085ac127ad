//! What a restoration does, how each one ends, and that no crash loses anything.

use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use domain::quarantine::{CopyLeft, RestoreOutcome, Restored, restored_key};
use domain::remediation::Step;
use serde_json::{Value, json};

use super::s3::{Refused, Version};
use super::{NOW, QUARANTINE, World, by_policy, finding};
use crate::{Ended, Error};

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";
const OTHER_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const DELETED: RestoreOutcome = RestoreOutcome::Restored { copy: CopyLeft::Deleted };

fn version(body: &str, etag: &str) -> Version {
    Version {
        etag: format!("\"{etag}\""),
        body: body.as_bytes().to_vec(),
        size: i64::try_from(body.len()).unwrap(),
        metadata: [("owner".to_owned(), "crm".to_owned())].into(),
        content_type: Some("text/csv".into()),
        cache_control: Some("no-store".into()),
        redirect: Some("/elsewhere".into()),
        tags: "note=a+b%3D&team=payments".into(),
        checksum: Some(format!("crcOf{etag}")),
        encryption: Some(ServerSideEncryption::Aes256),
        storage_class: Some(StorageClass::StandardIa),
        ..Version::default()
    }
}

/// A world in which a version of `<bucket>/k` was quarantined, and the case.
async fn quarantined(bucket: &str, secret: Version) -> (World, String) {
    let world = World::new().await;
    let id = world.s3().upload(bucket, "k", secret);
    let etag = world.s3().etag(bucket, "k");
    let handled = world.handle(&by_policy(&finding("f1", bucket, "k", &id, &etag))).await.unwrap();
    assert!(handled.outcome.unwrap().is_quarantined());
    world.slack.take();
    (world, handled.case_id)
}

/// An old file under a KMS key: S3 tells nothing about its bytes but how many they are.
fn opaque(body: &str) -> Version {
    let encryption = Some(ServerSideEncryption::AwsKms);
    Version { etag: String::new(), size: 6, checksum: None, encryption, ..version(body, "") }
}

fn restore(case_id: &str) -> Value {
    json!({"restore": {"caseId": case_id}})
}

async fn run(world: &World, request: &Value) -> Result<Option<RestoreOutcome>, Error> {
    Ok(world.run(request).await?.ended.map(|ended| match ended {
        Ended::Restoration(outcome) => outcome,
        other => panic!("{other:?}"),
    }))
}

/// How many versions hold the secret: in the bucket, in quarantine.
fn places(world: &World, bucket: &str) -> (usize, usize) {
    let s3 = world.s3();
    let count = |bucket| s3.versions(bucket, |_| true).iter().filter(|(_, version)| version.body == b"secret").count();
    (count(bucket), count(QUARANTINE))
}

#[tokio::test]
async fn puts_back_exactly_what_was_there_and_destroys_last() {
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    let calls = world.s3().calls.len();
    let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
    assert_eq!(outcome, Some(DELETED));

    let (key, back) = world.s3().versions("uploads", |_| true).remove(0);
    let expected = Version { id: back.id.clone(), last_modified: back.last_modified, ..version("secret", MD5) };
    assert_eq!((key.as_str(), &back), ("k", &expected), "bytes, headers, metadata, tags, class and encryption");
    assert_eq!(places(&world, "uploads"), (1, 0));
    let new = back.id.unwrap();
    let noted = domain::quarantine::cases_of_restored(
        &domain::quarantine::Location { bucket: "uploads".into(), key: "k".into(), version_id: Some(new.clone()) },
        None,
        None,
    );
    let manifest = format!("quarantine/cases/{case}/manifest.json");
    assert_eq!(
        world.s3().calls[calls..],
        [
            format!("get {manifest}"),
            format!("put {manifest}"),
            "head quarantine/objects/f1/uploads/k?versionId=v4".into(),
            "head uploads/k".into(),
            "copy quarantine/objects/f1/uploads/k?versionId=v4 -> uploads/k".into(),
            format!("head uploads/k?versionId={new}"),
            "get-tags uploads/k".into(),
            format!("put {manifest}"),
            format!("put quarantine/{}", restored_key(&noted[0])),
            "list quarantine/objects/f1/uploads/k".into(),
            "head quarantine/objects/f1/uploads/k?versionId=v4".into(),
            "delete quarantine/objects/f1/uploads/k?versionId=v4".into(),
            "head quarantine/objects/f1/uploads/k?versionId=v4".into(),
            format!("put {manifest}"),
            format!("put {manifest}"),
        ]
    );
    assert_eq!(
        world.slack.take(),
        [
            "/actions/T1/2/b: Restoring `uploads/k`. The channel is told once that is done; large objects take minutes.",
            "/actions/T1/2/b (replaces): Object restored: `uploads/k`"
        ]
    );
    let note: Restored =
        serde_json::from_slice(&world.s3().body(QUARANTINE, &restored_key(&noted[0])).unwrap()).unwrap();
    assert_eq!(note.from_case_id, case);
    let manifest = world.case(&case);
    assert!(manifest.is_restored() && !manifest.is_quarantined());
    let last: Vec<_> = manifest.transitions.iter().rev().take(4).map(|step| step.what.as_str()).collect();
    assert_eq!(
        last,
        [
            "Told Slack",
            "Restored; the copy in quarantine is deleted",
            "Copied back and compared",
            "Restoration decided"
        ]
    );
    assert!(!serde_json::to_string(&manifest).unwrap().contains("/actions/"));
}

#[tokio::test]
async fn what_was_restored_can_be_quarantined_and_restored_again() {
    let (world, case) = quarantined("flat", version("secret", MD5)).await;
    run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
    // Without versioning and time, the finding opens the same case.
    let again = world.handle(&world.click(&finding("f2", "flat", "k", "", MD5))).await.unwrap();
    assert_eq!(again.case_id, case);
    assert!(again.outcome.unwrap().is_quarantined());
    assert_eq!(places(&world, "flat"), (0, 1));
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 40)).await.unwrap(), Some(DELETED));
    assert_eq!(places(&world, "flat"), (1, 0));
}

#[tokio::test]
async fn the_same_press_delivered_twice_is_done_and_told_once() {
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    let press = world.press(&restore(&case), "U1", 30);
    run(&world, &press).await.unwrap();
    world.slack.take();
    assert_eq!(run(&world, &press).await.unwrap(), None);
    assert_eq!(world.slack.take(), Vec::<String>::new());
    assert_eq!(run(&world, &world.press(&restore(&case), "U2", 31)).await.unwrap(), Some(DELETED));
    let told = world.slack.take();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("was restored already, decided by <@U1>"), "{told:?}");
    assert_eq!(places(&world, "uploads"), (1, 0));
}

#[tokio::test]
async fn a_slack_that_fails_does_not_undo_or_repeat_the_restoration() {
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    world.slack.answer([200, 500]);
    let press = world.press(&restore(&case), "U1", 30);
    assert_eq!(run(&world, &press).await.unwrap_err().error_type(), "SlackNotTold");
    assert_eq!(run(&world, &press).await.unwrap(), Some(DELETED));
    assert_eq!(places(&world, "uploads"), (1, 0));
}

#[tokio::test]
async fn an_older_version_below_is_no_obstacle() {
    let world = World::new().await;
    world.s3().upload("uploads", "k", version("older", OTHER_MD5));
    let id = world.s3().upload("uploads", "k", version("secret", MD5));
    let case = world.handle(&by_policy(&finding("f1", "uploads", "k", &id, MD5))).await.unwrap().case_id;
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(DELETED));
    assert_eq!(world.s3().body("uploads", "k").unwrap(), b"secret");
    assert_eq!(world.s3().versions("uploads", |_| true).len(), 2);
}

#[tokio::test]
async fn a_delete_marker_is_no_obstacle() {
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    world.s3().upload("uploads", "k", Version { is_delete_marker: true, ..Version::default() });
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(DELETED));
}

#[tokio::test]
async fn something_newer_is_left_alone_until_it_is_gone() {
    for bucket in ["uploads", "flat"] {
        let (world, case) = quarantined(bucket, version("secret", MD5)).await;
        let newer = world.s3().upload(bucket, "k", version("newer", OTHER_MD5));
        let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
        assert!(matches!(outcome, Some(RestoreOutcome::Occupied { since: Some(_) })), "{outcome:?}");
        assert_eq!(world.s3().body(bucket, "k").unwrap(), b"newer");
        assert_eq!(places(&world, bucket), (0, 1));
        let told = world.slack.take();
        let expected = format!("/services/T1/B1/x: Object not restored: `{bucket}/k`");
        assert_eq!(told.last().unwrap(), &expected, "the result with its button stays");
        assert!(world.case(&case).is_quarantined());

        world.s3().remove_all(bucket);
        assert_eq!(run(&world, &world.press(&restore(&case), "U1", 35)).await.unwrap(), Some(DELETED), "{newer}");
    }
}

#[tokio::test]
async fn an_upload_in_the_last_moment_is_not_overwritten() {
    for (bucket, size) in [("uploads", 6), ("flat", 6), ("flat", 6_442_450_944)] {
        let (world, case) = quarantined(bucket, Version { size, ..version("secret", MD5) }).await;
        let calls = world.s3().calls.len();
        // After the look at the key: before the copy, or, of a large object, before its last call.
        let when = if size > 6 { calls + 4 + 25 } else { calls + 4 };
        let newer = super::s3::Meddling::Upload(bucket.into(), "k".into(), Box::new(version("newer", OTHER_MD5)));
        world.s3().others.insert(when, vec![newer]);
        let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
        assert_eq!(outcome, Some(RestoreOutcome::Occupied { since: None }), "{bucket} {size}");
        assert_eq!(world.s3().body(bucket, "k").unwrap(), b"newer");
        assert_eq!(places(&world, bucket), (0, 1));
    }
}

#[tokio::test]
async fn a_large_object_comes_back_in_parts_with_everything_it_carries() {
    let (world, case) = quarantined("uploads", Version { size: 6_442_450_944, ..version("secret", MD5) }).await;
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(DELETED));
    let back = world.s3().versions("uploads", |_| true).remove(0).1;
    let original = version("secret", MD5);
    assert_eq!((back.size, back.tags, back.metadata), (6_442_450_944, original.tags, original.metadata));
    assert_eq!((back.cache_control, back.storage_class), (original.cache_control, original.storage_class));
}

#[tokio::test]
async fn a_locked_copy_stays_and_that_is_said() {
    for hold in [true, false] {
        let (world, case) = quarantined("uploads", version("secret", MD5)).await;
        world.s3().change(QUARANTINE, "objects/f1/uploads/k", |version| {
            version.legal_hold = hold;
            version.retain_until = (!hold).then_some(NOW + 3_600);
        });
        let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
        let until = if hold { None } else { jiff::Timestamp::from_second(NOW + 3_600).ok() };
        assert_eq!(outcome, Some(RestoreOutcome::Restored { copy: CopyLeft::Locked { until } }));
        assert_eq!(places(&world, "uploads"), (1, 1));
    }
}

#[tokio::test]
async fn a_copy_that_is_gone_or_not_the_original_restores_nothing() {
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    world.s3().change(QUARANTINE, "objects/f1/uploads/k", |version| version.checksum = Some("other".into()));
    let error = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap_err();
    assert_eq!(error.error_type(), "QuarantineCopyDiffers");
    assert_eq!(places(&world, "uploads"), (0, 1));

    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    world.s3().remove("quarantine", "objects/f1/uploads/k");
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(RestoreOutcome::CopyGone));
}

#[tokio::test]
async fn a_damaged_restoration_keeps_the_copy() {
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    world.s3().damage_copies = true;
    let error = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap_err();
    assert_eq!(error.error_type(), "RestoredObjectDiffers");
    assert_eq!(places(&world, "uploads"), (0, 1), "what differs is taken away again");

    world.s3().damage_copies = false;
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(DELETED));
    assert_eq!(places(&world, "uploads"), (1, 0));
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_told() {
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    world.s3().gone.insert("uploads".into());
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(RestoreOutcome::BucketGone));
    assert_eq!(places(&world, "uploads"), (0, 1));
}

#[tokio::test]
async fn each_refusal_of_s3_has_its_own_end_and_keeps_the_copy() {
    let denied = |step| RestoreOutcome::AccessDenied { step };
    let no_key = "User: r is not authorized to perform: kms:GenerateDataKey on the resource";
    for (call, status, code, message, expected) in [
        ("copy", 403, "AccessDenied", "Access Denied", denied(Step::Copy)),
        ("copy", 403, "AccessDenied", no_key, RestoreOutcome::KeyUnusable),
        ("copy", 400, "KMS.DisabledException", "", RestoreOutcome::KeyUnusable),
        ("copy", 301, "PermanentRedirect", "", RestoreOutcome::BucketGone),
        ("copy", 404, "NoSuchKey", "", RestoreOutcome::CopyGone),
        ("head uploads", 403, "", "", denied(Step::Read)),
        ("head uploads", 400, "", "", RestoreOutcome::Occupied { since: None }),
        ("head uploads", 301, "", "", RestoreOutcome::BucketGone),
    ] {
        let (world, case) = quarantined("uploads", version("secret", MD5)).await;
        world.s3().refuse.insert(call, Refused { status, code, message });
        let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
        assert_eq!(outcome, Some(expected), "{call} {status} {code}");
        assert_eq!(places(&world, "uploads"), (0, 1), "{call} {status} {code}");
    }
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    world.s3().refuse.insert("delete", Refused { status: 403, code: "AccessDenied", message: "Access Denied" });
    let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
    assert_eq!(outcome, Some(RestoreOutcome::Restored { copy: CopyLeft::Denied }));
}

#[tokio::test]
async fn what_was_never_quarantined_is_not_restored() {
    let world = World::new().await;
    let case = world.handle(&by_policy(&finding("f1", "uploads", "k", "v9", MD5))).await.unwrap().case_id;
    let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
    assert_eq!(outcome, Some(RestoreOutcome::NotInQuarantine));
    let unknown = world.press(&restore("0123456789abcdef0123456789abcdef"), "U1", 30);
    assert_eq!(run(&world, &unknown).await.unwrap_err().error_type(), "CaseUnknown");
}

async fn check_every_crash(bucket: &str, secret: impl Fn() -> Version) {
    let calls_of_a_whole_run = {
        let (world, case) = quarantined(bucket, secret()).await;
        let before = world.s3().calls.len();
        run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
        world.s3().calls.len() - before
    };
    for die_late in [false, true] {
        for die_at in 0..calls_of_a_whole_run {
            let (world, case) = quarantined(bucket, secret()).await;
            let press = world.press(&restore(&case), "U1", 30);
            {
                let mut s3 = world.s3();
                s3.die_at = Some(s3.calls.len() + die_at);
                s3.die_late = die_late;
            }
            assert!(run(&world, &press).await.is_err(), "call {die_at}");
            let (source, quarantine) = places(&world, bucket);
            assert!(source + quarantine >= 1, "call {die_at}: the object is lost");

            world.s3().die_at = None;
            let outcome = run(&world, &press).await.unwrap();
            assert!(outcome.is_none_or(|outcome| outcome == DELETED), "call {die_at}");
            assert_eq!(places(&world, bucket), (1, 0), "call {die_at}, late {die_late}");
            let manifest = world.case(&case);
            assert!(manifest.is_restored(), "call {die_at}");
            assert!(manifest.restoration.is_some_and(|restoration| restoration.was_told()), "call {die_at}");
        }
    }
}

#[tokio::test]
async fn with_versions_no_crash_loses_or_doubles_the_object() {
    check_every_crash("uploads", || version("secret", MD5)).await;
    check_every_crash("uploads", || opaque("secret")).await;
}

#[tokio::test]
async fn without_versions_no_crash_loses_or_doubles_the_object() {
    check_every_crash("flat", || version("secret", MD5)).await;
    check_every_crash("flat", || opaque("secret")).await;
}

#[tokio::test]
async fn in_parts_no_crash_loses_or_doubles_the_object() {
    check_every_crash("uploads", || Version { size: 5_300_000_000, ..version("secret", MD5) }).await;
    check_every_crash("flat", || Version { size: 5_300_000_000, ..opaque("secret") }).await;
}

#[tokio::test]
async fn an_unrelated_file_of_the_same_size_is_not_taken_for_the_object() {
    // Old ones have no checksum, newer ones have one by themselves, clients may choose another.
    let theirs =
        [None, Some("crc of theirs")].map(|sum| Version { checksum: sum.map(str::to_owned), ..opaque("theirs") });
    for (bucket, theirs) in ["uploads", "flat"].into_iter().flat_map(|bucket| theirs.clone().map(|one| (bucket, one))) {
        let (world, case) = quarantined(bucket, opaque("secret")).await;
        world.s3().upload(bucket, "k", theirs);
        // The second press, and a run after one that died, look for what the first may have put back.
        for minute in [30, 31] {
            let press = world.press(&restore(&case), "U1", minute);
            if minute == 31 {
                let die_at = world.s3().calls.len() + 3;
                world.s3().die_at = Some(die_at);
                assert!(run(&world, &press).await.is_err());
                world.s3().die_at = None;
            }
            let outcome = run(&world, &press).await.unwrap();
            assert!(matches!(outcome, Some(RestoreOutcome::Occupied { .. })), "{bucket}: {outcome:?}");
            assert_eq!(places(&world, bucket), (0, 1), "{bucket}: the only copy");
            assert_eq!(world.s3().body(bucket, "k").unwrap(), b"theirs");
        }
        world.s3().remove(bucket, "k");
        assert_eq!(run(&world, &world.press(&restore(&case), "U1", 35)).await.unwrap(), Some(DELETED));
        assert_eq!(places(&world, bucket), (1, 0), "{bucket}");
    }
}

#[tokio::test]
async fn what_replaced_the_object_while_it_was_moved_is_not_taken_for_it() {
    for suspended in [false, true] {
        let world = World::new().await;
        let bucket = if suspended { "uploads" } else { "flat" };
        if suspended {
            world.s3().set_versioning(bucket, false);
        }
        let id = world.s3().upload(bucket, "k", opaque("secret"));
        let etag = world.s3().etag(bucket, "k");
        world.s3().before_delete = Some(opaque("theirs"));
        let handled = world.handle(&by_policy(&finding("f1", bucket, "k", &id, &etag))).await.unwrap();
        assert!(handled.outcome.unwrap().left_a_copy(), "{bucket}");
        let outcome = run(&world, &world.press(&restore(&handled.case_id), "U1", 30)).await.unwrap();
        assert!(matches!(outcome, Some(RestoreOutcome::Occupied { .. })), "{bucket}: {outcome:?}");
        assert_eq!(places(&world, bucket), (0, 1), "{bucket}: the only copy");
    }
}

#[tokio::test]
async fn an_upload_of_the_same_size_right_after_the_copy_back_is_left_alone() {
    let (world, case) = quarantined("flat", opaque("secret")).await;
    let calls = world.s3().calls.len();
    let theirs = super::s3::Meddling::Upload("flat".into(), "k".into(), Box::new(opaque("theirs")));
    world.s3().others.insert(calls + 5, vec![theirs]);
    let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
    assert_eq!(outcome, Some(RestoreOutcome::Differs));
    assert_eq!(places(&world, "flat"), (0, 1));
}

#[tokio::test]
async fn a_header_expires_that_is_no_date_comes_along_in_parts_too() {
    for size in [6, 5_300_000_000] {
        let secret = Version { size, expires: Some("whenever".into()), ..version("secret", MD5) };
        let (world, case) = quarantined("uploads", secret).await;
        let copy = world.s3().versions(QUARANTINE, |key| key.starts_with("objects/")).remove(0).1;
        assert_eq!(copy.expires.as_deref(), Some("whenever"), "{size}");
        assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(DELETED), "{size}");
        assert_eq!(world.s3().versions("uploads", |_| true)[0].1.expires.as_deref(), Some("whenever"), "{size}");
    }
}

#[tokio::test]
async fn what_was_copied_and_not_deleted_is_taken_out_of_quarantine_again() {
    for bucket in ["uploads", "flat"] {
        let world = World::new().await;
        let id = world.s3().upload(bucket, "k", version("secret", MD5));
        world.s3().refuse.insert("delete", Refused { status: 403, code: "AccessDenied", message: "" });
        let case = world.handle(&by_policy(&finding("f1", bucket, "k", &id, MD5))).await.unwrap().case_id;
        assert_eq!(places(&world, bucket), (1, 1), "{bucket}");
        world.s3().refuse.clear();
        assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(DELETED), "{bucket}");
        assert_eq!(places(&world, bucket), (1, 0), "{bucket}");
    }
}

#[tokio::test]
async fn what_was_replaced_while_it_was_moved_comes_back_once_its_place_is_free() {
    let world = World::new().await;
    world.s3().upload("flat", "k", version("secret", MD5));
    world.s3().before_delete = Some(version("newer", OTHER_MD5));
    let case = world.handle(&by_policy(&finding("f1", "flat", "k", "", MD5))).await.unwrap().case_id;
    let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
    assert!(matches!(outcome, Some(RestoreOutcome::Occupied { .. })), "{outcome:?}");
    assert_eq!(world.s3().body("flat", "k").unwrap(), b"newer");
    world.s3().remove_all("flat");
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 35)).await.unwrap(), Some(DELETED));
    assert_eq!(places(&world, "flat"), (1, 0));
}

#[tokio::test]
async fn a_damaged_restoration_without_versions_is_told_and_can_be_repeated() {
    let (world, case) = quarantined("flat", version("secret", MD5)).await;
    world.s3().damage_copies = true;
    let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
    assert_eq!((outcome, places(&world, "flat")), (Some(RestoreOutcome::Differs), (1, 1)));
    assert!(world.case(&case).is_quarantined());
    world.s3().damage_copies = false;
    world.s3().remove("flat", "k");
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 31)).await.unwrap(), Some(DELETED));
    assert_eq!(places(&world, "flat"), (1, 0));
}

#[tokio::test]
async fn tags_come_back_as_they_were_recorded() {
    let (world, case) = quarantined("uploads", version("secret", MD5)).await;
    world.s3().change(QUARANTINE, "objects/f1/uploads/k", |version| version.tags = String::new());
    assert_eq!(run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap(), Some(DELETED));
    assert_eq!(world.s3().versions("uploads", |_| true)[0].1.tags, version("secret", MD5).tags);
}

#[tokio::test]
async fn an_upload_right_after_the_copy_back_is_left_alone() {
    for suspended in [false, true] {
        let world = World::new().await;
        let bucket = if suspended { "uploads" } else { "flat" };
        if suspended {
            world.s3().set_versioning(bucket, false);
        }
        let id = world.s3().upload(bucket, "k", version("secret", MD5));
        let case = world.handle(&by_policy(&finding("f1", bucket, "k", &id, MD5))).await.unwrap().case_id;
        // Record, record, look at the copy, look at the key, copy; then they are faster than the look at what was made.
        let calls = world.s3().calls.len();
        let newer = super::s3::Meddling::Upload(bucket.into(), "k".into(), Box::new(version("theirs", OTHER_MD5)));
        world.s3().others.insert(calls + 5, vec![newer]);
        world.slack.take();
        let outcome = run(&world, &world.press(&restore(&case), "U1", 30)).await.unwrap();
        assert_eq!(outcome, Some(RestoreOutcome::Differs), "{bucket}");
        let told = world.slack.take_messages();
        assert!(told.last().unwrap().to_string().contains("may be what somebody else uploaded"), "{told:?}");
        assert_eq!(world.s3().body(bucket, "k").unwrap(), b"theirs", "{bucket}");
        assert_eq!(places(&world, bucket).1, 1, "{bucket}");
        assert!(world.case(&case).is_quarantined(), "{bucket}");
        // Once it is out of the way, the next press puts the object back.
        world.s3().remove(bucket, "k");
        assert_eq!(run(&world, &world.press(&restore(&case), "U1", 31)).await.unwrap(), Some(DELETED), "{bucket}");
        assert_eq!(places(&world, bucket), (1, 0), "{bucket}");
    }
}
