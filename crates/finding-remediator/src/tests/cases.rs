//! What the function does, call by call, and how each case ends.

use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use domain::remediation::{Outcome, Proof, Step};
use serde_json::Value;

use super::s3::{Refused, Version};
use super::{NOW, QUARANTINE, World, by_policy, finding, was_told};

const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";
const OTHER_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn version(body: &str, etag: &str) -> Version {
    Version {
        etag: format!("\"{etag}\""),
        body: body.as_bytes().to_vec(),
        size: i64::try_from(body.len()).unwrap(),
        metadata: [("owner".to_owned(), "crm".to_owned())].into(),
        content_type: Some("text/csv".into()),
        tags: "note=a+b%3D&team=payments".into(),
        checksum: Some(format!("crcOf{etag}")),
        ..Version::default()
    }
}

/// A world whose versioned bucket holds `uploads/k`, and a finding about it.
async fn with(version: Version) -> (World, Value) {
    let world = World::new().await;
    let etag = version.etag.trim_matches('"').to_owned();
    let id = world.s3().upload("uploads", "k", version);
    (world, finding("f1", "uploads", "k", &id, &etag))
}

#[tokio::test]
async fn moves_exactly_the_scanned_version_and_destroys_last() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.s3().upload("uploads", "k", version("newer", OTHER_MD5));
    let handled = world.handle(&by_policy(&finding)).await.unwrap();

    let proof = Proof::Checksum { algorithm: "CRC64NVME".into(), value: format!("crcOf{MD5}") };
    assert_eq!(handled.outcome, Some(Outcome::Quarantined { proof, remaining_versions: Some(1) }));
    let case = format!("quarantine/cases/{}/manifest.json", handled.case_id);
    assert_eq!(
        world.s3().calls,
        [
            format!("get {case}"),
            format!("get quarantine/cases/{}/claim.json", handled.case_id),
            format!("put {case}"),
            "head uploads/k?versionId=v1".into(),
            "get-tags uploads/k".into(),
            format!("put {case}"),
            "copy uploads/k?versionId=v1 -> quarantine/objects/f1/uploads/k".into(),
            "head quarantine/objects/f1/uploads/k?versionId=v5".into(),
            "delete uploads/k?versionId=v1".into(),
            "head uploads/k?versionId=v1".into(),
            "list uploads/k".into(),
            format!("put {case}"),
        ]
    );
    let left = world.s3().versions("uploads", |_| true);
    assert_eq!(left.iter().map(|(_, version)| version.body.as_slice()).collect::<Vec<_>>(), [b"newer"]);
    let moved = world.s3().versions(QUARANTINE, |key| key == "objects/f1/uploads/k");
    assert_eq!(moved.len(), 1);
    let (id, last_modified) = (moved[0].1.id.clone(), moved[0].1.last_modified);
    let expected = Version { id, last_modified, ..version("secret", MD5) };
    assert_eq!(moved[0].1, expected, "metadata, content type and tags come along");
}

#[tokio::test]
async fn what_nobody_clicked_for_is_left_to_the_finding_handler_to_tell() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.handle(&by_policy(&finding)).await.unwrap();
    let failed = super::finding("f2", "uploads", "gone", "v9", MD5);
    assert_eq!(world.handle(&by_policy(&failed)).await.unwrap().outcome, Some(Outcome::AlreadyGone));
    // Delivered twice, nothing is done and nothing recorded.
    let calls = world.s3().calls.len();
    for finding in [&finding, &failed] {
        assert_eq!(world.handle(&by_policy(finding)).await.unwrap().outcome, None);
    }
    assert_eq!(world.s3().calls.len(), calls + 2, "only the two records are read");
    assert_eq!(world.slack.take(), Vec::<String>::new());
}

#[tokio::test]
async fn a_click_replaces_its_message_twice() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.handle(&world.click(&finding)).await.unwrap();
    assert_eq!(
        world.slack.take(),
        [
            "/actions/T1/1/a (replaces): Moving `uploads/k` into quarantine",
            "/actions/T1/1/a (replaces): Quarantined `uploads/k`: financial information"
        ]
    );
    let manifest = serde_json::to_string(&world.manifest(&world.click(&finding))).unwrap();
    assert!(manifest.contains("\"userId\":\"U1\"") && !manifest.contains("/actions/"), "{manifest}");
}

#[tokio::test]
async fn a_response_url_that_is_used_up_gives_way_to_a_new_message() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.slack.answer([404, 404]);
    world.handle(&world.click(&finding)).await.unwrap();
    let told = world.slack.take();
    assert_eq!(told.last().unwrap(), "/services/T1/B1/x: Quarantined `uploads/k`: financial information");
}

#[tokio::test]
async fn a_response_url_elsewhere_is_never_called() {
    let (world, finding) = with(version("secret", MD5)).await;
    let mut click = world.click(&finding);
    click["decision"]["responseUrl"] = "http://169.254.169.254/latest/meta-data".into();
    world.handle(&click).await.unwrap();
    assert_eq!(world.slack.take(), ["/services/T1/B1/x: Quarantined `uploads/k`: financial information"]);
}

#[tokio::test]
async fn a_slack_that_fails_does_not_undo_or_repeat_the_move() {
    let (world, finding) = with(version("secret", MD5)).await;
    // It takes the news that the move begins, and not that it ended.
    world.slack.answer([200, 500]);
    let error = world.handle(&world.click(&finding)).await.unwrap_err();
    assert_eq!(error.error_type(), "SlackNotTold");
    world.slack.take();
    let calls = world.s3().calls.len();

    let handled = world.handle(&world.click(&finding)).await.unwrap();
    assert!(handled.outcome.unwrap().is_quarantined());
    assert_eq!(world.slack.take(), ["/actions/T1/1/a (replaces): Quarantined `uploads/k`: financial information"]);
    let again: Vec<_> =
        world.s3().calls[calls..].iter().map(|call| call.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(again, ["get", "put"], "only the record");
}

#[tokio::test]
async fn every_end_is_counted_once() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.handle(&by_policy(&finding)).await.unwrap();
    world.handle(&by_policy(&finding)).await.unwrap();
    world.handle(&by_policy(&super::finding("f2", "uploads", "gone", "v9", MD5))).await.unwrap();
    let count = |name: &str| world.metrics.sum(name);
    assert_eq!((count("ObjectsQuarantined"), count("ObjectsNotMoved")), (1, 1), "{:?}", world.metrics.all());
}

#[tokio::test]
async fn the_same_request_delivered_twice_is_told_once() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.handle(&world.click(&finding)).await.unwrap();
    world.slack.take();
    let handled = world.handle(&world.click(&finding)).await.unwrap();
    assert_eq!(handled.outcome, None);
    assert_eq!(world.slack.take(), Vec::<String>::new());
}

#[tokio::test]
async fn a_second_finding_about_the_version_learns_what_was_done() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.handle(&by_policy(&finding)).await.unwrap();
    world.slack.take();
    let mut second = finding.clone();
    second["id"] = "f2".into();
    world.handle(&world.click(&second)).await.unwrap();
    assert_eq!(
        world.slack.take(),
        ["/actions/T1/1/a (replaces): `uploads/k` is in quarantine already: financial information"]
    );
    assert_eq!(world.s3().versions(QUARANTINE, |key| key.starts_with("objects/")).len(), 1);
}

#[tokio::test]
async fn without_versions_the_etag_pins_the_object() {
    let world = World::new().await;
    world.s3().upload("flat", "k", version("secret", MD5));
    let finding = finding("f1", "flat", "k", "", MD5);
    let handled = world.handle(&by_policy(&finding)).await.unwrap();
    assert!(handled.outcome.unwrap().is_quarantined());
    assert!(world.s3().versions("flat", |_| true).is_empty());
}

#[tokio::test]
async fn an_object_that_came_back_is_moved_again_beside_the_first() {
    let world = World::new().await;
    world.s3().upload("flat", "k", version("secret", MD5));
    world.handle(&by_policy(&finding("f1", "flat", "k", "", MD5))).await.unwrap();
    world.s3().upload("flat", "k", version("secret", MD5));
    let handled = world.handle(&by_policy(&finding("f2", "flat", "k", "", MD5))).await.unwrap();
    assert!(handled.outcome.unwrap().is_quarantined());
    assert!(world.s3().versions("flat", |_| true).is_empty());
    assert_eq!(world.s3().versions(QUARANTINE, |key| key.starts_with("objects/")).len(), 2);
}

#[tokio::test]
async fn an_upload_in_the_last_moment_is_not_lost() {
    let world = World::new().await;
    world.s3().upload("flat", "k", version("secret", MD5));
    world.s3().before_delete = Some(version("newer", OTHER_MD5));
    let handled = world.handle(&by_policy(&finding("f1", "flat", "k", "", MD5))).await.unwrap();
    assert_eq!(handled.outcome, Some(Outcome::ChangedSinceScan { copied: true }));
    assert_eq!(world.s3().body("flat", "k").unwrap(), b"newer");
    assert_eq!(world.s3().body(QUARANTINE, "objects/f1/flat/k").unwrap(), b"secret");
}

#[tokio::test]
async fn a_bucket_that_got_versions_since_the_scan_is_cleaned_by_version() {
    let (world, _) = with(version("secret", MD5)).await;
    let handled = world.handle(&by_policy(&finding("f1", "uploads", "k", "", MD5))).await.unwrap();
    assert!(handled.outcome.unwrap().is_quarantined());
    assert!(world.s3().versions("uploads", |_| true).is_empty(), "no version hides behind a delete marker");
}

#[tokio::test]
async fn hostile_keys_name_exactly_one_object() {
    for key in ["a?versionId=v1", "a+b c%20", "../../x", "ü\n\u{202e}", "<!channel>`"] {
        let world = World::new().await;
        let other = world.s3().upload("uploads", "a", version("other", OTHER_MD5));
        assert_eq!(other, "v1");
        let id = world.s3().upload("uploads", key, version("secret", MD5));
        let handled = world.handle(&by_policy(&finding("f1", "uploads", key, &id, MD5))).await.unwrap();
        assert!(handled.outcome.unwrap().is_quarantined(), "{key}");
        assert_eq!(world.s3().body(QUARANTINE, &format!("objects/f1/uploads/{key}")).unwrap(), b"secret", "{key}");
        let left = world.s3().versions("uploads", |_| true);
        assert_eq!(left.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["a"], "{key}");
    }
}

#[tokio::test]
async fn a_large_object_is_copied_in_parts_with_everything_it_carries() {
    let large = Version { size: 6_442_450_944, ..version("secret", MD5) };
    let (world, finding) = with(large).await;
    let handled = world.handle(&by_policy(&finding)).await.unwrap();
    assert!(matches!(handled.outcome, Some(Outcome::Quarantined { proof: Proof::Checksum { .. }, .. })));
    let copy = world.s3().versions(QUARANTINE, |key| key == "objects/f1/uploads/k").remove(0).1;
    let original = version("secret", MD5);
    assert_eq!(copy.size, 6_442_450_944);
    assert_eq!(
        (copy.metadata, copy.content_type, copy.tags),
        (original.metadata, original.content_type, original.tags)
    );
    assert!(world.s3().versions("uploads", |_| true).is_empty());
}

#[tokio::test]
async fn a_copy_in_parts_that_fails_is_cleaned_up() {
    let large = Version { size: 6_442_450_944, ..version("secret", MD5) };
    let (world, finding) = with(large).await;
    world.s3().refuse.insert("copy-part", Refused { status: 501, code: "Trouble", message: "" });
    let error = world.handle(&by_policy(&finding)).await.unwrap_err();
    assert_eq!(error.error_type(), "QuarantineCopyFailed");
    assert!(world.s3().calls.contains(&"abort-upload quarantine/objects/f1/uploads/k".to_owned()));
    assert_eq!(world.s3().versions("uploads", |_| true).len(), 1);
}

#[tokio::test]
async fn a_key_that_now_holds_something_else_is_left_alone() {
    let (world, _) = with(version("newer", OTHER_MD5)).await;
    let handled = world.handle(&world.click(&finding("f1", "uploads", "k", "", MD5))).await.unwrap();
    assert_eq!(handled.outcome, Some(Outcome::ChangedSinceScan { copied: false }));
    let told = world.slack.take();
    assert_eq!(told.last().unwrap(), "/actions/T1/1/a (replaces): Object changed since the scan: `uploads/k`");
    assert!(world.s3().calls.iter().all(|call| !call.starts_with("delete") && !call.starts_with("copy")));
}

#[tokio::test]
async fn a_version_that_is_gone_is_told() {
    let world = World::new().await;
    let handled = world.handle(&world.click(&finding("f1", "uploads", "k", "v9", MD5))).await.unwrap();
    assert_eq!(handled.outcome, Some(Outcome::AlreadyGone));
    assert_eq!(world.slack.take().last().unwrap(), "/actions/T1/1/a (replaces): Object already gone: `uploads/k`");
}

#[tokio::test]
async fn what_cannot_be_moved_is_seen_before_anything_is_copied() {
    let later = NOW + 3_600;
    for (object, expected) in [
        (
            Version { retain_until: Some(later), ..version("x", MD5) },
            Outcome::Locked { until: jiff::Timestamp::from_second(later).ok(), legal_hold: false, copied: false },
        ),
        (
            Version { legal_hold: true, ..version("x", MD5) },
            Outcome::Locked { until: None, legal_hold: true, copied: false },
        ),
        (
            Version { storage_class: Some(StorageClass::DeepArchive), ..version("x", MD5) },
            Outcome::Archived { storage_class: "DEEP_ARCHIVE".into(), copied: false },
        ),
    ] {
        let (world, finding) = with(object).await;
        let handled = world.handle(&by_policy(&finding)).await.unwrap();
        assert_eq!(handled.outcome, Some(expected));
        assert!(world.s3().versions(QUARANTINE, |key| key.starts_with("objects/")).is_empty());
        assert_eq!(world.s3().versions("uploads", |_| true).len(), 1);
    }
    let (world, finding) = with(Version { retain_until: Some(NOW - 1), ..version("x", MD5) }).await;
    assert!(world.handle(&by_policy(&finding)).await.unwrap().outcome.unwrap().is_quarantined());
}

/// What a refused call leads to: the outcome, and whether the original is still there.
async fn check_refusal(call: &'static str, status: u16, code: &'static str, message: &'static str, expected: Outcome) {
    let (world, finding) = with(version("secret", MD5)).await;
    world.s3().refuse.insert(call, Refused { status, code, message });
    let handled = world.handle(&world.click(&finding)).await.unwrap();
    assert_eq!(handled.outcome, Some(expected), "{call} {status} {code}");
    assert_eq!(world.s3().versions("uploads", |_| true).len(), 1, "{call} {status} {code}");
    assert_eq!(world.slack.take().len(), 2, "that it begins, and how it ended");
    assert!(was_told(&world.manifest(&by_policy(&finding))));
}

#[tokio::test]
async fn each_refusal_of_s3_has_its_own_end_and_keeps_the_original() {
    let denied = |step, copied| Outcome::AccessDenied { step, copied };
    check_refusal("head", 403, "", "", denied(Step::Read, false)).await;
    check_refusal("head", 301, "", "", Outcome::OtherRegion).await;
    check_refusal("copy", 403, "AccessDenied", "Access Denied", denied(Step::Copy, false)).await;
    check_refusal("get-tags", 403, "AccessDenied", "Access Denied", denied(Step::Read, false)).await;
    check_refusal("get-tags", 404, "NoSuchVersion", "", Outcome::AlreadyGone).await;
    let no_decrypt = "User: r is not authorized to perform: kms:Decrypt on the resource";
    check_refusal("copy", 403, "AccessDenied", no_decrypt, Outcome::KeyUnusable { copied: false }).await;
    check_refusal("copy", 400, "KMS.DisabledException", "", Outcome::KeyUnusable { copied: false }).await;
    let archived = Outcome::Archived { storage_class: "STANDARD".into(), copied: false };
    check_refusal("copy", 403, "ObjectNotInActiveTierError", "", archived).await;
    check_refusal("copy", 412, "PreconditionFailed", "", Outcome::ChangedSinceScan { copied: false }).await;
    check_refusal("copy", 404, "NoSuchKey", "", Outcome::AlreadyGone).await;
    check_refusal("delete", 403, "AccessDenied", "Access Denied", denied(Step::Delete, true)).await;
    // The resource that it names is anybody's choice.
    let not_read =
        "not authorized to perform: s3:GetObjectVersion on resource: \"arn:aws:s3:::b/kms:x\" with an explicit deny";
    check_refusal("copy", 403, "AccessDenied", not_read, denied(Step::Copy, false)).await;
    let not_deleted = "not authorized to perform: s3:DeleteObjectVersion on resource: \"arn:aws:s3:::b/legal hold/x\"";
    check_refusal("delete", 403, "AccessDenied", not_deleted, denied(Step::Delete, true)).await;
    let locked = Outcome::Locked { until: None, legal_hold: false, copied: true };
    check_refusal("delete", 403, "AccessDenied", "Access Denied because object protected by object lock.", locked)
        .await;
}

#[tokio::test]
async fn what_may_heal_is_an_error_and_keeps_the_original() {
    for (call, error_type) in [
        ("get", "RecordReadFailed"),
        ("put", "RecordWriteFailed"),
        ("head", "ObjectReadFailed"),
        ("copy", "QuarantineCopyFailed"),
        ("delete", "OriginalDeleteFailed"),
    ] {
        let (world, finding) = with(version("secret", MD5)).await;
        world.s3().refuse.insert(call, Refused { status: 501, code: "Trouble", message: "" });
        let error = world.handle(&by_policy(&finding)).await.unwrap_err();
        assert_eq!(error.error_type(), error_type);
        assert_eq!(world.s3().versions("uploads", |_| true).len(), 1, "{call}");
        assert_eq!(world.slack.take(), Vec::<String>::new(), "{call}");

        world.s3().refuse.clear();
        assert!(world.handle(&by_policy(&finding)).await.unwrap().outcome.unwrap().is_quarantined(), "{call}");
    }
}

#[tokio::test]
async fn a_copy_that_differs_keeps_the_original() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.s3().damage_copies = true;
    let error = world.handle(&by_policy(&finding)).await.unwrap_err();
    assert_eq!(error.error_type(), "QuarantineCopyDiffers");
    assert_eq!(world.s3().body("uploads", "k").unwrap(), b"secret");

    // A later run that finds the original gone does not take the damaged copy for it.
    world.s3().remove_all("uploads");
    let error = world.handle(&by_policy(&finding)).await.unwrap_err();
    assert_eq!(error.error_type(), "QuarantineCopyDiffers");
    assert_eq!(world.slack.take(), Vec::<String>::new());
}

#[tokio::test]
async fn a_kms_object_whose_checksums_are_hidden_is_still_found() {
    let object = Version { encryption: Some(ServerSideEncryption::AwsKms), checksum: None, ..version("secret", MD5) };
    let (world, finding) = with(object).await;
    let handled = world.handle(&by_policy(&finding)).await.unwrap();
    assert_eq!(handled.outcome, Some(Outcome::Quarantined { proof: Proof::Size, remaining_versions: Some(0) }));
}

#[tokio::test]
async fn versions_that_cannot_be_listed_do_not_fail_the_move() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.s3().refuse.insert("list", Refused { status: 403, code: "AccessDenied", message: "" });
    let handled = world.handle(&by_policy(&finding)).await.unwrap();
    assert!(matches!(handled.outcome, Some(Outcome::Quarantined { remaining_versions: None, .. })));
}

#[tokio::test]
async fn an_obstacle_that_was_removed_lets_the_next_click_through() {
    let (world, finding) = with(version("secret", MD5)).await;
    world.s3().refuse.insert("delete", Refused { status: 403, code: "AccessDenied", message: "" });
    world.handle(&by_policy(&finding)).await.unwrap();
    world.s3().refuse.clear();
    world.slack.take();
    let handled = world.handle(&world.click(&finding)).await.unwrap();
    assert!(handled.outcome.unwrap().is_quarantined());
    assert_eq!(world.slack.take().len(), 2);
    let manifest = world.manifest(&by_policy(&finding));
    let history: Vec<_> = manifest.transitions.iter().map(|transition| transition.what.as_str()).collect();
    assert_eq!(
        history,
        [
            "Quarantine decided",
            "Not moved: access denied",
            "Quarantine decided again",
            "Copied, compared, deleted from its bucket",
            "Told Slack"
        ]
    );
}

#[tokio::test]
async fn a_request_that_is_none_is_an_error_with_the_field() {
    let world = World::new().await;
    let error = world.handle(&serde_json::json!({"task": {"quarantine": {"finding": {"id": 7}}}})).await.unwrap_err();
    assert_eq!(error.error_type(), "RemediationRequestUnreadable");
    assert!(platform::chain(&error).contains("finding.id"), "{}", platform::chain(&error));
    let error = world.handle(&by_policy(&finding("f1", "uploads", "k", "", ""))).await.unwrap_err();
    assert_eq!(error.error_type(), "RemediationRequestUnusable");
}

#[tokio::test]
async fn where_head_is_refused_without_a_reason_the_reason_is_asked_for() {
    let own_key = "The object was stored using a form of Server Side Encryption.";
    for (code, message, expected) in [
        ("InvalidRequest", own_key, Outcome::KeyUnusable { copied: false }),
        ("InvalidArgument", "Invalid version id specified", Outcome::AlreadyGone),
        ("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong", Outcome::OtherRegion),
    ] {
        let (world, finding) = with(version("secret", MD5)).await;
        world.s3().refuse.insert("head", Refused { status: 400, code: "", message: "" });
        world.s3().refuse.insert("get uploads", Refused { status: 400, code, message });
        let handled = world.handle(&by_policy(&finding)).await.unwrap();
        assert_eq!(handled.outcome, Some(expected), "{code}");
    }
    let (world, finding) = with(version("secret", MD5)).await;
    world.s3().refuse.insert("head", Refused { status: 400, code: "", message: "" });
    world.s3().refuse.insert("get uploads", Refused { status: 400, code: "Odd", message: "" });
    assert_eq!(world.handle(&by_policy(&finding)).await.unwrap_err().error_type(), "ObjectReadFailed");
}

#[tokio::test]
async fn with_suspended_versioning_the_null_version_is_moved() {
    let world = World::new().await;
    world.s3().upload("uploads", "k", version("older", OTHER_MD5));
    world.s3().set_versioning("uploads", false);
    world.s3().upload("uploads", "k", version("secret", MD5));
    let handled = world.handle(&by_policy(&finding("f1", "uploads", "k", "null", MD5))).await.unwrap();
    assert!(handled.outcome.unwrap().is_quarantined());
    let left = world.s3().versions("uploads", |_| true);
    assert_eq!(left.iter().map(|(_, version)| version.body.as_slice()).collect::<Vec<_>>(), [b"older"]);
}

#[tokio::test]
async fn with_suspended_versioning_an_upload_in_the_last_moment_is_not_lost() {
    let world = World::new().await;
    world.s3().set_versioning("uploads", false);
    world.s3().upload("uploads", "k", version("secret", MD5));
    world.s3().before_delete = Some(version("newer", OTHER_MD5));
    let handled = world.handle(&by_policy(&finding("f1", "uploads", "k", "null", MD5))).await.unwrap();
    assert_eq!(handled.outcome, Some(Outcome::ChangedSinceScan { copied: true }));
    assert_eq!(world.s3().body("uploads", "k").unwrap(), b"newer");
}

#[tokio::test]
async fn with_suspended_versioning_a_file_that_came_back_is_moved_again() {
    let world = World::new().await;
    world.s3().set_versioning("uploads", false);
    for id in ["f1", "f2"] {
        world.s3().upload("uploads", "k", version("secret", MD5));
        let handled = world.handle(&by_policy(&finding(id, "uploads", "k", "null", MD5))).await.unwrap();
        assert!(handled.outcome.unwrap().is_quarantined(), "{id}");
        assert!(world.s3().versions("uploads", |_| true).is_empty(), "{id}");
    }
    assert_eq!(world.s3().versions(QUARANTINE, |key| key.starts_with("objects/")).len(), 2);
}

#[tokio::test]
async fn what_was_scanned_before_versioning_is_found_below_and_leaves_no_marker() {
    for overwritten in [true, false] {
        let world = World::new().await;
        world.s3().upload("flat", "k", version("secret", MD5));
        world.s3().set_versioning("flat", true);
        if overwritten {
            world.s3().upload("flat", "k", version("newer", OTHER_MD5));
        }
        let handled = world.handle(&by_policy(&finding("f1", "flat", "k", "", MD5))).await.unwrap();
        assert!(handled.outcome.unwrap().is_quarantined(), "{overwritten}");
        let left = world.s3().versions("flat", |_| true);
        assert_eq!(left.len(), usize::from(overwritten));
        assert_eq!(world.s3().body("flat", "k").is_some(), overwritten);
        assert_eq!(world.s3().markers("flat"), 0, "{overwritten}");
    }
}

#[tokio::test]
async fn a_look_that_fails_is_no_answer_about_a_file_that_may_be_back() {
    let world = World::new().await;
    world.s3().upload("flat", "k", version("secret", MD5));
    world.handle(&by_policy(&finding("f1", "flat", "k", "", MD5))).await.unwrap();
    world.s3().refuse.insert("head flat", Refused { status: 501, code: "", message: "" });
    let error = world.handle(&by_policy(&finding("f2", "flat", "k", "", MD5))).await.unwrap_err();
    assert_eq!(error.error_type(), "ObjectReadFailed");
}

#[tokio::test]
async fn a_finding_that_names_no_account_is_about_a_bucket_of_this_one() {
    // Every copy asserts that the owners of both buckets are named.
    let (world, mut finding) = with(version("secret", MD5)).await;
    finding.as_object_mut().unwrap().remove("accountId");
    assert!(world.handle(&by_policy(&finding)).await.unwrap().outcome.unwrap().is_quarantined());
    let original = world.manifest(&by_policy(&finding)).original.unwrap();
    assert_eq!(original.account_id.as_deref(), Some("111122223333"));
}

#[tokio::test]
async fn a_move_that_ends_weeks_later_copies_again_because_s3_would_delete_the_old_copy_first() {
    const LATER: i64 = NOW + 20 * 86_400;
    let (mut world, finding) = with(version("secret", MD5)).await;
    world.remediator.config.buttons.retention = "30".parse().unwrap();
    world.s3().refuse.insert("delete", Refused { status: 403, code: "AccessDenied", message: "" });
    let first = world.handle(&world.click(&finding)).await.unwrap();
    assert_eq!(first.outcome, Some(Outcome::AccessDenied { step: Step::Delete, copied: true }));
    world.slack.take();

    world.s3().refuse.clear();
    world.remediator.clock = || jiff::Timestamp::from_second(LATER).unwrap();
    world.s3().time = LATER;
    let again = world.press(&serde_json::json!({"quarantine": {"finding": finding}}), "U1", 40);
    assert!(world.handle(&again).await.unwrap().outcome.unwrap().is_quarantined());
    assert_eq!(world.s3().versions(QUARANTINE, |key| key.starts_with("objects/")).len(), 2);
    let copied_at = world.manifest(&again).copied_at.unwrap().as_second();
    assert!(copied_at >= LATER, "{copied_at}");
    let told = world.slack.take_messages().pop().unwrap().to_string();
    let until = copied_at + 30 * 86_400;
    assert!(told.contains(&format!("*Restore* puts the object back until <!date^{until}^")), "{told}");
}
