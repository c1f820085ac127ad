use std::{collections::BTreeSet, fs};

use domain::remediation::{Request, Task};
use local::slack::amazon_q;
use serde_json::Value;
use yaml_rust2::Yaml;

use crate::{between, read, root, template};

fn upload() -> Value {
    serde_json::from_str(&read("samples/events/upload.object-created.json")).unwrap()
}

#[test]
fn every_sample_event_is_used_by_a_test() {
    let mut tests = String::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                tests += &fs::read_to_string(path).unwrap();
            }
        }
    }
    for entry in fs::read_dir(root().join("samples/events")).unwrap() {
        let file = entry.unwrap().file_name().to_string_lossy().into_owned();
        let name = file.strip_suffix(".json").unwrap();
        let (kind, variant) = name.split_once('.').unwrap();
        // By its whole name, or by its variant where a function of the tests names the kind.
        let whole = ["\"", ".json\""].iter().any(|end| tests.contains(&format!("{name}{end}")));
        let by_variant = |function: &&str| tests.contains(&format!("{function}(\"{variant}\")"));
        let of_kind = tests.contains(&format!("{kind}.{{name}}"));
        let used = whole || of_kind && ["event", "finding", "sample"].iter().any(by_variant);
        assert!(used, "no test uses samples/events/{file}");
    }
}

#[test]
fn amazon_q_shows_the_test_notification_without_buttons() {
    let test = amazon_q::notification::parse(&read("samples/events/notification.test.json")).unwrap();
    assert!(!test.metadata.enable_custom_actions);
}

fn sample(name: &str) -> Value {
    serde_json::from_str(&read(&format!("samples/events/{name}.json"))).unwrap()
}

/// A new task does not compile here without a name.
#[test]
fn every_task_of_the_remediator_has_a_sample() {
    for name in [
        "finding-remediator.quarantine",
        "finding-remediator.restore",
        "finding-remediator.quarantine-versions",
        "finding-remediator.block-public-access",
        "finding-remediator.encrypt-by-default",
    ] {
        let request: Request = serde_json::from_value(sample(name)).unwrap();
        let read = match request.task {
            Task::Quarantine { .. } => "quarantine",
            Task::Restore { .. } => "restore",
            Task::QuarantineVersions { .. } => "quarantine-versions",
            Task::BlockPublicAccess { .. } => "block-public-access",
            Task::EncryptByDefault { .. } => "encrypt-by-default",
        };
        assert_eq!(name.strip_prefix("finding-remediator."), Some(read));
    }
}

/// Of every state that invokes a function.
#[test]
fn every_payload_of_the_state_machine_has_a_sample() {
    let definition: Value = serde_json::from_str(&read("statemachine/code-scan.asl.json")).unwrap();
    let samples = [
        ("Claim", sample("check-build-status.claim")),
        ("CheckBuildStatus", sample("check-build-status.build-failed")),
        ("RecordFailure", sample("check-build-status.failure")),
        ("Confirm", sample("approval.confirm")),
        ("Expire", sample("approval.expire")),
        ("Tell", sample("approval.tell")),
    ];
    let states = definition["States"].as_object().unwrap();
    let invoking =
        states.iter().filter(|(_, state)| state["Resource"].as_str().is_some_and(|of| of.contains(":lambda:")));
    let invoking: BTreeSet<_> = invoking.map(|(name, _)| name.as_str()).collect();
    assert_eq!(invoking, samples.iter().map(|(name, _)| *name).collect());
    let names = |value: &Value| -> BTreeSet<String> { value.as_object().unwrap().keys().cloned().collect() };
    let assigned = &states["Identify"]["Assign"];
    for (name, sample) in samples {
        assert_eq!(names(&states[name]["Arguments"]["Payload"]), names(&sample), "{name}");
        for field in ["object", "failure"] {
            if !sample[field].is_null() {
                assert_eq!(names(&assigned[field]), names(&sample[field]), "{name}: {field}");
            }
        }
    }
}

/// Only what our rule uses of EventBridge's patterns.
fn matches(pattern: &Yaml, value: &Value) -> bool {
    match pattern {
        Yaml::Hash(fields) => {
            fields.iter().all(|(name, pattern)| matches(pattern, &value[name.as_str().unwrap_or_default()]))
        }
        Yaml::Array(choices) => choices.iter().any(|choice| match choice {
            Yaml::Hash(_) if choice["exists"].as_bool().is_some() => {
                choice["exists"].as_bool() == Some(!value.is_null())
            }
            // By default, everything that ends in .zip.
            Yaml::Hash(_) => value.as_str().is_some_and(|key| {
                let given = template("app-security.yml");
                let wildcard = given["Parameters"]["SourceCodeZip"]["Default"].as_str().unwrap().to_owned();
                assert_eq!(choice["wildcard"].as_str(), Some("SourceCodeZip"));
                key.ends_with(wildcard.strip_prefix('*').unwrap())
            }),
            // References to this account and to the bucket.
            Yaml::String(text) if text == "AWS::AccountId" => value == "111122223333",
            Yaml::String(text) if text == "UploadBucket" => value == "acme-upload",
            Yaml::String(text) if text == "CodeScanStateMachine" => {
                value == "arn:aws:states:eu-west-1:111122223333:stateMachine:code-scan"
            }
            Yaml::String(text) => value == text.as_str(),
            other => panic!("{other:?}"),
        }),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_upload_starts_a_scan_and_nothing_else_does() {
    let pattern = &template("app-security.yml")["Resources"]["UploadRule"]["Properties"]["EventPattern"];
    assert!(matches(pattern, &upload()));
    for (pointer, other) in [
        ("/detail-type", "Object Deleted"),
        ("/source", "example.imitation"),
        ("/account", "444455556666"),
        ("/detail/bucket/name", "acme-other"),
        ("/detail/object/key", "payments/notes.txt"),
        ("/detail/object/key", "payments/build.zip.sha256"),
    ] {
        let mut event = upload();
        *event.pointer_mut(pointer).unwrap() = Value::from(other);
        assert!(!matches(pattern, &event), "{pointer}: {other}");
    }
    let mut unversioned = upload();
    unversioned["detail"]["object"].as_object_mut().unwrap().remove("version-id");
    assert!(!matches(pattern, &unversioned), "without a version nobody knows what is scanned");
}

#[test]
fn an_end_that_no_step_can_tell_reaches_the_function_and_nothing_else_does() {
    let pattern = &template("app-security.yml")["Resources"]["ExecutionEndedRule"]["Properties"]["EventPattern"];
    let ended = || sample("check-build-status.execution-aborted");
    assert!(matches(pattern, &ended()));
    for (pointer, other) in [
        ("/source", "example.imitation"),
        ("/account", "444455556666"),
        ("/detail/stateMachineArn", "arn:aws:states:eu-west-1:111122223333:stateMachine:payroll"),
        ("/detail/status", "RUNNING"),
        ("/detail/status", "SUCCEEDED"),
    ] {
        let mut event = ended();
        *event.pointer_mut(pointer).unwrap() = Value::from(other);
        assert!(!matches(pattern, &event), "{pointer}: {other}");
    }
}

#[test]
fn the_state_machine_reads_what_an_upload_has() {
    let definition = read("statemachine/code-scan.asl.json");
    let paths: BTreeSet<String> = between(&definition, "$states.input.detail.", ' ')
        .map(|path| path.trim_end_matches([')', ',', ';']).replace('`', ""))
        .collect();
    assert!(paths.len() >= 6, "{paths:?}");
    for path in paths {
        let pointer = format!("/detail/{}", path.replace('.', "/"));
        assert!(upload().pointer(&pointer).is_some(), "an upload has no {pointer}");
    }
}
