//! Steps of the state machine that have failed for good.

use serde_json::{Value, json};

use super::{
    super::Outcome, FAILED, GATE_PASSED, NOW, NOWHERE, Script, TASK, build, check, report, request, running,
    survives_every_kill,
};

const SENTENCE: &str = "Its check could not be brought to an end.";

/// What the state machine sends when CheckBuildStatus could not get at its token.
fn failure(build: &Value) -> Value {
    let mut request = request(build, 0);
    let cause =
        json!({"errorType": "TokenUnusable", "errorMessage": "could not get the token: the secret has no text"});
    request["failure"] = json!({"sentence": SENTENCE, "error": "TokenUnusable", "cause": cause.to_string()});
    for own in ["taskToken", "expiryKey", "attempt", "startedAt"] {
        request.as_object_mut().unwrap().remove(own);
    }
    request
}

#[tokio::test]
async fn a_failure_is_recorded_and_the_channel_learns_which_version_and_what_to_do() {
    let aws = running();
    let outcome = check(&aws, NOWHERE, &failure(&build("SUCCEEDED", None, "t1"))).await.unwrap();
    assert_eq!(outcome, Outcome::PipelineFailed);
    let report = report(&aws);
    assert_eq!((&report["verdict"], &report["cause"]["kind"]), (&json!("PIPELINE_FAILED"), &json!("UNFINISHED")));
    assert_eq!(report["upload"]["versionId"], "v1");
    let [notification] = &aws.published()[..] else { panic!("one notification") };
    let told = notification["content"].to_string();
    for fact in [
        "`upload/api.zip`",
        "`v1`",
        SENTENCE,
        "counts as not approved",
        "the secret has no text",
        "SonarReaderSecretArn",
        "the build",
    ] {
        assert!(told.contains(fact), "{fact} is not in {told}");
    }
    assert_eq!(notification["metadata"]["enableCustomActions"], false);
    assert_eq!(aws.completions(), []);
}

#[tokio::test]
async fn each_failure_has_its_advice() {
    for (error, cause, advice) in [
        ("RecordFailed", "", "Check the evidence bucket"),
        ("NothingDecided", "", "who called SendTaskSuccess"),
        ("PipelineFailed", "", "who called SendTaskFailure"),
        ("Lambda.Unknown", "{\"errorMessage\":\"<!channel> died\"}", "Look at the failed step"),
        ("States.Timeout", "cut off {\"errorMess", "Look at the failed step"),
    ] {
        let aws = running();
        let mut request = failure(&Value::Null);
        request["error"] = Value::Null;
        request["failure"]["error"] = json!(error);
        request["failure"]["cause"] = json!(cause);
        check(&aws, NOWHERE, &request).await.unwrap();
        let told = aws.published()[0]["content"].to_string();
        assert!(told.contains(advice) && !told.contains("<!"), "{error}: {told}");
    }
}

/// The state machine hands over each failed pipeline: that CheckBuildStatus ended the wait is not taken for granted.
#[tokio::test]
async fn a_failure_that_was_recorded_and_told_is_neither_changed_nor_told_again() {
    let aws = running();
    let setup = build("FAILED", Some("DOWNLOAD_SOURCE"), "");
    check(&aws, NOWHERE, &request(&setup, 0)).await.unwrap();
    let (judged, places) = (report(&aws), aws.places());
    let mut again = failure(&setup);
    again["failure"] = json!({"sentence": SENTENCE, "error": "PipelineFailed", "cause": ""});
    check(&aws, NOWHERE, &again).await.unwrap();
    assert_eq!((report(&aws), aws.places(), aws.published().len()), (judged, places, 1));
}

/// A verdict is not written over: the failure came after it.
#[tokio::test]
async fn a_failure_after_the_verdict_is_told_and_the_verdict_stands() {
    let aws = running();
    let sonar = Script::new(&FAILED).start().await;
    let failed = build("FAILED", Some("BUILD"), "t1");
    check(&aws, &sonar, &request(&failed, 0)).await.unwrap();
    let judged = report(&aws);
    for _ in 0..2 {
        check(&aws, NOWHERE, &failure(&failed)).await.unwrap();
    }
    assert_eq!(report(&aws), judged);
    assert_eq!(aws.published().len(), 2, "the question and the failure, each once");
    assert_eq!(aws.published()[1]["metadata"]["additionalContext"]["kind"], "pipeline-failed");
    assert!(aws.published()[1]["content"].to_string().contains(SENTENCE));
}

/// What the channel reads is what `scripts/verify-approval` says.
#[tokio::test]
async fn a_failure_after_a_decision_says_that_the_decision_stands() {
    let failed = build("FAILED", Some("BUILD"), "t1");
    let passed = build("SUCCEEDED", None, "t1");
    let passes = [("ce/task", 200, TASK), ("project_status", 200, GATE_PASSED)];
    for (build, answers, decided, stands) in [
        (&passed, &passes[..], None, "The quality gate is passed, and that stands."),
        (&failed, &FAILED[..], Some("APPROVED"), "It was approved at 2026-11-21T01:36:00Z, and that stands."),
        (&failed, &FAILED[..], Some("REJECTED"), "It was rejected at 2026-11-21T01:36:00Z, and that stands."),
    ] {
        for (error, advice) in
            [("PipelineFailed", "who called SendTaskFailure"), ("RecordFailed", "scripts/verify-approval")]
        {
            let aws = running();
            check(&aws, &Script::new(answers).start().await, &request(build, 0)).await.unwrap();
            if let Some(outcome) = decided {
                let decision =
                    json!({"scanId": "scan-1", "outcome": outcome, "decidedAt": NOW, "requestId": "request-1"});
                aws.put_object("evidence/scans/scan-1/decision.json", &decision);
            }
            let mut request = failure(build);
            request["failure"]["error"] = json!(error);
            check(&aws, NOWHERE, &request).await.unwrap();
            let told = aws.published().last().unwrap()["content"].to_string();
            assert!(told.contains(stands) && told.contains(advice) && told.contains("The scan is decided"), "{told}");
            assert!(!told.contains("not approved") && !told.contains("upload the zip again"), "{told}");
        }
    }
}

/// The function's own error without its record: somebody else gave it.
#[tokio::test]
async fn only_a_wait_that_the_function_did_not_end_is_said_to_be_ended_by_somebody_else() {
    let accusation = "not by the function that checks it. It counts as not approved";
    let mut forged = failure(&Value::Null);
    forged["failure"] = json!({"sentence": "Its check ended as failed.", "error": "PipelineFailed", "cause": ""});
    let aws = running();
    check(&aws, NOWHERE, &forged).await.unwrap();
    assert!(aws.published()[0]["content"].to_string().contains(accusation));
    // After a question that nobody has answered.
    let aws = running();
    check(&aws, &Script::new(&FAILED).start().await, &request(&build("FAILED", Some("BUILD"), "t1"), 0)).await.unwrap();
    check(&aws, NOWHERE, &forged).await.unwrap();
    assert!(aws.published()[1]["content"].to_string().contains(accusation));
}

/// CheckBuildStatus had recorded why the pipeline failed, and died before it told.
#[tokio::test]
async fn a_failure_that_is_recorded_but_not_told_is_told_in_its_own_words() {
    let aws = running();
    aws.dies_after(Some(1));
    let setup = build("FAILED", Some("DOWNLOAD_SOURCE"), "");
    check(&aws, NOWHERE, &request(&setup, 0)).await.unwrap_err();
    aws.dies_after(None);
    for _ in 0..2 {
        check(&aws, NOWHERE, &failure(&setup)).await.unwrap();
    }
    assert_eq!(report(&aws)["cause"]["kind"], "SETUP");
    let [notification] = &aws.published()[..] else { panic!("one notification") };
    let told = notification["content"].to_string();
    assert!(told.contains("could not read the build's specification") && !told.contains(SENTENCE), "{told}");
}

#[tokio::test]
async fn a_kill_after_any_step_records_the_failure_and_tells_it() {
    survives_every_kill(running, &failure(&Value::Null), ("kind", "UNFINISHED")).await;
}

#[tokio::test]
async fn the_record_of_another_upload_is_refused() {
    let aws = running();
    check(&aws, NOWHERE, &failure(&Value::Null)).await.unwrap();
    let mut foreign = report(&aws);
    foreign["upload"]["versionId"] = json!("v2");
    aws.put_object("evidence/scans/scan-1/report.json", &foreign);
    assert_eq!(check(&aws, NOWHERE, &failure(&Value::Null)).await.unwrap_err().error_type(), "RecordForeign");
    assert_eq!(aws.published().len(), 1);
}
