use serde_json::{Value, json};

use super::*;

const QUARANTINE: &str = "acme-quarantine";

fn policy() -> Policy {
    Policy {
        credentials: Action::Auto,
        custom_identifier: Action::Review,
        financial: Action::Auto,
        multiple: Action::Review,
        personal: Action::Ignore,
        min_severity: Severity::Medium,
        second_approver: SecondApprover::None,
        policy_findings: PolicyFindings::Show,
        sources: Sources { account_id: "111122223333".into(), bucket_pattern: "acme*".into() },
        quarantine_bucket: QUARANTINE.into(),
    }
}

/// A finding about an object, with these fields changed.
fn finding(kind: &str, changes: &Value) -> Finding {
    let mut finding = json!({
        "id": "f1", "type": kind, "category": "CLASSIFICATION", "severity": {"score": 3},
        "resourcesAffected": {
            "s3Bucket": {"name": "acme-uploads"},
            "s3Object": {"key": "k", "versionId": "v1", "eTag": "e1"},
        },
    });
    for (name, value) in changes.as_object().unwrap() {
        finding[name] = value.clone();
    }
    serde_json::from_value(finding).unwrap()
}

#[test]
fn decides_by_type_and_configuration() {
    let below = |severity| Decision::Ignore(Reason::BelowMinimum { severity, minimum: Severity::Medium });
    let object = |bucket: &str, object: Value| json!({"s3Bucket": {"name": bucket}, "s3Object": object});
    for (kind, changes, expected) in [
        ("SensitiveData:S3Object/Credentials", json!({}), Decision::Remediate),
        ("SensitiveData:S3Object/CustomIdentifier", json!({}), Decision::Review),
        ("SensitiveData:S3Object/Financial", json!({}), Decision::Remediate),
        ("SensitiveData:S3Object/Multiple", json!({}), Decision::Review),
        ("SensitiveData:S3Object/Personal", json!({}), Decision::Ignore(Reason::Configured)),
        // Not known yet: for a person.
        ("SensitiveData:S3Object/Medical", json!({}), Decision::Review),
        ("", json!({}), Decision::Review),
        // Severity.
        ("SensitiveData:S3Object/Financial", json!({"severity": {"score": 2}}), Decision::Remediate),
        ("SensitiveData:S3Object/Financial", json!({"severity": {"score": 1}}), below(Severity::Low)),
        ("SensitiveData:S3Object/Medical", json!({"severity": {"score": 1}}), below(Severity::Low)),
        ("SensitiveData:S3Object/Financial", json!({"severity": null}), Decision::Review),
        // Never acted on.
        ("SensitiveData:S3Object/Financial", json!({"sample": true}), Decision::Ignore(Reason::Sample)),
        ("SensitiveData:S3Object/Financial", json!({"archived": true}), Decision::Ignore(Reason::Archived)),
        (
            "SensitiveData:S3Object/Financial",
            json!({"resourcesAffected": object(QUARANTINE, json!({"key": "k", "eTag": "e"}))}),
            Decision::Ignore(Reason::QuarantineBucket),
        ),
        (
            "SensitiveData:S3Object/Financial",
            json!({"resourcesAffected": object("acme", json!(null))}),
            Decision::Ignore(Reason::NotAnObject),
        ),
        // Shown without a button.
        (
            "SensitiveData:S3Object/Financial",
            json!({"resourcesAffected": object("acme", json!({"key": "k", "versionId": "", "eTag": ""}))}),
            Decision::Inform(Why::Unpinned),
        ),
        // With versioning suspended, that is whatever was uploaded last.
        (
            "SensitiveData:S3Object/Financial",
            json!({"resourcesAffected": object("acme", json!({"key": "k", "versionId": "null", "eTag": ""}))}),
            Decision::Inform(Why::Unpinned),
        ),
        ("Policy:IAMUser/S3BucketPublic", json!({"category": "POLICY"}), Decision::ShowBucket),
        ("Policy:IAMUser/S3BucketNew", json!({"category": "POLICY"}), Decision::ShowBucket),
        ("Policy:IAMUser/S3BucketPublic", json!({"sample": true}), Decision::Ignore(Reason::Sample)),
        ("Policy:IAMUser/S3BucketPublic", json!({"severity": {"score": 1}}), below(Severity::Low)),
        // A quarantine that anybody can read.
        (
            "Policy:IAMUser/S3BucketPublic",
            json!({"resourcesAffected": object(QUARANTINE, json!(null))}),
            Decision::ShowBucket,
        ),
        (
            "Policy:IAMUser/S3BucketPublic",
            json!({"resourcesAffected": object(QUARANTINE, json!(null)), "archived": true}),
            Decision::Ignore(Reason::Archived),
        ),
    ] {
        assert_eq!(decide(&finding(kind, &changes), &policy()), expected, "{kind} {changes}");
    }
}

#[test]
fn an_object_known_by_its_etag_alone_can_be_moved() {
    let resources = json!({"s3Bucket": {"name": "acme"}, "s3Object": {"key": "k", "versionId": "", "eTag": "e"}});
    let finding = finding("SensitiveData:S3Object/Financial", &json!({"resourcesAffected": resources}));
    assert_eq!(decide(&finding, &policy()), Decision::Remediate);
}

#[test]
fn configuration_is_never_guessed() {
    for text in ["auto", "Auto", "AUTO ", "YES", ""] {
        assert_eq!(text.parse::<Action>().unwrap_err().to_string(), "must be AUTO, REVIEW or IGNORE", "{text}");
    }
    for text in ["high", "HGIH", "3", ""] {
        assert_eq!(text.parse::<Severity>().unwrap_err().to_string(), "must be LOW, MEDIUM or HIGH", "{text}");
    }
    for text in ["none", "MEDIUM", "TRUE", ""] {
        assert_eq!(text.parse::<SecondApprover>().unwrap_err().to_string(), "must be NONE or HIGH", "{text}");
    }
    assert_eq!("IGNORE".parse(), Ok(Action::Ignore));
    assert_eq!("HIGH".parse(), Ok(SecondApprover::High));
    assert_eq!("MEDIUM".parse(), Ok(Severity::Medium));
}

#[test]
fn reasons_read_as_the_end_of_a_sentence() {
    let reason = Reason::BelowMinimum { severity: Severity::Low, minimum: Severity::High };
    assert_eq!(reason.to_string(), "its severity Low is below the minimum High");
}

#[test]
fn two_people_are_asked_for_high_findings_and_only_if_the_deployment_says_so() {
    for (score, by_high) in [(json!(3), true), (json!(2), false), (json!(1), false), (json!(null), false)] {
        let finding = finding("SensitiveData:S3Object/Personal", &json!({"severity": {"score": score}}));
        assert_eq!(SecondApprover::High.is_needed(&finding), by_high, "{score}");
        assert!(!SecondApprover::None.is_needed(&finding), "{score}");
    }
}

#[test]
fn what_the_remediator_may_not_reach_is_shown_without_a_button() {
    let bucket = |name: &str| json!({"s3Bucket": {"name": name}, "s3Object": {"key": "k", "versionId": "v"}});
    for (changes, expected) in [
        (json!({"accountId": "111122223333"}), Decision::Remediate),
        (json!({"accountId": "444455556666"}), Decision::Inform(Why::OtherAccount)),
        (json!({"resourcesAffected": bucket("other-uploads")}), Decision::Inform(Why::OutsideSources)),
    ] {
        assert_eq!(decide(&finding("SensitiveData:S3Object/Financial", &changes), &policy()), expected, "{changes}");
    }
}

#[test]
fn a_star_stands_for_any_end_of_a_name() {
    for (pattern, name, expected) in [
        ("*", "acme", true),
        ("acme", "acme", true),
        ("acme", "acme-2", false),
        ("acme-*", "acme-inbox", true),
        ("acme-*", "acme", false),
        ("acme-*", "acme-", true),
        ("*-inbox", "acme-inbox", false),
    ] {
        assert_eq!(matches_pattern(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn findings_about_buckets_can_be_ignored() {
    let policy = Policy { policy_findings: PolicyFindings::Ignore, ..policy() };
    let finding = finding("Policy:IAMUser/S3BucketPublic", &json!({"category": "POLICY"}));
    assert_eq!(decide(&finding, &policy), Decision::Ignore(Reason::Configured));
    assert_eq!("show".parse::<PolicyFindings>().unwrap_err().to_string(), "must be SHOW or IGNORE");
}
