//! What a real server cannot be brought to do on demand, played by a scripted one with the bodies of the real one
//! (Community Build 25.12.0, 2026-11-21; paths and ids shortened).

use domain::scan::conclusion::LAST_ATTEMPT;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// After a report that is no zip: `POST api/ce/submit`.
const TASK_FAILED: &str = r#"{"task":{"id":"e1010029-d524-4557-8091-802b9bb89fc6","type":"REPORT",
    "componentId":"82c4d9ea-7576-4100-854e-a58ddf3ae86f","componentKey":"api-1f2e3d4c","componentName":"api-1f2e3d4c",
    "componentQualifier":"TRK","status":"FAILED","submittedAt":"2026-11-21T01:35:58+0000","submitterLogin":"scanner",
    "startedAt":"2026-11-21T01:36:05+0000","executedAt":"2026-11-21T01:36:05+0000","executionTimeMs":195,
    "errorMessage":"Metadata file is missing in analysis report: /opt/sonarqube/temp/ce/1090/7991/metadata.pb",
    "hasScannerContext":false,"warningCount":0,"warnings":[],"infoMessages":[]}}"#;
/// After `POST api/ce/cancel` while it waited.
const TASK_CANCELED: &str = r#"{"task":{"id":"72b7a5d8-16f9-4e22-a639-ebc27b0f5af1","type":"REPORT",
    "componentId":"82c4d9ea-7576-4100-854e-a58ddf3ae86f","componentKey":"api-1f2e3d4c","componentName":"api-1f2e3d4c",
    "componentQualifier":"TRK","status":"CANCELED","submittedAt":"2026-11-21T01:35:59+0000","submitterLogin":"scanner",
    "hasScannerContext":false,"warningCount":0,"warnings":[],"infoMessages":[]}}"#;

fn succeeded() -> Value {
    build("SUCCEEDED", None, "t1")
}

#[tokio::test]
async fn an_analysis_that_the_server_gave_up_is_a_failed_pipeline_with_its_reason() {
    for (task, reason) in
        [(TASK_FAILED, "FAILED: Metadata file is missing in analysis report"), (TASK_CANCELED, "CANCELED")]
    {
        for build in [succeeded(), build("FAILED", Some("BUILD"), "t1")] {
            // A gate that an earlier analysis passed is none for this one.
            let answers = [("ce/task", 200, task), ("project_status", 200, GATE_PASSED)];
            let (outcome, aws) = judged(build, 0, &answers).await;
            assert_eq!((outcome, &report(&aws)["cause"]["kind"]), (Outcome::PipelineFailed, &json!("ANALYSIS_FAILED")));
            let message = report(&aws)["cause"]["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with(reason), "{message}");
            let [notification] = &aws.published()[..] else { panic!("one notification") };
            let told = notification["content"]["description"].as_str().unwrap();
            assert!(told.contains("could not process the analysis") && told.contains(reason), "{told}");
            assert_eq!(notification["metadata"]["enableCustomActions"], false);
        }
    }
}

/// Two versions of a project are analysed at once, and the one that began later is processed first.
#[tokio::test]
async fn an_analysis_that_a_later_one_has_overtaken_is_given_back_to_be_scanned_again() {
    let why = "Validation of project failed:\\n  o Date of analysis cannot be older than the date of the last known \
               analysis on this project. Value: \\\"2026-11-21T01:35:20+0000\\\". Latest analysis: \
               \\\"2026-11-21T01:35:28+0000\\\". It's only possible to rebuild the past in a chronological order.";
    let given = "Metadata file is missing in analysis report: /opt/sonarqube/temp/ce/1090/7991/metadata.pb";
    let overtaken = TASK_FAILED.replace(given, why);
    for build in [succeeded(), build("FAILED", Some("BUILD"), "t1")] {
        let answers = [("ce/task", 200, &*overtaken), ("project_status", 200, GATE_PASSED)];
        // However often it was asked: another try would find the same.
        for attempt in [0, LAST_ATTEMPT] {
            let (outcome, aws) = judged(build.clone(), attempt, &answers).await;
            assert_eq!(outcome, Outcome::AnalysisOvertaken);
            assert_eq!((aws.places().len(), aws.published().len()), (0, 0));
            let [(_, task)] = &aws.completions()[..] else { panic!("one answer") };
            assert_eq!(task["error"], "AnalysisOvertaken");
        }
    }
    let foreign = overtaken.replace("\"componentKey\":\"api-1f2e3d4c\"", "\"componentKey\":\"other\"");
    let (outcome, _) = judged(succeeded(), 0, &[("ce/task", 200, &*foreign)]).await;
    assert_eq!(outcome, Outcome::PipelineFailed);
    let canceled = overtaken.replace("\"FAILED\"", "\"CANCELED\"");
    let (outcome, _) = judged(succeeded(), 0, &[("ce/task", 200, &*canceled)]).await;
    assert_eq!(outcome, Outcome::PipelineFailed);
}

/// As long as the state machine tries, on one and the same record.
#[tokio::test]
async fn a_queue_that_hangs_is_waited_for_and_then_told_once() {
    let pending = TASK_CANCELED.replace("CANCELED", "PENDING");
    let aws = running();
    let sonar = Script::new(&[("ce/task", 200, &pending)]).start().await;
    let mut attempts = 0;
    while check(&aws, &sonar, &request(&succeeded(), attempts)).await.unwrap() == Outcome::AnalysisPending {
        assert_eq!((aws.places().len(), aws.published().len()), (0, 0), "attempt {attempts}");
        attempts += 1;
        // The state machine's own limit; past it, it would tell less.
        assert!(attempts < 60, "never given up");
    }
    assert_eq!(report(&aws)["cause"]["kind"], "GATE_TIMED_OUT");
    assert_eq!(aws.published().len(), 1);
    let given_back = aws.completions().iter().filter(|(_, task)| task["error"] == "AnalysisPending").count();
    assert_eq!((given_back, aws.completions().len()), (attempts as usize, attempts as usize + 1));
}

/// A server that breaks its answer to one path off in the middle, and answers the others in full.
async fn cut_at(path: &'static str, answers: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                if connection.read_buf(&mut asked).await.unwrap() == 0 {
                    break;
                }
            }
            let asked = String::from_utf8_lossy(&asked);
            let asked = asked.lines().next().unwrap_or_default();
            let body = answers.iter().find(|(path, _)| asked.contains(path)).map_or("{}", |(_, body)| body);
            let sent = if asked.contains(path) { &body[..body.len() / 2] } else { body };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            connection.write_all(head.as_bytes()).await.unwrap();
            connection.write_all(sent.as_bytes()).await.unwrap();
            connection.shutdown().await.unwrap();
        }
    });
    format!("http://{address}/sonar/")
}

const PASSED: &[(&str, &str)] = &[("ce/task", TASK), ("project_status", GATE_PASSED)];

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    for path in ["ce/task", "project_status"] {
        let sonar = cut_at(path, PASSED).await;
        let aws = running();
        assert_eq!(check(&aws, &sonar, &request(&succeeded(), 0)).await.unwrap(), Outcome::AnalysisPending, "{path}");
        assert_eq!((aws.places().len(), aws.published().len()), (0, 0), "{path}");
        assert_eq!(check(&aws, &sonar, &request(&succeeded(), 36)).await.unwrap(), Outcome::PipelineFailed, "{path}");
        let message = report(&aws)["cause"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("the answer broke off"), "{path}: {message}");
    }
    let whole = cut_at("nothing", PASSED).await;
    assert_eq!(check(&running(), &whole, &request(&succeeded(), 0)).await.unwrap(), Outcome::Passed);
}

#[tokio::test]
async fn issues_that_break_off_leave_the_verdict_as_it_is() {
    const ANSWERS: &[(&str, &str)] = &[
        ("ce/task", TASK),
        ("project_status", GATE_FAILED),
        ("issues/search", ISSUES),
        ("hotspots/search", HOTSPOTS),
        ("ce/component", COMPONENT),
    ];
    let sonar = cut_at("issues/search", ANSWERS).await;
    let aws = running();
    assert_eq!(check(&aws, &sonar, &request(&succeeded(), 0)).await.unwrap(), Outcome::AwaitingDecision);
    assert_eq!((&report(&aws)["verdict"], &report(&aws)["worst"]), (&json!("QUALITY_GATE_FAILED"), &json!([])));
    assert_eq!(report(&aws)["unread"], true);
}

/// Behind a gateway, during a restart, and while it indexes.
#[tokio::test]
async fn a_server_error_is_asked_about_again_wherever_it_comes() {
    for status in [429, 500, 502, 503, 504] {
        for answers in [
            vec![("ce/task", status, "<html>Bad Gateway</html>")],
            vec![("ce/task", 200, TASK), ("project_status", status, "")],
        ] {
            let (outcome, aws) = judged(succeeded(), 0, &answers).await;
            assert_eq!((outcome, aws.places().len()), (Outcome::AnalysisPending, 0), "{status}");
            let (outcome, aws) = judged(succeeded(), 36, &answers).await;
            assert_eq!(
                (outcome, &report(&aws)["cause"]["kind"]),
                (Outcome::PipelineFailed, &json!("VERDICT_UNKNOWN")),
                "{status}"
            );
        }
    }
}
