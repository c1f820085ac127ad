use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{between, keys, read, sources, template};

fn definition() -> Value {
    serde_json::from_str(&read("statemachine/code-scan.asl.json")).unwrap()
}

/// Errors that AWS raises: Step Functions itself (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>),
/// Lambda (<https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception>), and
/// the service's exceptions behind its name
/// (<https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html#API_StartBuild_Errors>).
const FROM_AWS: [&str; 12] = [
    "CodeBuild.AWSCodeBuildException",
    "CodeBuild.AccountLimitExceededException",
    "CodeBuild.SdkClientException",
    "CodeBuild.ThrottlingException",
    "EventBridge.FailedEntry",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
];

#[test]
fn every_error_that_the_state_machine_names_is_raised_by_a_function() {
    let code: String = ["check-build-status", "approval", "domain"]
        .iter()
        .flat_map(|krate| sources(krate))
        .map(|(_, code)| code)
        .collect();
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for (_, state) in definition()["States"].as_object().unwrap() {
        for list in ["Retry", "Catch"] {
            for rule in state[list].as_array().into_iter().flatten() {
                for error in rule["ErrorEquals"].as_array().unwrap() {
                    let error = error.as_str().unwrap().to_owned();
                    if error.contains('.') {
                        theirs.insert(error);
                    } else {
                        assert!(code.contains(&format!("\"{error}\"")), "no function raises {error}");
                        ours.insert(error);
                    }
                }
            }
        }
    }
    assert_eq!(theirs, FROM_AWS.into_iter().map(str::to_owned).collect(), "AWS raises no other");
    let ended = ["AnalysisOvertaken", "AnalysisPending", "LogPending", "PipelineFailed"];
    let expected = ended.into_iter().chain(["ExecutionUnreadable", "RequestForeign"]).map(str::to_owned);
    assert_eq!(ours, expected.collect());
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
    let source = read("crates/check-build-status/src/request.rs") + &read("crates/domain/src/scan/failure.rs");
    let fields = |name: &str| -> BTreeSet<String> {
        let fields = crate::between(&source, &format!("struct {name} {{"), '}').next().unwrap().to_owned();
        crate::between(&fields, "pub ", ':').map(camel_case).collect()
    };
    for (state, request) in
        [("Claim", "ClaimRequest"), ("CheckBuildStatus", "Request"), ("RecordFailure", "FailureRequest")]
    {
        let payload = &definition()["States"][state]["Arguments"]["Payload"];
        let sent: BTreeSet<_> = payload.as_object().unwrap().keys().cloned().collect();
        let mut read = fields(request);
        if read.remove("about") {
            read.extend(fields("About"));
        }
        assert_eq!(sent, read, "{state}");
    }
    let failure = &definition()["States"]["Identify"]["Assign"]["failure"];
    let sent: BTreeSet<_> = failure.as_object().unwrap().keys().cloned().collect();
    assert_eq!(sent, fields("Failure"));
}

/// Whatever a task was completed with, by whoever has its token, does not reach the announcement.
#[test]
fn only_what_is_recorded_is_announced() {
    let definition = definition();
    let states = definition["States"].as_object().unwrap();
    let assigning = states.iter().filter(|(_, state)| !state["Assign"]["outcome"].is_null());
    let assigning: BTreeSet<_> = assigning.map(|(name, _)| name.as_str()).collect();
    // The initial value, the answers of two functions that the state machine has called itself.
    assert_eq!(assigning, BTreeSet::from(["Claim", "Confirm", "Identify"]));
    assert!(states["CheckBuildStatus"]["Resource"].as_str().unwrap().ends_with(".waitForTaskToken"));
    for name in ["CheckBuildStatus", "Expire"] {
        assert_eq!(states[name]["Next"], "Confirm", "{name}");
    }
    let recorded = "{% $failed or $outcome in ['PASSED', 'APPROVED', 'REJECTED', 'EXPIRED'] %}";
    assert_eq!(states["Decision"]["Choices"], json!([{"Condition": recorded, "Next": "Announce"}]));
    for (name, state) in states {
        assert_eq!(follow(state).any(|next| next == "Announce"), name == "Decision", "{name}");
    }
}

/// Where a state may go on.
fn follow(state: &Value) -> impl Iterator<Item = &str> {
    let rules = ["Catch", "Choices"].into_iter().flat_map(|list| state[list].as_array().into_iter().flatten());
    let next = rules.map(|rule| &rule["Next"]).chain([&state["Next"], &state["Default"]]);
    next.filter_map(Value::as_str)
}

/// Every failure is recorded by CheckBuildStatus, or told by the state machine if not even that is possible.
#[test]
fn every_step_that_fails_is_recorded_and_told() {
    let definition = definition();
    let states = definition["States"].as_object().unwrap();
    let after = |name: &str| {
        let rules = states[name]["Catch"].as_array().into_iter().flatten();
        let all = rules.filter(|rule| rule["ErrorEquals"].as_array().unwrap().contains(&Value::from("States.ALL")));
        all.map(|rule| rule["Next"].as_str().unwrap().to_owned()).next()
    };
    for name in ["Claim", "CheckBuildStatus", "Expire"] {
        assert_eq!(after(name).as_deref(), Some("RecordFailure"), "{name}");
    }
    for (name, choice) in [("Confirm", "Decision"), ("Announce", "HasItFailedBefore")] {
        assert_eq!((after(name).as_deref(), &states[choice]["Default"]), (Some(choice), &json!("RecordFailure")));
    }
    // If nothing was announced, a failure was recorded before; to record another one would lead back to `Tell`.
    assert_eq!(after("Tell").as_deref(), Some("MayItBeRecorded"));
    let recorded = json!([{"Condition": "{% $announced %}", "Next": "RecordFailure"}]);
    assert_eq!(states["MayItBeRecorded"]["Choices"], recorded);
    assert_eq!(states["MayItBeRecorded"]["Default"], "PipelineFailed");
    // Nothing is announced as failed that was not recorded, or told because even that failed; and not before somebody has
    // looked what is recorded by then.
    let failing = states.iter().filter(|(_, state)| state.to_string().contains("\"failed\":"));
    assert_eq!(failing.map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(), ["Identify", "IsItAnnounced"].into());
    assert_eq!(states["Identify"]["Assign"]["failed"], false);
    let announced = json!([{"Condition": "{% $announced %}", "Next": "PipelineFailed"}]);
    assert_eq!(states["IsItAnnounced"]["Choices"], announced);
    assert_eq!(states["IsItAnnounced"]["Assign"], json!({"failed": true}));
    assert_eq!(states["IsItAnnounced"]["Default"], "Confirm");
    let before = ["RecordFailure", "ReportFailure"];
    for (name, state) in states {
        assert_eq!(follow(state).any(|next| next == "IsItAnnounced"), before.contains(&name.as_str()), "{name}");
    }
    assert_eq!(after("RecordFailure").as_deref(), Some("DescribeFailure"));
    assert_eq!(states["DescribeFailure"]["Next"], "ReportFailure");
    let text = states["DescribeFailure"]["Output"]["content"]["description"].as_str().unwrap();
    for fact in ["$object.bucket", "$object.key", "$object.versionId", "$failure.sentence"] {
        assert!(text.contains(fact), "the notification does not name {fact}");
    }
}

/// Where a choice leads with these variables; its conditions are of few forms.
fn chosen<'a>(choice: &'a Value, failed: bool, announced: bool, outcome: &str) -> &'a str {
    let holds = |term: &str| match term.trim() {
        "$failed" => failed,
        "$announced" => announced,
        "$told = 'UNDER_WAY'" => false,
        term => {
            assert!(term.starts_with("$outcome = '") || term.starts_with("$outcome in ["), "what is {term}?");
            between(term, "'", '\'').step_by(2).any(|known| known == outcome)
        }
    };
    for rule in choice["Choices"].as_array().unwrap() {
        let condition = rule["Condition"].as_str().unwrap();
        let condition = condition.strip_prefix("{% ").and_then(|rest| rest.strip_suffix(" %}")).unwrap();
        if condition.split(" or ").any(holds) {
            return rule["Next"].as_str().unwrap();
        }
    }
    choice["Default"].as_str().unwrap()
}

/// The states from one to an end, if every step does its work but one.
fn path<'a>(states: &'a Value, from: &'a str, breaks: &str, failed: bool, outcome: &str) -> Vec<&'a str> {
    let (mut path, mut announced) = (vec![from], false);
    while let Some(name) = path.last().copied().filter(|name| *name != "RecordFailure") {
        assert!(path.len() < 20, "no end: {path:?}");
        let state = &states[name];
        announced |= name == "Announce" && breaks != name;
        path.push(match state["Type"].as_str().unwrap() {
            "Choice" => chosen(state, failed, announced, outcome),
            "Succeed" | "Fail" => break,
            _ if name == breaks => state["Catch"][0]["Next"].as_str().unwrap(),
            _ => state["Next"].as_str().unwrap(),
        });
    }
    path
}

/// A step failed, that was recorded and told, and what is recorded is confirmed once more: the reply to a press may have
/// promised a mail. Whatever fails then comes to an end.
#[test]
fn what_was_decided_is_told_also_after_a_failure() {
    let definition = definition();
    let states = &definition["States"];
    let ends = |failed: bool, breaks: &str, outcome: &str| {
        let path = path(states, "Decision", breaks, failed, outcome);
        (path.contains(&"Announce"), path.contains(&"Tell"), path.last().copied().unwrap())
    };
    for (outcome, end) in [("APPROVED", "Approved"), ("REJECTED", "Rejected"), ("EXPIRED", "Expired")] {
        assert_eq!(ends(false, "", outcome), (true, true, end));
        assert_eq!(ends(false, "Announce", outcome), (true, false, "RecordFailure"));
        assert_eq!(ends(false, "Tell", outcome), (true, true, "RecordFailure"));
        assert_eq!(ends(true, "", outcome), (true, true, "PipelineFailed"));
        assert_eq!(ends(true, "Announce", outcome), (true, true, "PipelineFailed"));
        // From there to the end, since it is announced.
        assert_eq!(ends(true, "Tell", outcome), (true, true, "RecordFailure"));
        assert_eq!(chosen(&states["IsItAnnounced"], true, true, outcome), "PipelineFailed");
    }
    assert_eq!(ends(false, "", "PASSED"), (true, false, "Passed"));
    assert_eq!(ends(false, "", "UNKNOWN"), (false, false, "RecordFailure"));
    for outcome in ["PASSED", "UNKNOWN"] {
        assert_eq!(ends(true, "", outcome), (true, false, "PipelineFailed"), "{outcome}");
        assert_eq!(ends(true, "Announce", outcome), (true, false, "PipelineFailed"), "{outcome}");
    }
    // The one way round: without an announcement and a notice.
    assert_eq!(chosen(&states["MayItBeRecorded"], true, false, "APPROVED"), "PipelineFailed");
}

/// What a failure means for the version is said by who can read the records. A state that says it may be wrong: somebody
/// may have decided; and that the pipeline failed may come from the function, although it cannot run any more.
#[test]
fn no_step_that_fails_says_what_counts_or_accuses_anybody() {
    let mut sentences = Vec::new();
    for (name, state) in definition()["States"].as_object().unwrap() {
        let rules = state["Catch"].as_array().into_iter().flatten();
        let assigned = rules.chain([state]).map(|rule| &rule["Assign"]["failure"]).filter(|failure| !failure.is_null());
        sentences.extend(assigned.map(|failure| (name.clone(), failure.to_string())));
    }
    assert_eq!(sentences.len(), 9, "{sentences:?}");
    for (name, sentence) in sentences {
        for words in ["approved", "not by the function", "are told"] {
            assert!(!sentence.contains(words), "{name} says `{words}`: {sentence}");
        }
    }
}

/// A build that was started although the answer got lost is not started a second time; a scan that has to be repeated
/// is, because CodeBuild would answer a token of the last minutes with the old build.
#[test]
fn a_retry_of_the_scan_names_the_same_build_and_another_scan_another_one() {
    let token = "{% $scanId & '-' & $string($scanNumber) %}";
    assert_eq!(definition()["States"]["Scan"]["Arguments"]["IdempotencyToken"], token);
}

/// Whoever has the token can say that the analysis was overtaken: the state machine counts, and ends with a record.
#[test]
fn an_overtaken_analysis_is_scanned_again_a_limited_number_of_times() {
    let definition = definition();
    let states = &definition["States"];
    assert_eq!(states["Identify"]["Assign"]["scanNumber"], 1);
    let rules = states["CheckBuildStatus"]["Catch"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["ErrorEquals"] == json!(["AnalysisOvertaken"])).unwrap();
    assert!(rule["Assign"].is_null(), "{rule}");
    let choice = &states[rule["Next"].as_str().unwrap()];
    let count = json!({"scanNumber": "{% $scanNumber + 1 %}"});
    let again = json!([{"Condition": "{% $scanNumber < 5 %}", "Assign": count, "Next": "Scan"}]);
    assert_eq!((&choice["Choices"], &choice["Default"]), (&again, &Value::from("RecordFailure")));
    assert_eq!(choice["Assign"]["failure"]["error"], "AnalysisOvertaken");
    let counting = states.as_object().unwrap().values().filter(|state| state["Assign"]["scanNumber"].is_number());
    assert_eq!(counting.count(), 1, "the count starts anew");
    let retries = states["CheckBuildStatus"]["Retry"].as_array().unwrap();
    let of_it = retries.iter().find(|retry| retry["ErrorEquals"].to_string().contains("AnalysisOvertaken")).unwrap();
    assert_eq!(of_it["MaxAttempts"], 0);
}

/// Whether a permanent or a passing refusal of SES: a mail is tried for a day.
#[test]
fn a_mail_survives_a_day_without_ses() {
    let definition = definition();
    let retries = definition["States"]["Tell"]["Retry"].as_array().unwrap();
    let [retry] = retries.as_slice() else { panic!("{retries:?}") };
    assert_eq!(retry["ErrorEquals"], json!(["States.ALL"]));
    let number = |name: &str| retry[name].as_f64().unwrap();
    let (mut delay, mut total) = (number("IntervalSeconds"), 0.0);
    for _ in 0..retry["MaxAttempts"].as_u64().unwrap() {
        total += delay;
        delay = (delay * number("BackoffRate")).min(number("MaxDelaySeconds"));
    }
    assert!(total > 24.0 * 3600.0, "{total} s");
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
