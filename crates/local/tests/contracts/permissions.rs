//! What the functions call, and what their roles grant.

use std::collections::BTreeSet;

use yaml_rust2::Yaml;

use crate::{FUNCTIONS, keys, sources, template, texts};

/// The calls in the code that need an action: either spelling may stand in a function or in the part of `platform`
/// that it uses.
const CALLS: [(&str, &[&str]); 33] = [
    ("codebuild:BatchGetBuilds", &["batch_get_builds()"]),
    ("lambda:InvokeFunction", &[".invoke()"]),
    ("logs:GetLogEvents", &["get_log_events()"]),
    ("macie2:GetFindings", &["get_findings()"]),
    ("s3:AbortMultipartUpload", &["abort_multipart_upload()"]),
    ("s3:DeleteObject", &["delete_object()"]),
    ("s3:DeleteObjectVersion", &["delete_object()"]),
    (
        "s3:GetObject",
        &["get_object()", "head_object()", "copy_object()", "upload_part_copy()", "records.read", ".read("],
    ),
    ("s3:GetObjectAttributes", &["get_object_attributes()", "head_object()"]),
    ("s3:GetObjectLegalHold", &["get_object_legal_hold()", "head_object()"]),
    ("s3:GetObjectRetention", &["get_object_retention()", "head_object()"]),
    ("s3:GetObjectTagging", &["get_object_tagging()", "copy_object()"]),
    ("s3:GetObjectVersion", &["head_object()", "copy_object()", "upload_part_copy()"]),
    ("s3:GetObjectVersionAttributes", &["get_object_attributes()"]),
    ("s3:GetObjectVersionTagging", &["get_object_tagging()", "copy_object()"]),
    ("s3:ListBucket", &["get_object()", "head_object()", "records.read", ".read("]),
    ("s3:ListBucketVersions", &["list_object_versions()"]),
    ("s3:ListMultipartUploadParts", &["list_parts()"]),
    ("s3:PutObject", &["put_object()", "copy_object()", "create_multipart_upload()", ".create(", ".replace("]),
    ("s3:PutObjectTagging", &["copy_object()", "create_multipart_upload()"]),
    ("secretsmanager:GetSecretValue", &["secrets", "SecretStore"]),
    ("ses:SendEmail", &["send_email()"]),
    ("sns:Publish", &[".publish()"]),
    ("states:SendTaskFailure", &["task::fail("]),
    ("states:SendTaskSuccess", &["task::succeed("]),
    // Lambda itself needs these for the function; no code calls them.
    ("logs:CreateLogStream", &["main"]),
    ("logs:PutLogEvents", &["main"]),
    ("sqs:ChangeMessageVisibility", &["batchItemFailures", "batch_item_failures"]),
    ("sqs:DeleteMessage", &["batchItemFailures", "batch_item_failures"]),
    ("sqs:GetQueueAttributes", &["batchItemFailures", "batch_item_failures"]),
    ("sqs:ReceiveMessage", &["batchItemFailures", "batch_item_failures"]),
    // The role of FindingRemediator delivers its failures to the queue.
    ("sqs:SendMessage", &["FindingRemediator", "finding_remediator"]),
    ("kms:Decrypt", &["s3"]),
];

/// Every call of an AWS client in the functions, and the actions of which one must be granted.
const NEEDS: [(&str, &str); 18] = [
    ("batch_get_builds()", "codebuild:BatchGetBuilds"),
    (".invoke()", "lambda:InvokeFunction"),
    ("get_log_events()", "logs:GetLogEvents"),
    ("get_findings()", "macie2:GetFindings"),
    ("abort_multipart_upload()", "s3:AbortMultipartUpload"),
    ("delete_object()", "s3:DeleteObjectVersion"),
    ("delete_object()", "s3:DeleteObject"),
    ("get_object_tagging()", "s3:GetObjectVersionTagging"),
    ("copy_object()", "s3:GetObjectVersion"),
    ("copy_object()", "s3:PutObject"),
    ("upload_part_copy()", "s3:PutObject"),
    ("list_object_versions()", "s3:ListBucketVersions"),
    ("SecretStore", "secretsmanager:GetSecretValue"),
    ("send_email()", "ses:SendEmail"),
    (".publish()", "sns:Publish"),
    ("task::fail(", "states:SendTaskFailure"),
    ("task::succeed(", "states:SendTaskSuccess"),
    ("records.create(", "s3:PutObject"),
];

/// The actions that a role's own policies allow, with their statements.
fn granted(role: &Yaml) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for policy in role["Properties"]["Policies"].as_vec().into_iter().flatten() {
        for statement in statements(&policy["PolicyDocument"]["Statement"]) {
            assert!(statement["Sid"].as_str().is_some(), "a statement has no Sid: {statement:?}");
            if statement["Effect"].as_str() == Some("Allow") {
                for action in texts(&statement["Action"]) {
                    assert!(!action.contains('*'), "a role may {action}");
                    actions.insert(action);
                }
            }
        }
    }
    actions
}

/// Statements may stand in a condition (`!If [HasX, {…}, …]`).
fn statements(yaml: &Yaml) -> Vec<&Yaml> {
    match yaml {
        Yaml::Array(items) => items.iter().flat_map(statements).collect(),
        Yaml::Hash(_) => vec![yaml],
        _ => Vec::new(),
    }
}

fn unused(code: &str, granted: &BTreeSet<String>) -> Vec<String> {
    let used = |action: &String| match CALLS.iter().find(|(name, _)| name == action) {
        Some((_, calls)) => calls.iter().any(|call| code.contains(call)),
        // Encryption goes with whatever is encrypted.
        None => action.starts_with("kms:"),
    };
    granted.iter().filter(|action| !used(action)).cloned().collect()
}

fn missing(code: &str, granted: &BTreeSet<String>) -> Vec<&'static str> {
    let needed = NEEDS.iter().filter(|(call, _)| code.contains(call)).map(|(_, action)| *action);
    needed.filter(|action| !granted.contains(*action)).collect()
}

fn code_and_grants() -> Vec<(&'static str, String, BTreeSet<String>)> {
    let function = |(krate, name, logical): (&'static str, &str, &str)| {
        let code = sources(krate).into_iter().map(|(_, code)| code).collect();
        let template = template(name);
        assert!(keys(&template["Resources"]).contains(&format!("{logical}Role")), "{logical} has no role of its own");
        (krate, code, granted(&template["Resources"][format!("{logical}Role").as_str()]))
    };
    FUNCTIONS.into_iter().map(function).collect()
}

#[test]
fn every_role_grants_what_its_function_calls_and_nothing_else() {
    for (krate, code, granted) in code_and_grants() {
        assert_eq!(unused(&code, &granted), Vec::<String>::new(), "{krate} does not use");
        assert_eq!(missing(&code, &granted), Vec::<&str>::new(), "{krate} lacks");
    }
}

/// The test above can fail: a grant taken away or added is noticed.
#[test]
fn a_grant_more_or_less_is_noticed() {
    for (krate, code, granted) in code_and_grants() {
        let mut more = granted.clone();
        more.insert("s3:PutBucketPolicy".to_owned());
        assert_eq!(unused(&code, &more), ["s3:PutBucketPolicy"], "{krate}");
        let needed: BTreeSet<_> =
            NEEDS.iter().filter(|(call, _)| code.contains(call)).map(|(_, action)| *action).collect();
        for action in needed {
            let mut less = granted.clone();
            assert!(less.remove(action), "{krate}: {action}");
            assert!(missing(&code, &less).contains(&action), "{krate}: {action}");
        }
    }
}
