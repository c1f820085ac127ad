//! The places in the quarantine bucket: who reads and who writes where. A permission that has grown wider than its
//! function's work is used all the same, so only a list notices it.

use std::collections::BTreeSet;

use yaml_rust2::Yaml;

use crate::{template, texts};

/// Statements may stand in a condition (`!If [HasX, {…}, …]`).
fn flat(yaml: &Yaml) -> Vec<Yaml> {
    match yaml {
        Yaml::Array(items) => items.iter().flat_map(flat).collect(),
        Yaml::Hash(_) => vec![yaml.clone()],
        _ => Vec::new(),
    }
}

/// The statements of a role, or of the bucket's policy.
fn statements(resource: &str) -> Vec<Yaml> {
    let template = template("macie-remediation.yml");
    let properties = &template["Resources"][resource]["Properties"];
    match properties["Policies"].as_vec() {
        Some(policies) => policies.iter().flat_map(|policy| flat(&policy["PolicyDocument"]["Statement"])).collect(),
        None => flat(&properties["PolicyDocument"]["Statement"]),
    }
}

/// The places of the bucket that a role may do this to, below the bucket.
fn places(role: &str, action: &str) -> BTreeSet<String> {
    let allowed = statements(role).into_iter().filter(|statement| {
        statement["Effect"].as_str() == Some("Allow") && texts(&statement["Action"]).contains(&action.to_owned())
    });
    let resources = allowed.flat_map(|statement| texts(&statement["Resource"]));
    resources.filter_map(|place| place.strip_prefix("${QuarantineBucket.Arn}/").map(str::to_owned)).collect()
}

fn set(places: &[&str]) -> BTreeSet<String> {
    places.iter().map(|&place| place.to_owned()).collect()
}

#[test]
fn the_handlers_reach_records_only() {
    let kept = ["digests/*", "auto/*", "breaker/*"];
    assert_eq!(places("FindingHandlerRole", "s3:GetObject"), set(&[&kept[..], &["cases/*"]].concat()));
    assert_eq!(places("FindingHandlerRole", "s3:PutObject"), set(&[&kept[..], &["cases/*/shown.json"]].concat()));
    let read = places("RemediationHandlerRole", "s3:GetObject");
    assert!(read.iter().all(|place| place.starts_with("cases/") || place.starts_with("digests/")), "{read:?}");
    let written = places("RemediationHandlerRole", "s3:PutObject");
    assert!(written.contains("cases/*/claim.json"));
    assert!(
        written.iter().all(|place| place.starts_with("cases/*/") || place == "digests/*/listed/*"),
        "RemediationHandler writes {written:?}"
    );
    for role in ["FindingHandlerRole", "RemediationHandlerRole"] {
        for action in ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:GetObjectTagging"] {
            assert_eq!(places(role, action), set(&[]), "{role} {action}");
        }
    }
}

#[test]
fn only_the_remediator_and_the_investigator_read_what_is_quarantined() {
    let policy = statements("QuarantineBucketPolicy");
    let denied = policy.iter().find(|statement| {
        statement["Effect"].as_str() == Some("Deny")
            && texts(&statement["Action"]).contains(&"s3:GetObject".to_owned())
            && texts(&statement["Resource"]) == ["${QuarantineBucket.Arn}/objects/*"]
    });
    let readers = texts(&denied.unwrap()["Condition"]["ArnNotLike"]["aws:PrincipalArn"]);
    let readers: BTreeSet<_> =
        readers.into_iter().filter(|name| name.ends_with(".Arn") || name.ends_with("Arn")).collect();
    assert_eq!(readers, set(&["FindingRemediatorRole.Arn", "InvestigatorRoleArn"]));
    assert_eq!(places("FindingRemediatorRole", "s3:DeleteObjectVersion"), set(&["objects/*"]));
}
