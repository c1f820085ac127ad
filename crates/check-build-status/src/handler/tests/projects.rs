//! The last verdict on a project, whatever the order in which its scans end.

use serde_json::{Value, json};
use testing::Aws;

use super::{super::Outcome, FAILED, GATE_PASSED, Script, TASK, arn, build, check, request, running};

const PROJECT: &str = "evidence/projects/api-1f2e3d4c.json";

/// A scan of the project whose upload was announced, and whose execution began, at these moments.
async fn ends(aws: &Aws, scan: &str, passes: bool, uploaded: &str, started: &str) -> Outcome {
    let task = TASK.replace("scanId=scan-1", &format!("scanId={scan}"));
    let mut answers = vec![("ce/task", 200, task.as_str())];
    if passes {
        answers.push(("project_status", 200, GATE_PASSED));
    } else {
        answers.extend(FAILED.into_iter().filter(|(path, ..)| *path != "ce/task"));
    }
    let sonar = Script::new(&answers).start().await;
    let status = if passes { "SUCCEEDED" } else { "FAILED" };
    let mut request = request(&build(status, Some("BUILD").filter(|_| !passes), "t1"), 0);
    for (name, value) in [
        ("scanId", scan),
        ("executionArn", &arn(scan)),
        ("taskToken", scan),
        ("uploadedAt", uploaded),
        ("startedAt", started),
    ] {
        request[name] = json!(value);
    }
    check(aws, &sonar, &request).await.unwrap()
}

fn last(aws: &Aws) -> (Value, Value) {
    let state = aws.object(PROJECT).unwrap();
    (state["scanId"].clone(), state["passed"].clone())
}

fn recovered(aws: &Aws, scan: &str) -> bool {
    aws.object(&format!("evidence/scans/{scan}/report.json")).unwrap()["recovered"] == true
}

#[tokio::test]
async fn a_project_that_passes_after_a_failure_has_recovered_once() {
    let aws = running();
    for (scan, passes, minute, notifications) in
        [("scan-1", false, 30, 1), ("scan-2", true, 31, 2), ("scan-3", true, 32, 2)]
    {
        let moment = format!("2026-11-21T01:{minute}:00Z");
        ends(&aws, scan, passes, &moment, &moment).await;
        assert_eq!(aws.published().len(), notifications, "{scan}");
    }
    assert_eq!(aws.published()[1]["metadata"]["additionalContext"]["kind"], "recovered");
    assert!(recovered(&aws, "scan-2") && !recovered(&aws, "scan-3"));
}

/// The scan of the later upload was faster.
#[tokio::test]
async fn the_verdict_on_the_latest_upload_is_the_last_one_whichever_scan_ends_last() {
    let [early, late, began] = ["2026-11-21T01:30:00Z", "2026-11-21T01:31:00Z", "2026-11-21T01:32:00Z"];
    // The later upload fails: that an earlier one passes is no recovery, and the next one that passes is.
    let aws = running();
    ends(&aws, "scan-2", false, late, began).await;
    assert_eq!(ends(&aws, "scan-1", true, early, began).await, Outcome::Passed);
    assert_eq!((last(&aws), recovered(&aws, "scan-1")), ((json!("scan-2"), json!(false)), false));
    assert_eq!(aws.published().len(), 1, "the channel was told of a recovery");
    ends(&aws, "scan-3", true, "2026-11-21T01:33:00Z", began).await;
    assert_eq!((last(&aws), recovered(&aws, "scan-3")), ((json!("scan-3"), json!(true)), true));
    // The later upload passes: the project has not failed since.
    let aws = running();
    ends(&aws, "scan-2", true, late, began).await;
    ends(&aws, "scan-1", false, early, began).await;
    assert_eq!(last(&aws), (json!("scan-2"), json!(true)));
    ends(&aws, "scan-3", true, "2026-11-21T01:33:00Z", began).await;
    assert!(!recovered(&aws, "scan-3"));
}

/// Events tell seconds only; and a version can be scanned again, in an execution that begins later.
#[tokio::test]
async fn of_two_uploads_in_one_second_the_one_whose_scan_began_later_counts() {
    let uploaded = "2026-11-21T01:30:00Z";
    let aws = running();
    ends(&aws, "scan-2", false, uploaded, "2026-11-21T01:30:00.900Z").await;
    ends(&aws, "scan-1", true, uploaded, "2026-11-21T01:30:00.100Z").await;
    assert_eq!(last(&aws), (json!("scan-2"), json!(false)));
    // Without a moment of the upload that can be read, the begin counts.
    ends(&aws, "scan-3", true, "soon", "2026-11-21T01:30:01.100Z").await;
    assert_eq!((last(&aws), recovered(&aws, "scan-3")), ((json!("scan-3"), json!(true)), true));
}

/// Another scan records its verdict between our look and our write.
#[tokio::test]
async fn scans_that_end_at_once_leave_the_verdict_on_the_latest_upload() {
    let [early, late, began] = ["2026-11-21T01:30:00Z", "2026-11-21T01:31:00Z", "2026-11-21T01:32:00Z"];
    let state = |scan: &str, uploaded: &str| json!({"passed": false, "scanId": scan, "uploadedAt": uploaded, "startedAt": began});
    for (ours, theirs, expected) in [(early, late, "scan-2"), (late, early, "scan-1")] {
        let aws = running();
        let others = state("scan-2", theirs);
        aws.before(&format!("PUT {PROJECT}"), move |aws| aws.put_object(PROJECT, &others));
        ends(&aws, "scan-1", true, ours, began).await;
        assert!(aws.all_happened());
        assert_eq!(last(&aws).0, expected);
    }
    // A state of before moments were kept is older than any.
    let aws = running();
    aws.put_object(PROJECT, &json!({"passed": false, "scanId": "scan-0"}));
    ends(&aws, "scan-1", true, early, began).await;
    assert_eq!((last(&aws).0, recovered(&aws, "scan-1")), (json!("scan-1"), true));
}

/// The state of a project serves one notice. A verdict does not depend on it.
#[tokio::test]
async fn no_trouble_with_the_state_of_a_project_or_a_notice_keeps_a_verdict_back() {
    let began = "2026-11-21T01:32:00Z";
    for (refused, told) in [
        (&[][..], 1),
        (&["GET evidence/projects/api-1f2e3d4c.json"], 0),
        (&["PUT evidence/projects/api-1f2e3d4c.json"], 1),
        (&["POST "], 0),
        (&["PUT evidence/scans/scan-1/notified.json"], 1),
    ] {
        let aws = running();
        aws.put_object(PROJECT, &json!({"passed": false, "scanId": "scan-0"}));
        for call in refused {
            aws.refuse(call);
        }
        assert_eq!(ends(&aws, "scan-1", true, began, began).await, Outcome::Passed, "{refused:?}");
        assert_eq!(aws.completions().last().unwrap().1["output"], "{\"outcome\":\"PASSED\"}");
        assert_eq!(aws.published().len(), told, "{refused:?}");
        if !refused.contains(&"POST ") {
            assert_eq!(ends(&aws, "scan-2", false, began, began).await, Outcome::AwaitingDecision, "{refused:?}");
            assert_eq!(aws.published().len(), told + 1, "nobody was asked: {refused:?}");
        }
    }
}

#[tokio::test]
async fn an_unreadable_state_of_a_project_is_written_over() {
    let began = "2026-11-21T01:32:00Z";
    for broken in [json!("x"), json!({"passed": "perhaps"}), json!("x".repeat(1_048_577))] {
        let aws = running();
        aws.put_object(PROJECT, &broken);
        assert_eq!(ends(&aws, "scan-1", false, began, began).await, Outcome::AwaitingDecision);
        assert_eq!(last(&aws), (json!("scan-1"), json!(false)));
    }
}

/// Whoever starts an execution by hand can say anything about when its version was uploaded.
#[tokio::test]
async fn an_upload_in_the_future_is_not_later_than_its_scan() {
    let aws = running();
    let (early, late) = ("2026-11-21T01:31:00Z", "2026-11-21T01:32:00Z");
    ends(&aws, "scan-1", true, "9999-01-01T00:00:00Z", early).await;
    assert_eq!(aws.object(PROJECT).unwrap()["uploadedAt"], early);
    ends(&aws, "scan-2", false, late, late).await;
    assert_eq!(last(&aws), (json!("scan-2"), json!(false)));
}
