mod server;

use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, http::StatusCode as Status, response::IntoResponse, routing::get};
use domain::scan::conclusion::LOG_ARRIVED;
use serde_json::json;
use testing::Aws;

use super::*;

mod claims;
mod crashes;
mod ends;
mod failures;
mod logs;
mod projects;

const NOW: &str = "2026-11-21T01:36:00Z";
/// A server that nobody plays.
const NOWHERE: &str = "http://127.0.0.1:1/";
/// Bodies recorded from Community Build 25.12, shortened to the fields that matter.
const TASK: &str = r#"{"task":{"id":"t1","type":"REPORT","componentKey":"api-1f2e3d4c","analysisId":"a1","status":"SUCCESS",
    "submittedAt":"2026-11-21T01:35:29+0000","submitterLogin":"scanner","executionTimeMs":4672,"warningCount":1,
    "hasScannerContext":true,"scannerContext":"Project scanner properties:\n  - sonar.analysis.scanId=scan-1"}}"#;
const GATE_FAILED: &str = r#"{"projectStatus":{"status":"ERROR","conditions":[
    {"status":"OK","metricKey":"reliability_rating","comparator":"GT","errorThreshold":"3","actualValue":"1"},
    {"status":"ERROR","metricKey":"vulnerabilities","comparator":"GT","errorThreshold":"0","actualValue":"3"}],
    "ignoredConditions":false,"caycStatus":"over-compliant"}}"#;
const GATE_PASSED: &str = r#"{"projectStatus":{"status":"OK","conditions":[],"ignoredConditions":false}}"#;
const ISSUES: &str = r#"{"paging":{"pageIndex":1,"pageSize":500,"total":1},"issues":[{"key":"k","component":"api-1f2e3d4c:src/client.py",
    "rule":"python:S4830","line":12,"message":"Enable server certificate validation","severity":"CRITICAL",
    "impacts":[{"softwareQuality":"SECURITY","severity":"HIGH"}]}],
    "facets":[{"property":"impactSeverities","values":[{"val":"HIGH","count":1}]}]}"#;

const HOTSPOTS: &str = r#"{"paging":{"pageIndex":1,"pageSize":500,"total":2},"hotspots":[
    {"key":"h","vulnerabilityProbability":"HIGH","status":"TO_REVIEW"},{"key":"i","vulnerabilityProbability":"LOW"}]}"#;
const COMPONENT: &str =
    r#"{"queue":[],"current":{"id":"t1","componentKey":"api-1f2e3d4c","analysisId":"a1","status":"SUCCESS"}}"#;

/// Part of a path, the status and the body of its answer.
type Answer = (&'static str, u16, String);

/// A server that answers each path with a scripted status and body, and remembers what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<Vec<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn new(answers: &[(&'static str, u16, &str)]) -> Self {
        let answers = answers.iter().map(|(path, status, body)| (*path, *status, (*body).to_owned())).collect();
        Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() }
    }

    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/sonar/{*path}", get(answer)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}/sonar/")
    }
}

async fn answer(State(script): State<Script>, request: axum::extract::Request) -> axum::response::Response {
    let authorization =
        request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(authorization, "Bearer squ_0123456789abcdef0123");
    let uri = request.uri().to_string();
    script.asked.lock().unwrap().push(uri.clone());
    let answers = script.answers.lock().unwrap();
    let scripted = answers.iter().find(|(path, ..)| uri.contains(path));
    scripted.map_or_else(
        || (Status::NOT_FOUND, r#"{"errors":[{"msg":"No activity found for task 't1'"}]}"#.to_owned()).into_response(),
        |(_, status, body)| (Status::from_u16(*status).unwrap(), body.clone()).into_response(),
    )
}

fn function(aws: &Aws, sonar: &str) -> CheckBuildStatus {
    telling(aws, sonar, "false")
}

/// With this setting of `NotifyPassed`.
fn telling(aws: &Aws, sonar: &str, notify_passed: &str) -> CheckBuildStatus {
    let config = Config::from_env(&|name| {
        let value = match name {
            "EVIDENCE_BUCKET" => "evidence",
            "ACCOUNT_ID" => "111122223333",
            "NOTIFICATION_TOPIC_ARN" => "arn:aws:sns:eu-west-1:111122223333:topic",
            "SONAR_HOST_URL" => sonar,
            "SONAR_READER_SECRET_ARN" => "reader",
            "TRIAGE_GUIDE_URL" => "https://wiki.example.com/triage",
            "NOTIFY_PASSED" => notify_passed,
            "NOTIFY_RECOVERED" => "true",
            _ => return None,
        };
        Some(value.to_owned())
    });
    CheckBuildStatus::new(config.unwrap(), &aws.config())
}

fn arn(scan: &str) -> String {
    format!("arn:aws:states:eu-west-1:111122223333:execution:code-scan:{scan}")
}

/// An event about a version of the upload that [`request`] is about.
fn event(version: &str) -> Value {
    json!({"detail": {"bucket": {"name": "upload"}, "object": {"key": "api.zip", "version-id": version, "size": 5}}})
}

/// An AWS in which executions run that were started for the upload that [`request`] is about.
fn running() -> Aws {
    let aws = Aws::default();
    for scan in ["scan-1", "scan-2", "scan-3", "scan-4"] {
        aws.start_execution(&arn(scan), &event("v1"));
    }
    aws
}

fn build(status: &str, failed_phase: Option<&str>, task_id: &str) -> Value {
    let phases = failed_phase.map(|phase| {
        json!([{"PhaseType": phase, "PhaseStatus": "FAILED", "Contexts": [{"StatusCode": "CLIENT_ERROR", "Message": "words"}]}])
    });
    json!({
        "Id": "scan:8745", "Arn": "arn:aws:codebuild:eu-west-1:111122223333:build/scan:8745", "BuildStatus": status,
        "Phases": phases, "Logs": {"GroupName": "/aws/codebuild/scan", "StreamName": "8745"},
        "ExportedEnvironmentVariables": [{"Name": "SONAR_CE_TASK_ID", "Value": task_id}, {"Name": "SUPPRESSIONS", "Value": "nosonar:2"},
            {"Name": "NOT_ANALYSED", "Value": "none"}]
    })
}

fn request(build: &Value, attempt: u32) -> Value {
    let mut request = json!({
        "taskToken": format!("token-{attempt}"), "expiryKey": "key-1", "scanId": "scan-1", "attempt": attempt, "projectKey": "api-1f2e3d4c",
        "executionArn": "arn:aws:states:eu-west-1:111122223333:execution:code-scan:scan-1",
        "startedAt": "2026-11-21T01:34:00.123Z",
        "object": {"bucket": "upload", "key": "api.zip", "versionId": "v1", "size": 5, "etag": "b194"}
    });
    if build["BuildStatus"] == "SUCCEEDED" {
        request["build"] = build.clone();
    } else {
        request["error"] = json!({"Error": "States.TaskFailed", "Cause": json!({"Build": build}).to_string()});
    }
    request
}

async fn check(aws: &Aws, sonar: &str, request: &Value) -> Result<Outcome, Error> {
    function(aws, sonar).handle(request, NOW.parse().unwrap()).await
}

/// Kills the function after each change that it makes to the world, and asks once more: the failure is recorded, with this
/// field of its cause, and told; twice at most, when it died before it could note that.
async fn survives_every_kill(world: impl Fn() -> Aws, request: &Value, (field, value): (&str, &str)) {
    let mut deaths = 0;
    for steps in 0.. {
        let aws = world();
        aws.dies_after(Some(steps));
        let result = check(&aws, NOWHERE, request).await;
        let died = aws.died();
        assert_eq!(died, result.is_err(), "after {steps} steps");
        aws.dies_after(None);
        assert_eq!(check(&aws, NOWHERE, request).await.unwrap(), Outcome::PipelineFailed);
        assert_eq!(report(&aws)["cause"][field], value);
        assert!((1..=2).contains(&aws.published().len()), "after {steps} steps");
        if !died {
            break;
        }
        deaths += 1;
    }
    // The report, the notification, its mark.
    assert_eq!(deaths, 3);
}

/// One check of one build against one server: the outcome, and the recorded report.
async fn judged(build: Value, attempt: u32, answers: &[(&'static str, u16, &str)]) -> (Outcome, Aws) {
    let aws = running();
    let sonar = Script::new(answers).start().await;
    let outcome = check(&aws, &sonar, &request(&build, attempt)).await.unwrap();
    (outcome, aws)
}

fn report(aws: &Aws) -> Value {
    aws.object("evidence/scans/scan-1/report.json").unwrap()
}

const FAILED: [(&str, u16, &str); 5] = [
    ("ce/task", 200, TASK),
    ("project_status", 200, GATE_FAILED),
    ("issues/search", 200, ISSUES),
    ("hotspots/search", 200, HOTSPOTS),
    ("ce/component", 200, COMPONENT),
];

#[tokio::test]
async fn a_failed_gate_is_recorded_shown_and_waits() {
    let script = Script::new(&FAILED);
    let sonar = script.start().await;
    let aws = running();
    let outcome = check(&aws, &sonar, &request(&build("FAILED", Some("BUILD"), "t1"), 0)).await.unwrap();
    assert_eq!(outcome, Outcome::AwaitingDecision);
    assert_eq!(report(&aws)["verdict"], "QUALITY_GATE_FAILED");
    assert_eq!(report(&aws)["unjudged"], json!({"suppressions": [{"kind": "nosonar", "count": 2}], "files": []}));
    assert_eq!(report(&aws)["worst"][0]["file"], "src/client.py");
    assert_eq!(report(&aws)["hotspots"], json!({"total": 2, "high": 1}));
    let waiting = aws.object("evidence/scans/scan-1/task.json").unwrap();
    let upload = json!({"bucket": "upload", "key": "api.zip", "versionId": "v1", "size": 5, "etag": "b194"});
    assert_eq!(waiting, json!({"taskToken": "token-0", "expiryKey": "key-1", "upload": upload}));
    let mark = json!({"scanId": "scan-1", "upload": upload, "messageId": "m"});
    assert_eq!(aws.object("evidence/scans/scan-1/notified.json").unwrap(), mark);
    let [notification] = &aws.published()[..] else { panic!("one notification") };
    assert_eq!(notification["content"]["title"], ":x: Application has failed in code security scan");
    assert_eq!(
        notification["metadata"]["additionalContext"],
        json!({"kind": "quality-gate-failed", "scanId": "scan-1"})
    );
    assert_eq!(aws.completions(), []);
    let asked = script.asked.lock().unwrap().clone();
    assert_eq!(asked[0], "/sonar/api/ce/task?id=t1&additionalFields=scannerContext");
    assert_eq!(asked[1], "/sonar/api/qualitygates/project_status?analysisId=a1");
    let issues = |also: &str| {
        let about = "components=api-1f2e3d4c&issueStatuses=OPEN%2CCONFIRMED";
        format!("/sonar/api/issues/search?{about}&{also}&s=SEVERITY&asc=false&ps=50")
    };
    assert_eq!(asked[2..4], [issues("impactSoftwareQualities=SECURITY"), issues("facets=impactSeverities")]);
}

/// However many worse smells the code has, and although the server's answer about all of them is too large.
#[tokio::test]
async fn vulnerabilities_are_not_crowded_out_of_the_worst_issues() {
    let smell = |index: usize| {
        json!({"key": format!("s{index}"), "component": "api-1f2e3d4c:a.py", "rule": "python:S3776", "line": index,
            "message": "x".repeat(100), "severity": "BLOCKER",
            "impacts": [{"softwareQuality": "MAINTAINABILITY", "severity": "BLOCKER"}]})
    };
    let counts = json!([{"property": "impactSeverities", "values": [{"val": "BLOCKER", "count": 60}, {"val": "HIGH", "count": 1}]}]);
    let many = json!({"issues": (0..50).map(smell).collect::<Vec<_>>(), "facets": counts}).to_string();
    let huge = format!("{{\"issues\":[],\"facets\":\"{}\"}}", "x".repeat(9 * 1_048_576));
    for (all, shown, counted, unread) in [(&many, 5, 2, json!(null)), (&huge, 1, 0, json!(true))] {
        let mut answers = vec![("impactSoftwareQualities=SECURITY", 200, ISSUES), ("issues/search", 200, all.as_str())];
        answers.extend(FAILED.into_iter().filter(|(path, ..)| *path != "issues/search"));
        let (outcome, aws) = judged(build("FAILED", Some("BUILD"), "t1"), 0, &answers).await;
        assert_eq!(outcome, Outcome::AwaitingDecision);
        let report = report(&aws);
        let (worst, counts) = (report["worst"].as_array().unwrap(), report["counts"].as_array().unwrap());
        assert_eq!((worst.len(), counts.len(), &report["unread"]), (shown, counted, &unread));
        assert_eq!(worst[0]["rule"], "python:S4830");
        let told = aws.published()[0]["content"]["description"].to_string();
        assert_eq!(told.contains("*Issues*: could not all be read"), unread == true, "{told}");
    }
}

/// The verdict stands, and the channel hears that something is missing.
#[tokio::test]
async fn details_that_cannot_be_read_are_not_missing_without_a_word() {
    for (path, words) in [
        ("issues/search", "could not all be read"),
        ("impactSoftwareQualities", "could not all be read"),
        ("facets=impactSeverities", "could not all be read"),
        ("hotspots/search", "could not all be read"),
        ("ce/component", "could not be read"),
    ] {
        for (status, body) in [(500, ""), (403, ""), (200, "<html>")] {
            let mut answers = vec![(path, status, body)];
            answers.extend(FAILED);
            let (outcome, aws) = judged(build("FAILED", Some("BUILD"), "t1"), 0, &answers).await;
            assert_eq!((outcome, &report(&aws)["unread"]), (Outcome::AwaitingDecision, &json!(true)), "{path}");
            let told = aws.published()[0]["content"]["description"].to_string();
            assert!(told.contains(&format!("*Issues*: {words}; see the details in SonarQube")), "{path}: {told}");
        }
    }
    let (_, aws) = judged(build("FAILED", Some("BUILD"), "t1"), 0, &FAILED).await;
    assert_eq!(report(&aws)["unread"], json!(null));
}

#[tokio::test]
async fn issues_of_a_later_analysis_are_not_taken_for_ours() {
    let later = COMPONENT.replace("a1", "a2");
    let mut answers = FAILED.to_vec();
    answers.retain(|(path, ..)| *path != "ce/component");
    answers.push(("ce/component", 200, &later));
    let (outcome, aws) = judged(build("FAILED", Some("BUILD"), "t1"), 0, &answers).await;
    assert_eq!(outcome, Outcome::AwaitingDecision);
    let report = report(&aws);
    assert_eq!(
        (&report["superseded"], &report["worst"], &report["hotspots"]),
        (&json!(true), &json!([]), &json!(null))
    );
}

#[tokio::test]
async fn a_gate_failure_counts_even_if_the_build_claims_success() {
    let (outcome, _) = judged(build("SUCCEEDED", None, "t1"), 0, &FAILED).await;
    assert_eq!(outcome, Outcome::AwaitingDecision);
}

#[tokio::test]
async fn a_passed_gate_disturbs_nobody() {
    let answers = [("ce/task", 200, TASK), ("project_status", 200, GATE_PASSED)];
    let (outcome, aws) = judged(build("SUCCEEDED", None, "t1"), 0, &answers).await;
    assert_eq!((outcome, aws.published().len()), (Outcome::Passed, 0));
    assert_eq!(aws.completions()[0].1["output"], "{\"outcome\":\"PASSED\"}");
    assert_eq!(report(&aws)["verdict"], "PASSED");
}

#[tokio::test]
async fn without_the_servers_word_nothing_passes() {
    let other_project = TASK.replace("api-1f2e3d4c", "somebody-elses");
    let older = TASK.replace("2026-11-21T01:35:29", "2026-11-20T01:35:29");
    let failed = TASK.replace("SUCCESS", "FAILED");
    let no_gate = GATE_PASSED.replace("OK", "NONE");
    let ok = ("project_status", 200, GATE_PASSED);
    let succeeded = || build("SUCCEEDED", None, "t1");
    for (build, answers, kind) in [
        (succeeded(), vec![("ce/task", 200, other_project.as_str()), ok], "VERDICT_UNKNOWN"),
        (succeeded(), vec![("ce/task", 200, older.as_str()), ok], "VERDICT_UNKNOWN"),
        (succeeded(), vec![("ce/task", 200, failed.as_str()), ok], "ANALYSIS_FAILED"),
        (succeeded(), vec![("ce/task", 200, TASK), ("project_status", 200, no_gate.as_str())], "VERDICT_UNKNOWN"),
        (succeeded(), vec![("ce/task", 401, "")], "VERDICT_UNKNOWN"),
        (succeeded(), vec![("ce/task", 200, "<html>")], "VERDICT_UNKNOWN"),
        (succeeded(), vec![], "VERDICT_UNKNOWN"),
        (build("SUCCEEDED", None, ""), vec![("ce/task", 200, TASK), ok], "VERDICT_UNKNOWN"),
        (build("FAILED", Some("POST_BUILD"), "t1"), vec![("ce/task", 200, TASK), ok], "FAILED_AFTER_GATE"),
        (build("FAILED", Some("UPLOAD_ARTIFACTS"), "t1"), vec![("ce/task", 200, TASK), ok], "FAILED_AFTER_GATE"),
    ] {
        let (outcome, aws) = judged(build, LOG_ARRIVED, &answers).await;
        assert_eq!(outcome, Outcome::PipelineFailed, "{answers:?}");
        assert_eq!(report(&aws)["cause"]["kind"], kind, "{answers:?}");
        assert_eq!(aws.published()[0]["metadata"]["enableCustomActions"], false);
        assert_eq!(aws.completions()[0].1["error"], "PipelineFailed");
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_down_is_asked_again_and_not_for_ever() {
    let pending = TASK.replace("SUCCESS", "PENDING");
    let busy = [("ce/task", 200, pending.as_str())];
    let down = [("ce/task", 503, "")];
    let failed = || build("FAILED", Some("BUILD"), "t1");
    for (answers, attempt) in [(busy, 0), (busy, 35), (down, 0), (down, 10), (down, 35)] {
        let (outcome, aws) = judged(failed(), attempt, &answers).await;
        assert_eq!(outcome, Outcome::AnalysisPending);
        assert_eq!(aws.completions()[0].1["error"], "AnalysisPending");
        assert_eq!((aws.places().len(), aws.published().len()), (0, 0));
    }
    for (answers, attempt, kind) in [(busy, 36, "GATE_TIMED_OUT"), (down, 36, "VERDICT_UNKNOWN")] {
        let (outcome, aws) = judged(failed(), attempt, &answers).await;
        assert_eq!((outcome, &report(&aws)["cause"]["kind"]), (Outcome::PipelineFailed, &json!(kind)));
    }
}

#[tokio::test]
async fn a_slow_analysis_passes_although_the_scanner_gave_up_waiting() {
    let pending = TASK.replace("SUCCESS", "PENDING");
    let aws = running();
    let build = build("FAILED", Some("BUILD"), "t1");
    let sonar = Script::new(&[("ce/task", 200, pending.as_str())]).start().await;
    assert_eq!(check(&aws, &sonar, &request(&build, 0)).await.unwrap(), Outcome::AnalysisPending);
    let sonar = Script::new(&[("ce/task", 200, TASK), ("project_status", 200, GATE_PASSED)]).start().await;
    assert_eq!(check(&aws, &sonar, &request(&build, 1)).await.unwrap(), Outcome::Passed);
    assert_eq!(report(&aws)["verdict"], "PASSED");
}

#[tokio::test]
async fn an_unreachable_server_means_an_unknown_verdict() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let sonar = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let aws = running();
    let outcome = check(&aws, &sonar, &request(&build("SUCCEEDED", None, "t1"), 36)).await.unwrap();
    assert_eq!(outcome, Outcome::PipelineFailed);
    assert_eq!(report(&aws)["cause"]["kind"], "VERDICT_UNKNOWN");
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cut_off() {
    let huge = format!("{{\"task\":\"{}\"}}", "x".repeat(9 * 1_048_576));
    let (outcome, aws) = judged(build("SUCCEEDED", None, "t1"), 0, &[("ce/task", 200, huge.as_str())]).await;
    assert_eq!(outcome, Outcome::PipelineFailed);
    assert!(report(&aws)["cause"]["message"].as_str().unwrap().contains("too large"));
}

#[tokio::test]
async fn the_issues_are_a_service_and_not_a_condition() {
    let answers = [("ce/task", 200, TASK), ("project_status", 200, GATE_FAILED), ("issues/search", 500, "")];
    let (outcome, aws) = judged(build("FAILED", Some("BUILD"), "t1"), 0, &answers).await;
    assert_eq!(outcome, Outcome::AwaitingDecision);
    assert_eq!(report(&aws)["worst"], json!([]));
}

/// A sample, of an execution that was started for its upload.
fn started(aws: &Aws, sample: &str) -> Value {
    let request: Value = serde_json::from_str(sample).unwrap();
    let object = &request["object"];
    let event = json!({"detail": {"bucket": {"name": object["bucket"]},
        "object": {"key": object["key"], "version-id": object["versionId"]}}});
    aws.start_execution(&arn("scan-1"), &event);
    request
}

#[tokio::test]
async fn a_file_that_is_no_zip_is_a_failed_pipeline() {
    let aws = running();
    let sentence = "the file is not a zip, or is damaged: pack it again and upload it once more.";
    aws.set_log(&[&format!("PREFLIGHT REFUSED: {sentence}")]);
    let sample = include_str!("../../../../samples/events/check-build-status.build-failed.json");
    let outcome = check(&aws, NOWHERE, &started(&aws, sample)).await.unwrap();
    assert_eq!(outcome, Outcome::PipelineFailed);
    assert_eq!(report(&aws)["cause"], json!({"kind": "REFUSED", "sentence": sentence}));
}

#[tokio::test]
async fn the_samples_of_builds_end_as_their_names_say() {
    let passed = [("ce/task", 200, TASK), ("project_status", 200, GATE_PASSED)];
    for (sample, expected) in [
        (include_str!("../../../../samples/events/check-build-status.build-succeeded.json"), Outcome::Passed),
        (include_str!("../../../../samples/events/check-build-status.build-timed-out.json"), Outcome::PipelineFailed),
    ] {
        let aws = running();
        let sonar = Script::new(&passed).start().await;
        assert_eq!(check(&aws, &sonar, &started(&aws, sample)).await.unwrap(), expected);
        if expected == Outcome::PipelineFailed {
            assert_eq!(report(&aws)["cause"]["kind"], "BUILD_TIMED_OUT");
        }
    }
}

#[tokio::test]
async fn a_token_that_may_not_read_is_told_from_one_that_is_unknown() {
    for (status, words) in [(401, "does not know the reader's token"), (403, "give it Browse and Execute Analysis")] {
        let (outcome, aws) = judged(build("SUCCEEDED", None, "t1"), 0, &[("ce/task", status, "")]).await;
        assert_eq!(outcome, Outcome::PipelineFailed);
        assert_eq!(report(&aws)["cause"]["kind"], "VERDICT_UNKNOWN");
        let message = report(&aws)["cause"]["message"].to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn an_analysis_of_another_scan_of_the_project_proves_nothing() {
    let untold = TASK.replace("\"scannerContext\"", "\"other\"");
    for (scan, task, expected) in [
        ("this", TASK.to_owned(), Outcome::Passed),
        ("another", TASK.replace("scanId=scan-1", "scanId=scan-2"), Outcome::PipelineFailed),
        ("unknown", untold, Outcome::PipelineFailed),
    ] {
        let answers = [("ce/task", 200, task.as_str()), ("project_status", 200, GATE_PASSED)];
        assert_eq!(judged(build("SUCCEEDED", None, "t1"), 0, &answers).await.0, expected, "{scan}");
    }
}

#[tokio::test]
async fn a_cut_off_cause_is_completed_by_codebuild() {
    let aws = running();
    aws.set_build(json!({"id": "scan:8745", "buildStatus": "TIMED_OUT"}));
    let mut request = request(&build("FAILED", Some("BUILD"), ""), 0);
    request["error"]["Cause"] =
        json!("{\"Build\":{\"Arn\":\"arn:aws:codebuild:eu-west-1:111122223333:build/scan:8745\",\"BuildSta");
    let outcome = check(&aws, NOWHERE, &request).await.unwrap();
    assert_eq!((outcome, &report(&aws)["cause"]["kind"]), (Outcome::PipelineFailed, &json!("BUILD_TIMED_OUT")));
}

/// A press between two tries found the token of the earlier one, which was over.
#[tokio::test]
async fn a_decision_between_two_tries_ends_the_wait_at_once() {
    let decision = json!({"scanId": "scan-1", "outcome": "REJECTED", "decidedAt": NOW, "requestId": "request-1"});
    let place = "evidence/scans/scan-1/decision.json";
    let failed = build("FAILED", Some("BUILD"), "t1");
    let sonar = Script::new(&FAILED).start().await;
    // Before the second try begins, and right before and after it has written its token.
    for moment in [None, Some("PUT evidence/scans/scan-1/task.json"), Some("GET evidence/scans/scan-1/decision.json")] {
        let aws = running();
        assert_eq!(check(&aws, &sonar, &request(&failed, 0)).await.unwrap(), Outcome::AwaitingDecision);
        let (record, told) = (decision.clone(), aws.published().len());
        match moment {
            None => aws.put_object(place, &record),
            Some(call) => aws.before(call, move |aws| aws.put_object(place, &record)),
        }
        assert_eq!(check(&aws, &sonar, &request(&failed, 1)).await.unwrap(), Outcome::Decided, "{moment:?}");
        assert!(aws.all_happened());
        let [(token, completion)] = &aws.completions()[..] else { panic!("{:?}", aws.completions()) };
        assert_eq!((token.as_str(), &completion["output"]), ("token-1", &json!("{\"outcome\":\"REJECTED\"}")));
        assert_eq!(aws.published().len(), told, "the channel was asked again");
    }
    // Later than the try has looked: by then the token is there for the press.
    let aws = running();
    aws.before("GET evidence/scans/scan-1/decision.json", |aws| {
        assert_eq!(aws.object("evidence/scans/scan-1/task.json").unwrap()["taskToken"], "token-0");
    });
    assert_eq!(check(&aws, &sonar, &request(&failed, 0)).await.unwrap(), Outcome::AwaitingDecision);
    assert!(aws.all_happened());
}

#[tokio::test]
async fn a_report_that_is_about_another_upload_is_refused() {
    let sonar = Script::new(&FAILED).start().await;
    let failed = build("FAILED", Some("BUILD"), "t1");
    for (pointer, other) in [
        ("/scanId", "scan-2"),
        ("/executionArn", "arn:aws:states:eu-west-1:111122223333:execution:another:scan-1"),
        ("/projectKey", "other"),
        ("/upload/bucket", "other"),
        ("/upload/key", "other.zip"),
        ("/upload/versionId", "v2"),
    ] {
        let aws = running();
        check(&aws, &sonar, &request(&failed, 0)).await.unwrap();
        let mut foreign = report(&aws);
        *foreign.pointer_mut(pointer).unwrap() = json!(other);
        aws.put_object("evidence/scans/scan-1/report.json", &foreign);
        let error = check(&aws, &sonar, &request(&failed, 1)).await.unwrap_err();
        assert_eq!(error.error_type(), "RecordForeign", "{pointer}");
        assert_eq!(aws.object("evidence/scans/scan-1/task.json").unwrap()["taskToken"], "token-0", "{pointer}");
    }
}

#[tokio::test]
async fn a_request_that_is_not_ours_is_an_error_with_a_name() {
    for request in [
        json!(null),
        json!({}),
        json!({"claim": "../x"}),
        json!({"claim": "scan-1"}),
        json!({"claim": "scan-1", "object": {"bucket": "b", "key": "k", "versionId": "v"}}),
        json!({"failure": {"error": "E", "sentence": "S."}}),
        json!({"failure": null}),
        json!({"taskToken": "t", "scanId": "../x"}),
    ] {
        let error = check(&running(), NOWHERE, &request).await.unwrap_err();
        assert_eq!(error.error_type(), "RequestUnusable");
    }
}
