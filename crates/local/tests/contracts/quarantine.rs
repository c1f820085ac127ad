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
    let places_to_read = ["cases/", "digests/", "presses/"];
    assert!(read.iter().all(|place| places_to_read.iter().any(|begin| place.starts_with(begin))), "{read:?}");
    let written = places("RemediationHandlerRole", "s3:PutObject");
    assert!(written.contains("cases/*/claim.json"));
    assert!(
        written.iter().all(|place| {
            place.starts_with("cases/*/") || ["digests/*/listed/*", "presses/*"].contains(&place.as_str())
        }),
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

fn bucket(name: &str) -> Yaml {
    template("macie-remediation.yml")["Resources"][name].clone()
}

/// The statement of the bucket's policy with this name.
fn refusal(sid: &str) -> Yaml {
    let found = statements("QuarantineBucketPolicy").into_iter().find(|one| one["Sid"].as_str() == Some(sid));
    found.unwrap_or_else(|| panic!("the bucket's policy has no {sid}"))
}

/// Whom a refusal leaves out.
fn spared(statement: &Yaml) -> BTreeSet<String> {
    let named = texts(&statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]);
    named.into_iter().filter(|name| name.ends_with("Arn")).collect()
}

#[test]
fn the_quarantine_and_its_log_are_versioned_closed_to_the_public_and_outlive_the_stack() {
    for name in ["QuarantineBucket", "QuarantineLogBucket"] {
        let bucket = bucket(name);
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(bucket[policy].as_str(), Some("Retain"), "{name} {policy}");
        }
        let properties = &bucket["Properties"];
        assert_eq!(properties["VersioningConfiguration"]["Status"].as_str(), Some("Enabled"), "{name}");
        let ownership = &properties["OwnershipControls"]["Rules"][0]["ObjectOwnership"];
        assert_eq!(ownership.as_str(), Some("BucketOwnerEnforced"), "{name}: an ACL could open it");
        let block = &properties["PublicAccessBlockConfiguration"];
        for setting in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
            assert_eq!(block[setting].as_bool(), Some(true), "{name} {setting}");
        }
    }
}

#[test]
fn whoever_reads_the_quarantine_stands_in_a_log_that_only_s3_writes() {
    let log = &bucket("QuarantineBucket")["Properties"]["LoggingConfiguration"];
    assert_eq!(log["DestinationBucketName"].as_str(), Some("QuarantineLogBucket"));
    let prefix = log["LogFilePrefix"].as_str().unwrap();
    let allowed: Vec<Yaml> = statements("QuarantineLogBucketPolicy")
        .into_iter()
        .filter(|statement| statement["Effect"].as_str() == Some("Allow"))
        .collect();
    let [writer] = allowed.as_slice() else { panic!("{allowed:?}") };
    assert_eq!(writer["Principal"]["Service"].as_str(), Some("logging.s3.amazonaws.com"));
    assert_eq!(texts(&writer["Action"]), ["s3:PutObject"]);
    assert_eq!(texts(&writer["Resource"]), [format!("${{QuarantineLogBucket.Arn}}/{prefix}*")]);
    assert!(!writer["Condition"]["StringEquals"]["aws:SourceAccount"].is_badvalue(), "another account could write it");
}

#[test]
fn objects_are_forgotten_and_locked_by_parameter_only_and_records_never() {
    let properties = &bucket("QuarantineBucket")["Properties"];
    let mut forgets_objects = 0;
    for rule in properties["LifecycleConfiguration"]["Rules"].as_vec().unwrap() {
        let (condition, rule) = match rule.as_vec() {
            Some(choice) => (choice[0].as_str(), &choice[1]),
            None => (None, rule),
        };
        if rule["ExpirationInDays"].is_badvalue() {
            continue;
        }
        let prefix = rule["Prefix"].as_str().expect("a rule without a prefix deletes the records");
        assert!(!"cases/".starts_with(prefix) && !prefix.starts_with("cases/"), "{prefix} are records");
        if prefix.starts_with("objects/") {
            assert_eq!(condition, Some("ForgetsQuarantinedObjects"));
            assert_eq!(rule["ExpirationInDays"].as_str(), Some("QuarantineRetentionDays"));
            forgets_objects += 1;
        }
    }
    assert_eq!(forgets_objects, 1);
    let lock = properties["ObjectLockConfiguration"].as_vec().unwrap();
    assert_eq!(lock[0].as_str(), Some("LocksQuarantinedObjects"));
    let retention = &lock[1]["Rule"]["DefaultRetention"];
    assert_eq!(
        (retention["Mode"].as_str(), retention["Days"].as_str()),
        (Some("GOVERNANCE"), Some("QuarantineObjectLockDays"))
    );
    assert_eq!(texts(&properties["ObjectLockEnabled"])[0], "LocksQuarantinedObjects");
}

#[test]
fn nobody_but_the_functions_writes_into_the_quarantine_and_nobody_deletes_records() {
    let functions = ["FindingRemediatorRole.Arn", "FindingHandlerRole.Arn", "RemediationHandlerRole.Arn"];
    let put = refusal("LetNobodyElsePutAnythingIn");
    assert_eq!(spared(&put), set(&functions));
    assert!(texts(&put["Action"]).contains(&"s3:PutObject".to_owned()));
    assert_eq!(texts(&put["Resource"]), ["${QuarantineBucket.Arn}/*"]);
    let delete = refusal("LetNobodyElseDeleteWhatIsQuarantined");
    assert_eq!(spared(&delete), set(&["FindingRemediatorRole.Arn"]));
    assert_eq!(texts(&delete["Resource"]), ["${QuarantineBucket.Arn}/*"]);
    let records = refusal("LetNobodyDeleteRecords");
    assert!(records["Condition"].is_badvalue(), "somebody may delete records");
    assert_eq!(texts(&records["Resource"]), ["${QuarantineBucket.Arn}/cases/*"]);
    for refused in [delete, records] {
        for action in ["s3:DeleteObject", "s3:DeleteObjectVersion"] {
            assert!(texts(&refused["Action"]).contains(&action.to_owned()), "{action}");
        }
    }
}

#[test]
fn macie_keeps_to_itself_what_lies_in_the_quarantine_and_tells_when_anybody_can_read_it() {
    let filter = &bucket("QuarantineFindingsFilter")["Properties"];
    assert_eq!(filter["Action"].as_str(), Some("ARCHIVE"));
    let criteria = filter["FindingCriteria"]["Criterion"].as_hash().unwrap();
    let criteria: Vec<(&str, Vec<String>)> =
        criteria.iter().map(|(name, condition)| (name.as_str().unwrap(), texts(&condition["eq"]))).collect();
    let expected = [("category", "CLASSIFICATION"), ("resourcesAffected.s3Bucket.name", "QuarantineBucket")];
    assert_eq!(criteria, expected.map(|(name, value)| (name, vec![value.to_owned()])));
    let pattern = &bucket("FindingRule")["Properties"]["EventPattern"]["detail"];
    let kinds: BTreeSet<_> = pattern["type"].as_vec().unwrap().iter().map(|kind| kind["prefix"].as_str()).collect();
    assert!(kinds.contains(&Some("Policy:")), "{kinds:?}");
}
