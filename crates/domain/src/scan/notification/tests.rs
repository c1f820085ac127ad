use insta::assert_json_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scan::{
    diagnosis::{Cause, Verdict},
    unjudged::{Counted, Unjudged},
};

/// A report as CheckBuildStatus writes it.
pub(crate) fn report(verdict: &Verdict) -> Report {
    let mut report = json!({
        "scanId": "0948ba87_8745a7a9",
        "executionArn": "arn:aws:states:eu-west-1:111122223333:execution:code-scan:0948ba87_8745a7a9",
        "upload": {"bucket": "acme-upload", "key": "payments/api/build-7.zip", "versionId": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"},
        "requester": "111122223333",
        "projectKey": "payments-api-1f2e3d4c",
        "build": {"id": "scan:8745a7a9", "logGroup": "/aws/codebuild/scan", "logStream": "8745a7a9"},
        "unjudged": {
            "suppressions": [{"kind": "nosonar", "count": 2}],
            "files": [{"kind": "hidden", "count": 1}, {"kind": "without-classes", "count": 12}]
        },
        "recordedAt": "2026-11-21T10:15:30Z"
    });
    let serde_json::Value::Object(verdict) = serde_json::to_value(verdict).unwrap() else { panic!("no object") };
    report.as_object_mut().unwrap().extend(verdict);
    serde_json::from_value(report).unwrap()
}

pub(crate) fn gate_failure() -> GateFailure {
    serde_json::from_value(json!({
        "conditions": [
            {"metric": "security_rating", "actual": "D", "required": "A"},
            {"metric": "vulnerabilities", "actual": "3", "required": "at most 0"}],
        "counts": [{"severity": "HIGH", "count": 3}, {"severity": "LOW", "count": 1}],
        "worst": [{"file": "src/client.py", "line": 12, "rule": "python:S4830", "severity": "HIGH",
            "message": "Enable server certificate validation on this SSL/TLS connection."}],
        "hotspots": {"total": 6, "high": 2}
    }))
    .unwrap()
}

pub(crate) fn links(report: &Report) -> Links {
    Links::of(report, "https://sonar.example.com/", Some("https://wiki.example.com/triage"))
}

#[test]
fn a_failed_gate_shows_all_that_an_approver_needs() {
    let failure = gate_failure();
    let report = report(&Verdict::QualityGateFailed(failure.clone()));
    assert_json_snapshot!(quality_gate_failed(&report, &failure, &links(&report)));
}

#[test]
fn issues_of_a_later_upload_are_not_shown_as_this_ones() {
    let failure = GateFailure { conditions: gate_failure().conditions, superseded: true, ..GateFailure::default() };
    let report = report(&Verdict::QualityGateFailed(failure.clone()));
    let description = quality_gate_failed(&report, &failure, &links(&report)).content.description;
    assert!(description.contains("analysed again after this upload"), "{description}");
    assert!(!description.contains("Worst issues") && !description.contains("hotspots"), "{description}");
}

/// An empty list would look like good news.
#[test]
fn what_could_not_be_read_is_said() {
    let told = |failure: &GateFailure| {
        let report = report(&Verdict::QualityGateFailed(failure.clone()));
        quality_gate_failed(&report, failure, &links(&report)).content.description
    };
    let conditions = gate_failure().conditions;
    insta::assert_snapshot!(told(&GateFailure { conditions, unread: true, ..GateFailure::default() }));
    let in_part = told(&GateFailure { unread: true, hotspots: None, ..gate_failure() });
    assert!(in_part.contains("*Issues*: could not all be read; see the details in SonarQube"), "{in_part}");
    assert!(in_part.contains("python:S4830"), "{in_part}");
    assert!(!told(&gate_failure()).contains("*Issues*"));
}

/// Whoever uploads chooses the key, the names of the files and what the code suppresses.
#[test]
fn what_the_verdict_does_not_cover_is_never_cut_away() {
    let mut failure = GateFailure { unread: true, ..gate_failure() };
    failure.conditions = vec![failure.conditions[0].clone(); 100];
    failure.worst = vec![failure.worst[0].clone(); 5];
    let mut report = report(&Verdict::QualityGateFailed(failure.clone()));
    report.upload.key = "&".repeat(400);
    report.project_key = "<".repeat(209);
    let counted = |kind: &str, count| Counted { kind: kind.to_owned(), count };
    for many in [1, 20] {
        let kinds = vec![counted(&"k".repeat(200), u64::MAX); many];
        let unjudged =
            Unjudged { suppressions: kinds.clone(), files: [kinds, vec![counted("without-classes", 9)]].concat() };
        report.unjudged = Some(unjudged);
        let told = quality_gate_failed(&report, &failure, &links(&report)).content.description;
        assert!(told.chars().count() <= DESCRIPTION_LIMIT, "{}", told.chars().count());
        for words in [
            "*Version*",
            "left out\n*Issues*: could not all",
            "switched off in the code*",
            "*Not analysed*",
            "in part*: 9 of",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        report.verdict = Verdict::Passed;
        let told = passed(&report, &links(&report)).content.description;
        for words in ["*Version*", "switched off in the code*", "*Not analysed*", "in part*: 9 of"] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}

#[test]
fn a_failed_pipeline_says_what_happened_and_has_no_buttons() {
    let failure = PipelineFailure {
        cause: Cause::Download {
            message: "An error occurred (404) when calling the HeadObject operation: Not Found".into(),
        },
        log: vec!["ERROR `x` <!channel>".into()],
    };
    let report = report(&Verdict::PipelineFailed(failure.clone()));
    assert_json_snapshot!(pipeline_failed(&report, &failure, &links(&report)));
}

#[test]
fn an_expired_scan_is_not_approved() {
    let report = report(&Verdict::QualityGateFailed(gate_failure()));
    assert_json_snapshot!(expired(&report, &links(&report)));
}

#[test]
fn a_passed_and_a_recovered_project_are_told_apart() {
    let mut report = report(&Verdict::Passed);
    assert_eq!(passed(&report, &links(&report)).metadata.event_type, "passed");
    report.recovered = true;
    assert_json_snapshot!(passed(&report, &links(&report)));
    let told = |report: &Report| passed(report, &links(report)).content;
    assert!(told(&report).next_steps[0].contains("what was not judged"));
    report.unjudged = None;
    assert!(told(&report).description.contains("did not tell what it left out"));
    report.unjudged = Some(Unjudged::default());
    assert!(told(&report).next_steps[0].starts_with("Nothing to do"));
}

#[test]
fn a_link_is_whole_or_not_there() {
    for length in [10, 300, 380, 400, 5_000] {
        let failure = gate_failure();
        let mut report = report(&Verdict::QualityGateFailed(failure.clone()));
        let build = report.build.as_mut().unwrap();
        build.log_group = Some("/".repeat(length / 5));
        build.id = format!("{}:8745a7a9", "p".repeat(length));
        let guide = format!("https://wiki.example.com/{}", "g".repeat(length));
        let links = Links::of(&report, &format!("https://sonar.example.com/{}", "s".repeat(length)), Some(&guide));
        let expected = |address: &str| address.chars().count() <= ADDRESS_LIMIT;
        let steps = quality_gate_failed(&report, &failure, &links).content.next_steps;
        for step in &steps {
            assert!(step.chars().count() <= STEP_LIMIT, "{step}");
            assert_eq!(step.matches('<').count(), step.matches('>').count(), "{step}");
        }
        assert_eq!(steps[0].contains(&links.dashboard), expected(&links.dashboard), "{}", steps[0]);
        assert_eq!(steps[1].contains(&guide), expected(&guide), "{}", steps[1]);
        assert!(steps[1].contains("the triage guide"), "{}", steps[1]);
    }
}

#[test]
fn what_has_no_known_address_is_named() {
    let failure = PipelineFailure { cause: Cause::BuildTimedOut, log: Vec::new() };
    let mut report = report(&Verdict::PipelineFailed(failure.clone()));
    report.execution_arn = "arn:aws-iso:states:us-iso-east-1:111122223333:execution:code-scan:scan-1".to_owned();
    let steps = pipeline_failed(&report, &failure, &links(&report)).content.next_steps;
    for expected in [
        "CodeBuild details: the build `scan:8745a7a9`".to_owned(),
        "Read the build's log `/aws/codebuild/scan 8745a7a9`".to_owned(),
        format!("Follow the execution of the state machine `{}`", report.execution_arn),
    ] {
        assert!(steps.contains(&expected), "{expected}: {steps:?}");
    }
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut failure = gate_failure();
    failure.conditions = vec![failure.conditions[0].clone(); 100];
    let report = report(&Verdict::QualityGateFailed(failure.clone()));
    let description = quality_gate_failed(&report, &failure, &links(&report)).content.description;
    assert!(description.chars().count() <= DESCRIPTION_LIMIT);
    assert!(description.contains("more lines are left out\n"), "{description}");
}

proptest! {
    #[test]
    fn hostile_names_can_neither_mention_nor_link(hostile in "(<!channel>|<https://evil\\|x>|`|\\*|\\PC){0,300}") {
        let failure = GateFailure {
            worst: vec![Issue {
                file: hostile.clone(), line: None, rule: hostile.clone(), severity: hostile.clone(), message: hostile.clone(),
            }],
            ..gate_failure()
        };
        let mut report = report(&Verdict::QualityGateFailed(failure.clone()));
        report.upload.key.clone_from(&hostile);
        report.project_key = hostile;
        let content = quality_gate_failed(&report, &failure, &links(&report)).content;
        prop_assert!(!content.description.contains('<') && !content.description.contains('>'));
        prop_assert!(content.description.chars().count() <= DESCRIPTION_LIMIT);
        for step in &content.next_steps {
            prop_assert!(!step.contains("<!") && !step.contains("<https://evil"));
        }
    }
}
