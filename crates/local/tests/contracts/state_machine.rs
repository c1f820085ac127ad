use std::collections::BTreeSet;

use serde_json::Value;

use crate::{keys, read, sources, template};

fn definition() -> Value {
    serde_json::from_str(&read("statemachine/code-scan.asl.json")).unwrap()
}

/// Errors that AWS raises, by the beginning of their names.
const FROM_AWS: [&str; 5] = ["States.", "Lambda.", "CodeBuild.", "SNS.", "EventBridge."];

#[test]
fn every_error_that_the_state_machine_names_is_raised_by_a_function() {
    let code: String =
        ["check-build-status", "approval"].iter().flat_map(|krate| sources(krate)).map(|(_, code)| code).collect();
    let mut ours = BTreeSet::new();
    for (_, state) in definition()["States"].as_object().unwrap() {
        for list in ["Retry", "Catch"] {
            for rule in state[list].as_array().into_iter().flatten() {
                for error in rule["ErrorEquals"].as_array().unwrap() {
                    let error = error.as_str().unwrap().to_owned();
                    if !FROM_AWS.iter().any(|beginning| error.starts_with(beginning)) {
                        assert!(code.contains(&format!("\"{error}\"")), "no function raises {error}");
                        ours.insert(error);
                    }
                }
            }
        }
    }
    assert_eq!(ours, BTreeSet::from(["AnalysisPending".to_owned(), "PipelineFailed".to_owned()]));
}

#[test]
fn every_state_that_works_has_a_time_limit_and_a_way_out() {
    for (name, state) in definition()["States"].as_object().unwrap() {
        assert!(state["Comment"].is_string() || state["Type"] == "Succeed" || state["Type"] == "Fail", "{name}");
        if state["Type"] == "Task" {
            assert!(!state["TimeoutSeconds"].is_null(), "{name} may run for ever");
            let caught = state["Catch"].as_array().into_iter().flatten();
            let all =
                caught.filter(|rule| rule["ErrorEquals"].as_array().unwrap().contains(&Value::from("States.ALL")));
            assert_eq!(all.count(), 1, "{name} does not catch every error");
        }
    }
}

#[test]
fn every_placeholder_is_substituted_and_every_substitution_used() {
    let text = read("statemachine/code-scan.asl.json");
    let used: BTreeSet<_> = crate::between(&text, "${", '}').map(str::to_owned).collect();
    let template = template("app-security.yml");
    let given = keys(&template["Resources"]["CodeScanStateMachine"]["Properties"]["DefinitionSubstitutions"]);
    assert_eq!(used, given);
}

#[test]
fn what_the_state_machine_sends_is_what_the_function_reads() {
    let payload = &definition()["States"]["CheckBuildStatus"]["Arguments"]["Payload"];
    let sent: BTreeSet<_> = payload.as_object().unwrap().keys().cloned().collect();
    let source = read("crates/check-build-status/src/request.rs");
    let fields =
        crate::between(&source, "pub struct Request {", '}').chain(crate::between(&source, "struct Request {", '}'));
    let fields = fields.last().unwrap();
    let read: BTreeSet<_> = crate::between(fields, "pub ", ':').map(camel_case).collect();
    assert_eq!(sent, read);
}

fn camel_case(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}
