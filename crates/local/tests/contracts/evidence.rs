use std::collections::BTreeSet;

use domain::scan::{
    decision::{DECISION, MAIL},
    report::{FAILED, NOTIFIED, REPORT, TASK},
};
use yaml_rust2::Yaml;

use crate::{template, texts};

/// The statements of a policy in `app-security.yml`.
fn statements(resource: &str) -> Vec<Yaml> {
    let template = template("app-security.yml");
    let properties = &template["Resources"][resource]["Properties"];
    let document = match &properties["PolicyDocument"] {
        Yaml::BadValue => &properties["Policies"][0]["PolicyDocument"],
        document => document,
    };
    document["Statement"].as_vec().unwrap().clone()
}

/// The places in the evidence bucket for which a role has this permission.
fn places(role: &str, action: &str) -> BTreeSet<String> {
    let allowed = statements(role);
    let allowed = allowed.iter().filter(|statement| texts(&statement["Action"]).contains(&action.to_owned()));
    let resources = allowed.flat_map(|statement| texts(&statement["Resource"]));
    resources.filter_map(|place| place.strip_prefix("${EvidenceBucket.Arn}/").map(str::to_owned)).collect()
}

fn records(names: &[&str], others: &[&str]) -> BTreeSet<String> {
    let records = names.iter().map(|name| format!("scans/*/{name}"));
    records.chain(others.iter().map(|place| format!("{place}/*"))).collect()
}

#[test]
fn each_function_writes_its_own_records_only() {
    let others = ["projects", "uploads"];
    let own = [REPORT, TASK, NOTIFIED, FAILED];
    assert_eq!(places("CheckBuildStatusRole", "s3:PutObject"), records(&own, &others));
    let read = [REPORT, DECISION, NOTIFIED, FAILED];
    assert_eq!(places("CheckBuildStatusRole", "s3:GetObject"), records(&read, &others));
    assert_eq!(places("ApprovalRole", "s3:PutObject"), records(&[DECISION, MAIL], &[]));
    assert_eq!(places("ApprovalRole", "s3:GetObject"), records(&[REPORT, TASK, DECISION, MAIL], &["uploads"]));
}

#[test]
fn nobody_else_writes_a_record_and_nobody_deletes_one() {
    let policy = statements("EvidenceBucketPolicy");
    let denied = |action: &str, place: &str| {
        let found = policy.iter().find(|statement| {
            statement["Effect"].as_str() == Some("Deny")
                && texts(&statement["Principal"]) == ["*"]
                && texts(&statement["Action"]).contains(&action.to_owned())
                && texts(&statement["Resource"]) == [format!("${{EvidenceBucket.Arn}}/{place}")]
        });
        found.unwrap_or_else(|| panic!("{action} is not denied"))
    };
    let writers = &denied("s3:PutObject", "*")["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
    assert_eq!(texts(writers), ["ScanRole.Arn", "CheckBuildStatusRole.Arn", "ApprovalRole.Arn"]);
    assert_eq!(places("ScanRole", "s3:PutObject"), BTreeSet::from(["builds/*".to_owned()]));
    for action in ["s3:DeleteObject", "s3:DeleteObjectVersion"] {
        assert!(denied(action, "*")["Condition"].is_badvalue(), "{action} is allowed under a condition");
    }
    // It lets an execution go on, and a scan expire.
    let readers = &denied("s3:GetObject", &format!("scans/*/{TASK}"))["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
    assert_eq!(texts(readers), ["ApprovalRole.Arn"]);
}
