//! What the functions' code calls, and what their roles grant, by action.
//!
//! The end-to-end tests hold every recorded call against the deployed policies, with resources and conditions. This one
//! sees the calls that no story makes: those on paths where something has failed.

use std::collections::{BTreeMap, BTreeSet};

use yaml_rust2::Yaml;

use crate::{FUNCTIONS, keys, sources, template, texts};

/// A call in a function's code, the actions that it needs, and those that it needs for some objects only.
const CALLS: [(&str, &[&str], &[&str]); 30] = [
    ("batch_get_builds()", &["codebuild:BatchGetBuilds"], &[]),
    ("invoke::start(", &["lambda:InvokeFunction"], &[]),
    ("execution::", &["states:DescribeExecution"], &[]),
    ("get_log_events()", &["logs:GetLogEvents"], &[]),
    ("get_findings()", &["macie2:GetFindings"], &[]),
    ("abort_multipart_upload()", &["s3:AbortMultipartUpload"], &[]),
    ("delete_object()", &["s3:DeleteObject", "s3:DeleteObjectVersion"], &[]),
    (
        "head_object()",
        &["s3:GetObject", "s3:ListBucket"],
        &["s3:GetObjectVersion", "s3:GetObjectLegalHold", "s3:GetObjectRetention"],
    ),
    (
        "copy_object()",
        &["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectTagging"],
        &["s3:GetObjectTagging", "s3:GetObjectVersionTagging"],
    ),
    ("upload_part_copy()", &["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], &[]),
    ("create_multipart_upload()", &["s3:PutObject"], &["s3:PutObjectTagging"]),
    ("get_object_tagging()", &["s3:GetObjectTagging", "s3:GetObjectVersionTagging"], &[]),
    ("list_object_versions()", &["s3:ListBucketVersions"], &[]),
    ("get_public_access_block()", &["s3:GetBucketPublicAccessBlock"], &[]),
    ("put_public_access_block()", &["s3:PutBucketPublicAccessBlock"], &[]),
    ("get_bucket_encryption()", &["s3:GetEncryptionConfiguration"], &[]),
    ("put_bucket_encryption()", &["s3:PutEncryptionConfiguration"], &[]),
    ("records.read", &["s3:GetObject", "s3:ListBucket"], &[]),
    ("records.list(", &["s3:ListBucket"], &[]),
    ("records.create(", &["s3:PutObject"], &[]),
    ("records.replace(", &["s3:PutObject"], &[]),
    ("records.write_if(", &["s3:PutObject"], &[]),
    ("SecretStore", &["secretsmanager:GetSecretValue"], &[]),
    ("send_message()", &["sqs:SendMessage"], &[]),
    ("send_email()", &["ses:SendEmail"], &[]),
    (".publish()", &["sns:Publish"], &[]),
    ("task::fail(", &["states:SendTaskFailure"], &[]),
    ("task::succeed(", &["states:SendTaskSuccess"], &[]),
    // Lambda needs these for the function: to write its log, and to take from a queue.
    ("platform::", &["logs:CreateLogStream", "logs:PutLogEvents"], &[]),
    ("batch_item_failures", &["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], &[]),
];

/// What a role grants for something that is not in the function's code.
const NOT_IN_CODE: [(&str, &str, &str); 12] = [
    ("finding-remediator", "kms:Decrypt", "objects and records may be encrypted"),
    ("finding-remediator", "kms:GenerateDataKey", "objects and records may be encrypted"),
    ("finding-handler", "kms:Decrypt", "records may be encrypted"),
    ("finding-handler", "kms:GenerateDataKey", "records may be encrypted"),
    ("remediation-handler", "kms:Decrypt", "records may be encrypted"),
    ("remediation-handler", "kms:GenerateDataKey", "records may be encrypted"),
    ("finding-remediator", "sqs:SendMessage", "Lambda puts what became of a remediation into the queue"),
    ("check-build-status", "kms:Decrypt", "records, notifications and the token are encrypted"),
    ("check-build-status", "kms:GenerateDataKey", "records and notifications are encrypted"),
    ("check-build-status", "sqs:SendMessage", "Lambda keeps the news that the function could not handle"),
    ("approval", "kms:Decrypt", "records and notifications are encrypted"),
    ("approval", "kms:GenerateDataKey", "records and notifications are encrypted"),
];

/// The actions that a role's policies allow: its own, and those that are put on it.
fn granted(resources: &Yaml, role: &str) -> BTreeSet<String> {
    let own = resources[role]["Properties"]["Policies"].as_vec().into_iter().flatten();
    let put = resources.as_hash().into_iter().flatten().map(|(_, resource)| resource).filter(|resource| {
        resource["Type"].as_str() == Some("AWS::IAM::Policy")
            && texts(&resource["Properties"]["Roles"]).contains(&role.to_owned())
    });
    let policies = own.chain(put.map(|resource| &resource["Properties"]));
    let statements = policies.flat_map(|policy| statements(&policy["PolicyDocument"]["Statement"]));
    let allowing = statements.filter(|statement| statement["Effect"].as_str() == Some("Allow"));
    allowing.flat_map(|statement| texts(&statement["Action"])).collect()
}

/// Statements may stand in a condition (`!If [HasX, {…}, …]`).
fn statements(yaml: &Yaml) -> Vec<&Yaml> {
    match yaml {
        Yaml::Array(items) => items.iter().flat_map(statements).collect(),
        Yaml::Hash(_) => vec![yaml],
        _ => Vec::new(),
    }
}

fn functions() -> Vec<(&'static str, String, BTreeSet<String>)> {
    let function = |(krate, name, logical): (&'static str, &str, &str)| {
        let code = sources(krate).into_iter().map(|(_, code)| code).collect();
        let template = template(name);
        let role = format!("{logical}Role");
        assert!(keys(&template["Resources"]).contains(&role), "{logical} has no role of its own");
        (krate, code, granted(&template["Resources"], &role))
    };
    FUNCTIONS.into_iter().map(function).collect()
}

fn missing(code: &str, granted: &BTreeSet<String>) -> Vec<&'static str> {
    let made = CALLS.iter().filter(|(call, ..)| code.contains(call));
    made.flat_map(|(_, needed, _)| *needed).copied().filter(|action| !granted.contains(*action)).collect()
}

fn unneeded(krate: &str, code: &str, granted: &BTreeSet<String>) -> Vec<String> {
    let made = CALLS.iter().filter(|(call, ..)| code.contains(call));
    let mut needed: BTreeSet<&str> =
        made.flat_map(|(_, needed, sometimes)| needed.iter().chain(*sometimes)).copied().collect();
    needed.extend(NOT_IN_CODE.iter().filter(|(of, ..)| *of == krate).map(|(_, action, _)| *action));
    granted.iter().filter(|action| !needed.contains(action.as_str())).cloned().collect()
}

#[test]
fn every_call_in_the_code_is_granted_and_nothing_else() {
    for (krate, code, granted) in functions() {
        assert_eq!(missing(&code, &granted), Vec::<&str>::new(), "{krate} calls what its role does not grant");
        assert_eq!(
            unneeded(krate, &code, &granted),
            Vec::<String>::new(),
            "{krate} does not call what its role grants"
        );
    }
}

/// The test above can fail: each grant that is taken away is missed, and one that is added is seen.
#[test]
fn a_grant_more_or_less_is_noticed() {
    for (krate, code, granted) in functions() {
        let mut more = granted.clone();
        more.insert("s3:PutBucketPolicy".to_owned());
        assert_eq!(unneeded(krate, &code, &more), ["s3:PutBucketPolicy"], "{krate}");
        for action in CALLS.iter().filter(|(call, ..)| code.contains(call)).flat_map(|(_, needed, _)| *needed) {
            let mut less = granted.clone();
            assert!(less.remove(*action), "{krate}: {action}");
            assert!(missing(&code, &less).contains(action), "{krate}: {action}");
        }
    }
}

/// A line of the tables that nothing stands behind would let a grant through unseen.
#[test]
fn the_tables_of_this_test_have_no_dead_lines() {
    let functions = functions();
    for (call, ..) in CALLS {
        assert!(functions.iter().any(|(_, code, _)| code.contains(call)), "no function calls {call}");
    }
    let of_all: BTreeMap<_, _> = functions.iter().map(|(krate, _, granted)| (*krate, granted)).collect();
    for (krate, action, why) in NOT_IN_CODE {
        assert!(of_all[krate].contains(action), "{krate} does not grant {action} ({why})");
    }
}
