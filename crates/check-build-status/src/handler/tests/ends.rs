//! Executions that ended where none of their steps could tell.

use serde_json::{Value, json};
use testing::Aws;

use super::{
    super::Outcome, FAILED, GATE_PASSED, NOW, NOWHERE, Script, TASK, arn, build, check, event, report, request,
    running, survives_every_kill,
};

/// What EventBridge sends about that execution.
fn news(arn: &str) -> Value {
    let sample = include_str!("../../../../../samples/events/check-build-status.execution-aborted.json");
    let mut news: Value = serde_json::from_str(sample).unwrap();
    news["detail"]["executionArn"] = json!(arn);
    news
}

/// An AWS in which the execution has ended in this way.
fn ended(status: &str) -> Aws {
    let aws = running();
    aws.set_execution(&arn("scan-1"), status);
    aws
}

async fn hears(aws: &Aws) -> Outcome {
    check(aws, NOWHERE, &news(&arn("scan-1"))).await.unwrap()
}

#[tokio::test]
async fn a_stopped_execution_is_recorded_and_told_once_however_often_the_news_comes() {
    for (status, sentence, advice) in [
        ("ABORTED", "Somebody stopped its execution.", "who called StopExecution"),
        ("TIMED_OUT", "took longer than it may", "Look at the failed step"),
        ("FAILED", "Its execution broke off.", "Look at the failed step"),
    ] {
        let aws = ended(status);
        for _ in 0..3 {
            assert_eq!(hears(&aws).await, Outcome::PipelineFailed);
        }
        assert_eq!(report(&aws)["verdict"], "PIPELINE_FAILED");
        assert_eq!(
            (&report(&aws)["upload"]["versionId"], &report(&aws)["executionArn"]),
            (&json!("v1"), &json!(arn("scan-1")))
        );
        let [notification] = &aws.published()[..] else { panic!("{status}: {:?}", aws.published()) };
        let told = notification["content"].to_string();
        for fact in ["`upload/api.zip`", "`v1`", sentence, "counts as not approved", advice] {
            assert!(told.contains(fact), "{status}: {fact} is not in {told}");
        }
        assert_eq!(notification["metadata"]["enableCustomActions"], false);
        assert_eq!(aws.completions(), []);
    }
}

/// The event may be anybody's: what it says of the end is not believed.
#[tokio::test]
async fn news_of_an_execution_that_has_told_itself_changes_nothing() {
    for status in ["SUCCEEDED", "PENDING_REDRIVE", "SOMETHING_NEW"] {
        let aws = ended(status);
        assert_eq!(hears(&aws).await, Outcome::NothingToTell, "{status}");
        assert_eq!((aws.places().len(), aws.published().len()), (0, 0), "{status}");
    }
    let aws = ended("FAILED");
    aws.set_execution_error(&arn("scan-1"), "PipelineFailed");
    assert_eq!(hears(&aws).await, Outcome::NothingToTell);
    assert_eq!((aws.places().len(), aws.published().len()), (0, 0));
}

/// The answer of Step Functions may be older than the event.
#[tokio::test]
async fn news_that_step_functions_does_not_confirm_yet_is_asked_about_again() {
    let running = ended("RUNNING");
    let unknown = ended("ABORTED");
    unknown.forget_execution(&arn("scan-1"));
    for aws in [running, unknown] {
        let error = check(&aws, NOWHERE, &news(&arn("scan-1"))).await.unwrap_err();
        assert_eq!((error.error_type(), aws.places().len(), aws.published().len()), ("ExecutionNotEnded", 0, 0));
        aws.start_execution(&arn("scan-1"), &event("v1"));
        aws.set_execution(&arn("scan-1"), "ABORTED");
        assert_eq!(hears(&aws).await, Outcome::PipelineFailed);
        assert_eq!(aws.published().len(), 1);
    }
}

#[tokio::test]
async fn news_that_is_garbage_or_of_a_foreign_state_machine_records_and_tells_nothing() {
    for detail in [json!(null), json!("text"), json!({}), json!({"executionArn": 1}), json!({"executionArn": ["a"]})] {
        let aws = ended("ABORTED");
        let error = check(&aws, NOWHERE, &json!({"detail": detail})).await.unwrap_err();
        assert_eq!(
            (error.error_type(), aws.places().len(), aws.published().len()),
            ("RequestUnusable", 0, 0),
            "{detail}"
        );
    }
    // The role may look at executions of its own state machine alone.
    let aws = ended("ABORTED");
    aws.refuse("DescribeExecution");
    let foreign = news("arn:aws:states:eu-west-1:111122223333:execution:payroll:scan-1");
    let error = check(&aws, NOWHERE, &foreign).await.unwrap_err();
    assert_eq!((error.error_type(), aws.places().len(), aws.published().len()), ("ExecutionUnreadable", 0, 0));
    // Started by hand with something else than an upload.
    for input in [json!(null), json!("text"), json!({"detail": {}})] {
        let aws = running();
        aws.start_execution(&arn("scan-1"), &input);
        aws.set_execution(&arn("scan-1"), "ABORTED");
        assert_eq!(hears(&aws).await, Outcome::NothingToTell, "{input}");
        assert_eq!((aws.places().len(), aws.published().len()), (0, 0), "{input}");
    }
}

/// A verdict stays, and so does a decision; without one, the failed gate counts as not approved.
#[tokio::test]
async fn an_execution_that_is_stopped_after_the_verdict_leaves_the_verdict() {
    let passes = [("ce/task", 200, TASK), ("project_status", 200, GATE_PASSED)];
    let failed = build("FAILED", Some("BUILD"), "t1");
    let passed = build("SUCCEEDED", None, "t1");
    for (build, answers, decided, stands) in [
        (&passed, &passes[..], None, "The quality gate is passed, and that stands."),
        (&failed, &FAILED[..], Some("APPROVED"), "It was approved at 2026-11-21T01:36:00Z, and that stands."),
        (&failed, &FAILED[..], None, "It counts as not approved."),
    ] {
        let aws = running();
        check(&aws, &Script::new(answers).start().await, &request(build, 0)).await.unwrap();
        let (judged, before) = (report(&aws), aws.published().len());
        if let Some(outcome) = decided {
            let decision = json!({"scanId": "scan-1", "outcome": outcome, "decidedAt": NOW, "requestId": "request-1"});
            aws.put_object("evidence/scans/scan-1/decision.json", &decision);
        }
        aws.set_execution(&arn("scan-1"), "ABORTED");
        for _ in 0..2 {
            assert_eq!(hears(&aws).await, Outcome::PipelineFailed);
        }
        assert_eq!((report(&aws), aws.published().len()), (judged, before + 1), "{stands}");
        let told = aws.published().last().unwrap()["content"].to_string();
        assert!(told.contains("Somebody stopped its execution.") && told.contains(stands), "{told}");
        assert!(told.contains("StopExecution"), "{told}");
    }
}

/// A duplicate, or one whose version was scanned again meanwhile: the other one tells.
#[tokio::test]
async fn an_execution_whose_version_another_scan_has_is_not_told() {
    let aws = running();
    for (scan, expected) in [("scan-2", Outcome::Claimed), ("scan-1", Outcome::Duplicate)] {
        let claim = json!({"claim": scan, "executionArn": arn(scan),
            "object": {"bucket": "upload", "key": "api.zip", "versionId": "v1"}});
        assert_eq!(check(&aws, NOWHERE, &claim).await.unwrap(), expected);
    }
    aws.set_execution(&arn("scan-1"), "ABORTED");
    assert_eq!(hears(&aws).await, Outcome::Duplicate);
    assert_eq!(aws.published().len(), 0);
    // Of the one that has it, it is told.
    aws.set_execution(&arn("scan-2"), "ABORTED");
    assert_eq!(check(&aws, NOWHERE, &news(&arn("scan-2"))).await.unwrap(), Outcome::PipelineFailed);
    assert_eq!(aws.published().len(), 1);
}

/// The check was under way when its execution was stopped: it finds the execution over, and records no verdict after it.
#[tokio::test]
async fn a_check_that_is_late_does_not_write_over_the_end() {
    let elsewhere = ended("ABORTED");
    hears(&elsewhere).await;
    let recorded = report(&elsewhere);
    let aws = running();
    let claim = |scan: &str| {
        json!({"claim": scan, "executionArn": arn(scan),
            "object": {"bucket": "upload", "key": "api.zip", "versionId": "v1"}})
    };
    assert_eq!(check(&aws, NOWHERE, &claim("scan-1")).await.unwrap(), Outcome::Claimed);
    // The check has looked for a report by then, and has its verdict.
    let there = recorded.clone();
    aws.before("DescribeExecution", move |aws| {
        aws.set_execution(&arn("scan-1"), "ABORTED");
        aws.put_object("evidence/scans/scan-1/report.json", &there);
    });
    let answers = FAILED.map(|(path, status, body)| (path, status, body.replace("api-1f2e3d4c", "api-87001f10")));
    let answers: Vec<_> = answers.iter().map(|(path, status, body)| (*path, *status, body.as_str())).collect();
    let sonar = Script::new(&answers).start().await;
    let mut late = request(&build("FAILED", Some("BUILD"), "t1"), 0);
    // As the state machine computes it, so that the report is not another project's.
    late["projectKey"] = recorded["projectKey"].clone();
    let error = check(&aws, &sonar, &late).await.unwrap_err();
    assert!(aws.all_happened());
    assert_eq!(error.error_type(), "RequestForeign");
    assert_eq!((report(&aws), aws.published().len(), aws.completions().len()), (recorded, 0, 0));
    assert_eq!(check(&aws, NOWHERE, &claim("scan-2")).await.unwrap(), Outcome::Claimed);
}

#[tokio::test]
async fn a_kill_after_any_step_records_the_end_and_tells_it() {
    survives_every_kill(|| ended("ABORTED"), &news(&arn("scan-1")), ("error", "ExecutionAborted")).await;
}

#[tokio::test]
async fn what_somebody_put_into_the_event_is_never_shown() {
    let aws = running();
    aws.start_execution(&arn("scan-1"), &event("<!channel>"));
    aws.set_execution(&arn("scan-1"), "ABORTED");
    let mut forged = news(&arn("scan-1"));
    forged["detail"]["cause"] = json!("<!here> approve it");
    check(&aws, NOWHERE, &forged).await.unwrap();
    let told = aws.published()[0].to_string();
    assert!(!told.contains("<!") && !told.contains("approve it"), "{told}");
}
