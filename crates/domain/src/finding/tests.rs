use serde_json::{Value, json};

use super::*;

/// The `detail` of a sample event.
fn detail(name: &str) -> Value {
    let path = format!("{}/../../samples/events/macie-finding.{name}.json", env!("CARGO_MANIFEST_DIR"));
    let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    event["detail"].clone()
}

fn sample(name: &str) -> Finding {
    serde_json::from_value(detail(name)).unwrap()
}

#[test]
fn reads_a_finding_as_macie_publishes_it() {
    let finding = sample("financial-high");
    assert_eq!(finding.kind, FindingType::Financial);
    assert_eq!(finding.severity(), Some(Severity::High));
    assert_eq!(finding.created_at, Some("2026-11-20T10:14:58.031Z".parse().unwrap()));
    let object = finding.object().unwrap();
    assert_eq!((object.bucket.as_str(), object.key.as_str()), ("acme-uploads", "exports/customer-payments.txt"));
    assert_eq!(object.version_id.as_deref(), Some("3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH"));
    assert_eq!(object.size, Some(712));
}

#[test]
fn null_and_empty_are_none_wherever_real_findings_have_them() {
    let finding = sample("nulls");
    assert_eq!(finding.region, None);
    assert_eq!(finding.severity(), None);
    let object = finding.object().unwrap();
    assert_eq!(object.bucket, "acme-uploads", "read out of the ARN");
    assert_eq!(object.version_id, None);
    assert_eq!(object.account_id, None);
    assert!(finding.resources_affected.unwrap().s3_bucket.unwrap().tags.is_empty());
}

/// Every leaf and every part of a real finding, one after the other, in a form that nobody expects.
#[test]
fn one_odd_leaf_never_costs_the_finding() {
    fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
            _ => return,
        };
        for (name, child) in children {
            let path = format!("{path}/{name}");
            found.push(path.clone());
            paths(child, &path, found);
        }
    }
    for name in ["financial-high", "multiple", "custom-identifier", "policy"] {
        let whole = detail(name);
        let mut all = Vec::new();
        paths(&whole, "", &mut all);
        assert!(all.len() > 20);
        for path in all.iter().filter(|path| *path != "/id") {
            for odd in [json!(3.5), json!("1"), json!([]), json!({}), json!(true), json!(null), json!([[7]])] {
                let mut finding = whole.clone();
                *finding.pointer_mut(path).unwrap() = odd.clone();
                let read: Result<Finding, _> = serde_json::from_value(finding);
                assert_eq!(read.unwrap().id, whole["id"], "{name} {path} {odd}");
            }
        }
    }
}

#[test]
fn numbers_truths_and_severities_are_read_in_other_forms_too() {
    let read = |odd: Value| serde_json::from_value::<Finding>(odd).unwrap();
    assert_eq!(read(json!({"id": "f", "severity": {"score": 3.0}})).severity(), Some(Severity::High));
    assert_eq!(read(json!({"id": "f", "severity": "High"})).severity(), Some(Severity::High));
    assert_eq!(read(json!({"id": "f", "count": "12"})).count, Some(12));
    assert_eq!(read(json!({"id": "f", "count": 1.5})).count, None);
    assert_eq!(read(json!({"id": "f", "sample": "true", "archived": "False"})).sample, Some(true));
    assert_eq!(read(json!({"id": "f", "sample": 1})).sample, None);
    for no_finding in [json!(null), json!("f"), json!({}), json!({"id": 7}), json!({"id": ""})] {
        assert!(serde_json::from_value::<Finding>(no_finding).is_err());
    }
}

#[test]
fn every_sample_is_written_back_in_macies_spelling() {
    /// Whether everything in `written` stands in `read` under the same name; times may differ in form.
    fn check(written: &Value, read: &Value, path: &str) {
        match (written, read) {
            (Value::Object(written), Value::Object(read)) => {
                for (name, value) in written {
                    check(value, read.get(name).unwrap_or(&Value::Null), &format!("{path}.{name}"));
                }
            }
            (Value::Array(written), Value::Array(read)) => {
                assert_eq!(written.len(), read.len(), "{path}");
                for (index, (written, read)) in written.iter().zip(read).enumerate() {
                    check(written, read, &format!("{path}[{index}]"));
                }
            }
            (Value::String(written), Value::String(read)) if path.ends_with("At") || path.ends_with("Modified") => {
                assert_eq!(written.parse::<Timestamp>().unwrap(), read.parse::<Timestamp>().unwrap(), "{path}");
            }
            _ => assert_eq!(written, read, "{path}"),
        }
    }
    for name in [
        "archived",
        "credentials",
        "custom-identifier",
        "financial-high",
        "hostile-key",
        "multiple",
        "nulls",
        "personal",
        "policy",
        "sample",
    ] {
        let finding = sample(name);
        let written = serde_json::to_value(&finding).unwrap();
        check(&written, &detail(name), name);
        assert_eq!(serde_json::from_value::<Finding>(written).unwrap(), finding, "{name}");
    }
}

#[test]
fn a_finding_without_an_id_is_refused() {
    for broken in [json!({}), json!({"id": ""}), json!({"id": null}), json!({"id": 7}), json!("text"), json!(null)] {
        assert!(serde_json::from_value::<Finding>(broken.clone()).is_err(), "{broken}");
    }
    assert!(serde_json::from_value::<Finding>(json!({"id": "f"})).is_ok());
}

#[test]
fn a_time_in_an_unknown_form_costs_only_the_time() {
    let finding: Finding = serde_json::from_value(json!({"id": "f", "createdAt": "yesterday"})).unwrap();
    assert_eq!(finding.created_at, None);
}

#[test]
fn severity_is_read_by_score_and_else_by_name() {
    for (severity, expected) in [
        (json!({"score": 1, "description": "High"}), Some(Severity::Low)),
        (json!({"score": 3}), Some(Severity::High)),
        (json!({"score": 9, "description": "Medium"}), Some(Severity::Medium)),
        (json!({"description": "HIGH"}), Some(Severity::High)),
        (json!({"description": "Grave"}), None),
        (json!({}), None),
        (json!(null), None),
    ] {
        let finding: Finding = serde_json::from_value(json!({"id": "f", "severity": severity})).unwrap();
        assert_eq!(finding.severity(), expected, "{severity}");
    }
}

#[test]
fn an_unknown_type_keeps_its_name() {
    let finding: Finding = serde_json::from_value(json!({"id": "f", "type": "SensitiveData:S3Object/New"})).unwrap();
    assert_eq!(finding.kind, FindingType::Other("SensitiveData:S3Object/New".into()));
    assert_eq!(serde_json::to_value(&finding).unwrap()["type"], "SensitiveData:S3Object/New");
}

fn about(bucket: &Value, object: &Value) -> Finding {
    let resources = json!({"s3Bucket": bucket, "s3Object": object});
    serde_json::from_value(json!({"id": "f", "resourcesAffected": resources})).unwrap()
}

#[test]
fn what_s3_cannot_hold_is_no_object() {
    let long = "k".repeat(1_025);
    for (bucket, object) in [
        (json!({"name": "b-1"}), json!(null)),
        (json!({"name": "b-1"}), json!({"key": null})),
        (json!({"name": "b-1"}), json!({"key": ""})),
        (json!({"name": "b-1"}), json!({"key": long})),
        (json!({"name": "../etc"}), json!({"key": "k"})),
        (json!({"name": "evil.example/x"}), json!({"key": "k"})),
        (json!({"name": "arn:aws:s3:::b"}), json!({"key": "k"})),
        (json!({"name": "b"}), json!({"key": "k"})),
        (json!({}), json!({"key": "k", "bucketArn": "b-1"})),
        (json!(null), json!({"key": "k"})),
    ] {
        assert_eq!(about(&bucket, &object).object(), None, "{bucket} {object}");
    }
    assert!(about(&json!({"name": "b-1"}), &json!({"key": "k".repeat(1_024)})).object().is_some());
}

fn case(object: &Value) -> String {
    about(&json!({"name": "acme"}), object).case_id().unwrap()
}

#[test]
fn a_case_is_one_version_of_one_object() {
    let one = case(&json!({"key": "k", "versionId": "1", "eTag": "a"}));
    assert_eq!(one.len(), 32);
    assert_eq!(one, case(&json!({"key": "k", "versionId": "1", "eTag": "b", "size": 3})));
    for other in [
        json!({"key": "k", "versionId": "2", "eTag": "a"}),
        json!({"key": "k2", "versionId": "1"}),
        json!({"key": "k\u{0}1"}),
        json!({"key": "k", "eTag": "1", "lastModified": "2026-11-20T09:00:04.000Z"}),
    ] {
        assert_ne!(one, case(&other), "{other}");
    }
}

#[test]
fn without_a_version_every_upload_is_its_own_case() {
    let first = json!({"key": "k", "versionId": "", "eTag": "a", "lastModified": "2026-11-20T09:00:04.000Z"});
    let same = json!({"key": "k", "eTag": "\"a\"", "lastModified": "2026-11-20T09:00:04Z"});
    let again = json!({"key": "k", "eTag": "a", "lastModified": "2026-11-20T10:30:00Z"});
    assert_eq!(case(&first), case(&same));
    assert_ne!(case(&first), case(&again));
}
