//! What is read from a build's log.

use domain::scan::conclusion::LOG_ARRIVED;
use serde_json::json;

use super::{
    super::Outcome, FAILED, GATE_PASSED, NOWHERE, Script, TASK, build, check, judged, report, request, running,
};

#[tokio::test]
async fn the_log_names_the_analysis_when_the_variables_are_not_told() {
    let marker = ["ANALYSIS TASK: forged", "INFO more", "ANALYSIS TASK: t1", "INFO the end"];
    for (build, answers, expected) in [
        (build("FAILED", Some("BUILD"), ""), FAILED.to_vec(), Outcome::AwaitingDecision),
        (build("SUCCEEDED", None, ""), FAILED.to_vec(), Outcome::AwaitingDecision),
        (
            build("SUCCEEDED", None, ""),
            vec![("ce/task?id=t1", 200, TASK), ("project_status", 200, GATE_PASSED)],
            Outcome::Passed,
        ),
        // The server knows no such analysis.
        (build("SUCCEEDED", None, ""), vec![], Outcome::PipelineFailed),
    ] {
        let aws = running();
        aws.set_log(&marker);
        let sonar = Script::new(&answers).start().await;
        assert_eq!(check(&aws, &sonar, &request(&build, LOG_ARRIVED)).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn the_log_tells_why_a_scan_never_reached_the_server() {
    for (phase, line, kind) in [
        ("PRE_BUILD", "PREFLIGHT REFUSED: The zip holds a link", "REFUSED"),
        ("PRE_BUILD", "something else", "PREPARATION"),
        ("INSTALL", "mvn failed", "INSTALL"),
        ("BUILD", "ERROR Failed to query server version: HTTP 401 Unauthorized", "SCANNER"),
        ("PRE_BUILD", "FETCH FAILED: An error occurred (404)", "DOWNLOAD"),
        ("DOWNLOAD_SOURCE", "", "SETUP"),
    ] {
        let aws = running();
        aws.set_log(&["first", line]);
        let outcome = check(&aws, NOWHERE, &request(&build("FAILED", Some(phase), ""), LOG_ARRIVED)).await.unwrap();
        assert_eq!((outcome, &report(&aws)["cause"]["kind"]), (Outcome::PipelineFailed, &json!(kind)));
    }
}

/// CodeBuild tells that a build has ended before CloudWatch has the last lines of its log.
#[tokio::test]
async fn a_log_that_arrives_late_is_waited_for() {
    for (phase, early, late, kind) in [
        ("PRE_BUILD", &[][..], "PREFLIGHT REFUSED: The zip holds a link", "REFUSED"),
        ("PRE_BUILD", &["size of the object"], "FETCH FAILED: An error occurred (404)", "DOWNLOAD"),
        ("BUILD", &["INFO Scanner configuration file"], "ERROR java.lang.OutOfMemoryError", "SCANNER"),
        ("INSTALL", &[], "mvn failed", "INSTALL"),
    ] {
        let aws = running();
        let failed = build("FAILED", Some(phase), "");
        for attempt in [0, 1] {
            aws.set_log(early);
            let outcome = check(&aws, NOWHERE, &request(&failed, attempt)).await.unwrap();
            assert_eq!(outcome, Outcome::LogPending, "{late}");
            assert_eq!(aws.completions().last().unwrap().1["error"], "LogPending");
            assert_eq!((aws.places().len(), aws.published().len()), (0, 0));
        }
        aws.set_log(&[early, &[late][..]].concat());
        check(&aws, NOWHERE, &request(&failed, 1)).await.unwrap();
        assert_eq!(report(&aws)["cause"]["kind"], kind);
    }
    // What will never be explained is not waited for any longer; and a build without a log has nothing to wait for.
    let aws = running();
    let failed = build("FAILED", Some("BUILD"), "");
    let outcome = check(&aws, NOWHERE, &request(&failed, LOG_ARRIVED)).await.unwrap();
    assert_eq!((outcome, &report(&aws)["cause"]["failure"]), (Outcome::PipelineFailed, &json!("UNKNOWN")));
    let aws = running();
    let mut silent = failed.clone();
    silent["Logs"] = json!(null);
    assert_eq!(check(&aws, NOWHERE, &request(&silent, 0)).await.unwrap(), Outcome::PipelineFailed);
}

/// The line that names the analysis is one of the last.
#[tokio::test]
async fn an_analysis_that_a_late_log_names_is_judged() {
    let aws = running();
    let sonar = Script::new(&[("ce/task?id=t1", 200, TASK), ("project_status", 200, GATE_PASSED)]).start().await;
    let silent = build("SUCCEEDED", None, "");
    for early in [&[][..], &["ANALYSIS TASK: forged"]] {
        aws.set_log(early);
        assert_eq!(check(&aws, &sonar, &request(&silent, 0)).await.unwrap(), Outcome::LogPending);
    }
    aws.set_log(&["ANALYSIS TASK: forged", "ANALYSIS TASK: t1"]);
    assert_eq!(check(&aws, &sonar, &request(&silent, 1)).await.unwrap(), Outcome::Passed);
}

#[tokio::test]
async fn a_huge_log_is_read_from_its_end() {
    let aws = running();
    let mut log = vec!["ERROR java.lang.OutOfMemoryError"];
    log.extend(std::iter::repeat_n("INFO one of many", 100_000));
    log.extend(["ERROR Failed to query server version: HTTP 401 Unauthorized", "INFO EXECUTION FAILURE"]);
    aws.set_log(&log);
    check(&aws, NOWHERE, &request(&build("FAILED", Some("BUILD"), ""), 0)).await.unwrap();
    assert_eq!(report(&aws)["cause"]["failure"], "BAD_TOKEN");
    assert_eq!(report(&aws)["log"], json!(["ERROR Failed to query server version: HTTP 401 Unauthorized"]));
}

#[tokio::test]
async fn a_short_log_is_read_in_its_order() {
    let aws = running();
    aws.set_log(&["one", "two", "three"]);
    check(&aws, NOWHERE, &request(&build("FAILED", Some("BUILD"), ""), LOG_ARRIVED)).await.unwrap();
    assert_eq!(report(&aws)["log"], json!(["one", "two", "three"]));
}

/// Whatever ended the build, its last lines are what people look at first.
#[tokio::test]
async fn each_failed_pipeline_with_a_log_shows_its_last_lines() {
    let passed = [("ce/task", 200, TASK), ("project_status", 200, GATE_PASSED)];
    let failed = TASK.replace("SUCCESS", "FAILED");
    let failed = [("ce/task", 200, failed.as_str())];
    let pending = TASK.replace("SUCCESS", "PENDING");
    let pending = [("ce/task", 200, pending.as_str())];
    for (build, answers, attempt, kind) in [
        (build("TIMED_OUT", Some("BUILD"), "t1"), &[][..], 0, "BUILD_TIMED_OUT"),
        (build("STOPPED", Some("BUILD"), ""), &[], 0, "STOPPED"),
        (build("FAULT", Some("BUILD"), ""), &[], 0, "INFRASTRUCTURE"),
        (build("FAILED", Some("POST_BUILD"), "t1"), &passed, 0, "FAILED_AFTER_GATE"),
        (build("SUCCEEDED", None, "t1"), &failed, 0, "ANALYSIS_FAILED"),
        (build("SUCCEEDED", None, "t1"), &[], 0, "VERDICT_UNKNOWN"),
        (build("SUCCEEDED", None, "t1"), &pending, 36, "GATE_TIMED_OUT"),
        (build("FAILED", Some("BUILD"), ""), &[], LOG_ARRIVED, "SCANNER"),
    ] {
        let lines = ["[Container] Running", "INFO one", "ERROR token sqa_0123456789abcdef0123456789abcdef01234567"];
        let aws = running();
        aws.set_log(&lines);
        let sonar = Script::new(answers).start().await;
        check(&aws, &sonar, &request(&build, attempt)).await.unwrap();
        assert_eq!(report(&aws)["cause"]["kind"], kind);
        let log = report(&aws)["log"].clone();
        assert_eq!(log.as_array().unwrap().len(), 1, "{kind}: {log}");
        assert!(log[0].as_str().unwrap().starts_with("ERROR token ") && !log[0].to_string().contains("0123"), "{log}");
        assert!(aws.published()[0]["content"].to_string().contains("*End of the log*"), "{kind}");
        // Nobody waits for the lines, and no cause is lost for want of them.
        let aws = running();
        aws.refuse("GetLogEvents");
        if kind != "SCANNER" {
            check(&aws, &sonar, &request(&build, attempt)).await.unwrap();
            assert_eq!((&report(&aws)["cause"]["kind"], &report(&aws)["log"]), (&json!(kind), &json!([])));
        }
    }
    let (_, aws) = judged(build("SUCCEEDED", None, "t1"), 0, &passed).await;
    assert_eq!(report(&aws)["log"], json!(null), "a verdict has no log");
}
