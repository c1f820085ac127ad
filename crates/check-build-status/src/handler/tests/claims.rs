//! Which scan has a version.

use serde_json::{Value, json};
use testing::Aws;

use super::{super::Outcome, FAILED, NOWHERE, Script, arn, build, check, event, function, request, running};

/// What the state machine sends before a scan of the upload that [`request`] is about.
fn claim(scan: &str) -> Value {
    json!({"claim": scan, "executionArn": arn(scan),
        "object": {"bucket": "upload", "key": "api.zip", "versionId": "v1", "size": 5, "etag": "b194"}})
}

async fn claims(aws: &Aws, scan: &str) -> Outcome {
    check(aws, NOWHERE, &claim(scan)).await.unwrap()
}

/// An AWS in which an execution runs that has the version.
async fn claimed() -> Aws {
    let aws = running();
    assert_eq!(claims(&aws, "scan-1").await, Outcome::Claimed);
    aws.set_execution(&arn("scan-1"), "RUNNING");
    aws
}

#[tokio::test]
async fn a_version_belongs_to_one_scan_until_that_comes_to_no_verdict() {
    let aws = claimed().await;
    for (scan, expected) in [("scan-1", Outcome::Claimed), ("scan-2", Outcome::Duplicate)] {
        assert_eq!(claims(&aws, scan).await, expected, "{scan}");
    }
    // The first one is judged and waits: still its own.
    let sonar = Script::new(&FAILED).start().await;
    check(&aws, &sonar, &request(&build("FAILED", Some("BUILD"), "t1"), 0)).await.unwrap();
    assert_eq!(claims(&aws, "scan-2").await, Outcome::Duplicate);

    let aws = claimed().await;
    check(&aws, NOWHERE, &request(&build("FAILED", Some("DOWNLOAD_SOURCE"), ""), 0)).await.unwrap();
    aws.set_execution(&arn("scan-2"), "RUNNING");
    assert_eq!(claims(&aws, "scan-2").await, Outcome::Claimed);
    assert_eq!(claims(&aws, "scan-1").await, Outcome::Duplicate);
}

#[tokio::test]
async fn a_version_of_a_dead_execution_may_be_scanned_again() {
    for (status, expected) in [
        ("FAILED", Outcome::Claimed),
        ("TIMED_OUT", Outcome::Claimed),
        ("ABORTED", Outcome::Claimed),
        ("RUNNING", Outcome::Duplicate),
        ("PENDING_REDRIVE", Outcome::Duplicate),
        ("SOMETHING_NEW", Outcome::Duplicate),
    ] {
        let aws = claimed().await;
        aws.set_execution(&arn("scan-1"), status);
        assert_eq!(claims(&aws, "scan-2").await, expected, "{status}");
        aws.set_execution(&arn("scan-1"), "RUNNING");
        let earlier = if expected == Outcome::Claimed { Outcome::Duplicate } else { Outcome::Claimed };
        assert_eq!(claims(&aws, "scan-1").await, earlier, "{status}");
    }
    // Step Functions has forgotten it.
    let aws = running();
    assert_eq!(claims(&aws, "scan-1").await, Outcome::Claimed);
    aws.forget_execution(&arn("scan-1"));
    assert_eq!(claims(&aws, "scan-2").await, Outcome::Claimed);
}

/// Whoever may invoke the function can write any request: with the analysis of a good version, a bad one would pass.
#[tokio::test]
async fn a_request_about_another_version_than_its_execution_scans_claims_and_records_nothing() {
    let passed = [("ce/task", 200, super::TASK), ("project_status", 200, super::GATE_PASSED)];
    let sonar = Script::new(&passed).start().await;
    let verdict = request(&build("SUCCEEDED", None, "t1"), 0);
    let mut failure = verdict.clone();
    failure["failure"] = json!({"error": "E", "sentence": "S."});
    for request in [claim("scan-1"), verdict, failure] {
        let refused = async |aws: &Aws, request: &Value, why: &str| {
            let error = check(aws, &sonar, request).await.unwrap_err();
            assert_eq!(error.error_type(), "RequestForeign", "{why}");
            assert_eq!((aws.places().len(), aws.published().len(), aws.completions().len()), (0, 0, 0), "{why}");
        };
        for (pointer, other) in [
            ("/object/bucket", json!("another")),
            ("/object/key", json!("bad.zip")),
            ("/object/versionId", json!("v2")),
            ("/executionArn", json!(arn("scan-2"))),
        ] {
            let mut forged = request.clone();
            *forged.pointer_mut(pointer).unwrap() = other;
            refused(&running(), &forged, pointer).await;
        }
        for status in ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT", "PENDING_REDRIVE"] {
            let aws = running();
            aws.set_execution(&arn("scan-1"), status);
            refused(&aws, &request, status).await;
        }
        for input in [json!(null), json!("text"), json!({"detail": {}}), event("v2")] {
            let aws = running();
            aws.start_execution(&arn("scan-1"), &input);
            refused(&aws, &request, "the input").await;
        }
        let aws = running();
        aws.forget_execution(&arn("scan-1"));
        refused(&aws, &request, "forgotten").await;
        check(&running(), &sonar, &request).await.unwrap();
    }
}

/// What was judged stays judged, whatever became of the execution afterwards.
#[tokio::test]
async fn a_verdict_and_a_decision_outlive_their_execution() {
    let sonar = Script::new(&FAILED).start().await;
    for (decided, expected) in [(false, Outcome::Claimed), (true, Outcome::Duplicate)] {
        let aws = claimed().await;
        check(&aws, &sonar, &request(&build("FAILED", Some("BUILD"), "t1"), 0)).await.unwrap();
        if decided {
            let decision = json!({"scanId": "scan-1", "outcome": "REJECTED", "decidedAt": "2026-11-21T10:20:30Z",
                "requestId": "request-1"});
            aws.put_object("evidence/scans/scan-1/decision.json", &decision);
        }
        aws.set_execution(&arn("scan-1"), "ABORTED");
        assert_eq!(claims(&aws, "scan-2").await, expected, "decided: {decided}");
    }
    let aws = claimed().await;
    let passed = [("ce/task", 200, super::TASK), ("project_status", 200, super::GATE_PASSED)];
    let sonar = Script::new(&passed).start().await;
    check(&aws, &sonar, &request(&build("SUCCEEDED", None, "t1"), 0)).await.unwrap();
    aws.set_execution(&arn("scan-1"), "FAILED");
    assert_eq!(claims(&aws, "scan-2").await, Outcome::Duplicate);
}

/// Each call gives way to the other claimers before it takes effect, so all of them read before the first one writes.
#[tokio::test]
async fn of_claimers_at_the_same_time_one_gets_the_version() {
    for taken_over in [false, true] {
        let aws = if taken_over { claimed().await } else { running() };
        aws.set_execution(&arn("scan-1"), "FAILED");
        for scan in ["scan-2", "scan-3", "scan-4"] {
            aws.set_execution(&arn(scan), "RUNNING");
        }
        let (function, now) = (function(&aws, NOWHERE), super::NOW.parse().unwrap());
        let requests = ["scan-2", "scan-3", "scan-4"].map(claim);
        let [first, second, third] = requests.each_ref().map(|request| function.handle(request, now));
        let (first, second, third) = tokio::join!(first, second, third);
        let outcomes = [first, second, third].map(Result::unwrap);
        let winners = outcomes.iter().filter(|outcome| **outcome == Outcome::Claimed).count();
        assert_eq!(winners, 1, "{outcomes:?}, taken over: {taken_over}");
        let index = aws.places().into_iter().find(|place| place.contains("/uploads/")).unwrap();
        let winner = outcomes.iter().position(|outcome| *outcome == Outcome::Claimed).unwrap();
        assert_eq!(aws.object(&index).unwrap()["scanId"], format!("scan-{}", winner + 2));
    }
}

#[tokio::test]
async fn a_killed_claim_is_made_once_and_kept() {
    let aws = running();
    aws.dies_after(Some(0));
    let killed = check(&aws, NOWHERE, &claim("scan-1")).await;
    assert!(killed.is_err(), "{killed:?}");
    aws.dies_after(None);
    aws.set_execution(&arn("scan-1"), "RUNNING");
    assert_eq!(claims(&aws, "scan-1").await, Outcome::Claimed);
    assert_eq!(claims(&aws, "scan-2").await, Outcome::Duplicate);
}
