use super::*;

/// Recorded from Community Build 25.12.
const TASK: &str = r#"{"task":{"id":"7cb2","type":"REPORT","componentKey":"v","analysisId":"f34ceef7","status":"SUCCESS",
    "submittedAt":"2026-11-21T01:35:29+0000","executionTimeMs":4672,"warnings":["…"],"infoMessages":[],
    "scannerContext":"Plugins:\nProject scanner properties:\n  - sonar.analysis.scanId=scan-1\n  - sonar.projectKey=v"}}"#;
const GATE: &str = r#"{"projectStatus":{"status":"ERROR","conditions":[
    {"status":"OK","metricKey":"reliability_rating","comparator":"GT","errorThreshold":"3","actualValue":"1"},
    {"status":"ERROR","metricKey":"security_rating","comparator":"GT","errorThreshold":"1","actualValue":"4"},
    {"status":"ERROR","metricKey":"security_hotspots_reviewed","comparator":"LT","errorThreshold":"100","actualValue":"0.0"},
    {"status":"ERROR","metricKey":"vulnerabilities","comparator":"GT","errorThreshold":"0","actualValue":"3"}],
    "ignoredConditions":false,"caycStatus":"over-compliant"}}"#;

fn started() -> Timestamp {
    "2026-11-21T01:35:00Z".parse().unwrap()
}

fn task(change: impl FnOnce(&mut Task)) -> TaskState {
    let mut task = serde_json::from_str::<TaskAnswer>(TASK).unwrap().task;
    change(&mut task);
    task_state(&task, "v", &ScanId::try_from("scan-1".to_owned()).unwrap(), started())
}

#[test]
fn a_finished_task_of_our_project_names_its_analysis() {
    assert_eq!(task(|_| {}), TaskState::Analysed { analysis_id: "f34ceef7".into() });
}

#[test]
fn a_task_of_another_project_or_from_before_proves_nothing() {
    let foreign = |state| matches!(state, TaskState::Foreign { .. });
    assert!(foreign(task(|task| task.component_key = Some("green".into()))));
    assert!(foreign(task(|task| task.component_key = None)));
    assert!(foreign(task(|task| task.submitted_at = Some("2026-11-21T01:29:59+0000".into()))));
    assert!(foreign(task(|task| task.submitted_at = Some("yesterday".into()))));
    assert!(foreign(task(|task| task.submitted_at = None)));
    assert!(foreign(task(|task| task.analysis_id = None)));
    assert!(foreign(task(|task| task.status = "NEW".into())));
    for context in
        ["", "  - sonar.analysis.scanId=scan-10", "  - sonar.analysis.scanId=scan-2", "x sonar.analysis.scanId=scan-1"]
    {
        assert!(foreign(task(|task| task.scanner_context = Some(context.into()))), "{context}");
    }
    // A server that does not tell.
    assert!(foreign(task(|task| task.scanner_context = None)));
    // A task that has not ended has no settings yet.
    assert_eq!(
        task(|task| {
            task.status = "PENDING".into();
            task.scanner_context = Some(String::new());
        }),
        TaskState::Pending
    );
    // Clocks differ a little.
    assert!(!foreign(task(|task| task.submitted_at = Some("2026-11-21T01:31:00+0000".into()))));
    assert!(!foreign(task(|task| task.submitted_at = Some("2026-11-21T03:35:29+0200".into()))));
}

#[test]
fn unfinished_and_failed_tasks_are_told_apart() {
    assert_eq!(task(|task| task.status = "PENDING".into()), TaskState::Pending);
    assert_eq!(task(|task| task.status = "IN_PROGRESS".into()), TaskState::Pending);
    let failed = task(|task| {
        task.status = "FAILED".into();
        task.error_message = Some("disk full".into());
    });
    assert_eq!(failed, TaskState::Failed { why: "FAILED: disk full".into() });
    assert_eq!(task(|task| task.status = "CANCELED".into()), TaskState::Failed { why: "CANCELED".into() });
}

#[test]
fn failing_conditions_are_shown_as_people_read_them() {
    let gate = serde_json::from_str::<GateAnswer>(GATE).unwrap().project_status;
    let shown: Vec<_> = gate
        .failed_conditions()
        .iter()
        .map(|condition| format!("{} {} ({})", condition.metric, condition.actual, condition.required))
        .collect();
    assert_eq!(
        shown,
        ["security_rating D (A)", "security_hotspots_reviewed 0.0% (at least 100%)", "vulnerabilities 3 (at most 0)"]
    );
}

#[test]
fn a_condition_without_values_is_still_a_condition() {
    let gate: GateAnswer = serde_json::from_str(
        r#"{"projectStatus":{"status":"ERROR","conditions":[{"status":"ERROR","metricKey":"x"}]}}"#,
    )
    .unwrap();
    let condition = &gate.project_status.failed_conditions()[0];
    assert_eq!((condition.actual.as_str(), condition.required.as_str()), ("unknown", "unknown"));
}

#[test]
fn the_worst_issues_harm_security_and_come_first() {
    let issue = |component: &str, line: u64, quality: &str, severity: &str| {
        serde_json::json!({"key": format!("{component}-{line}"), "component": component, "rule": "python:S1", "line": line, "message": "m", "severity": "MAJOR",
            "impacts": [{"softwareQuality": quality, "severity": severity}]})
    };
    let answer: IssuesAnswer = serde_json::from_value(serde_json::json!({
        "issues": [
            issue("v:src/b.py", 7, "RELIABILITY", "BLOCKER"),
            issue("v:src/b.py", 2, "SECURITY", "MEDIUM"),
            issue("v:src/a.py", 9, "SECURITY", "HIGH"),
            {"key": "k", "component": "v", "rule": "x:S2"}],
        "facets": [{"property": "impactSeverities", "values": [{"val": "LOW", "count": 0}, {"val": "HIGH", "count": 2}]}]
    }))
    .unwrap();
    // Each is on two pages.
    let shown = |count: usize| worst(answer.issues.iter().chain(&answer.issues), count);
    let places: Vec<_> = shown(3).iter().map(|issue| format!("{}:{:?}", issue.file, issue.line)).collect();
    assert_eq!(places, ["src/a.py:Some(9)", "src/b.py:Some(2)", "src/b.py:Some(7)"]);
    assert_eq!((shown(9).len(), shown(9)[3].severity.as_str()), (4, "UNKNOWN"));
    assert_eq!(answer.counts(), [SeverityCount { severity: "HIGH".into(), count: 2 }]);
}
