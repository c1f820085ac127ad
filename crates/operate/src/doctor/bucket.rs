//! The buckets: versions kept, nothing public, and every refusal of the template's policy in force.

use std::collections::BTreeSet;

use aws_sdk_s3::{Client, types::BucketVersioningStatus};
use serde_json::Value;

use super::Patient;
use crate::check::{Check, chain};

/// Looks at every bucket of the stack.
pub(super) async fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let s3 = Client::new(&patient.account.aws);
    let mut checks = Vec::new();
    for (name, (kind, bucket)) in &patient.resources {
        if kind == "AWS::S3::Bucket" {
            let wrong = wrong(&s3, bucket, &refusals(&patient.template, name)).await;
            checks.push(Check::that(
                &format!("bucket {name}"),
                (!wrong.is_empty()).then(|| format!("{bucket}: {}", wrong.join("; "))),
                "somebody changed it by hand: set it as the template says (CloudFormation's drift detection shows the \
                 difference), and find out in CloudTrail who did it and why",
            ));
        }
    }
    checks
}

async fn wrong(s3: &Client, bucket: &str, refusals: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    match s3.get_bucket_versioning().bucket(bucket).send().await {
        Ok(answer) if answer.status() == Some(&BucketVersioningStatus::Enabled) => {}
        Ok(_) => wrong.push("versioning is off, so an overwritten object is lost".to_owned()),
        // The bucket itself is gone, or nobody may look: the other questions would say the same.
        Err(error) => return vec![chain(&error)],
    }
    match s3.get_public_access_block().bucket(bucket).send().await {
        Ok(answer) => {
            let block = answer.public_access_block_configuration;
            let all = block.is_some_and(|block| {
                block.block_public_acls() == Some(true)
                    && block.ignore_public_acls() == Some(true)
                    && block.block_public_policy() == Some(true)
                    && block.restrict_public_buckets() == Some(true)
            });
            if !all {
                wrong.push("public access is not blocked".to_owned());
            }
        }
        Err(_) => wrong.push("public access is not blocked".to_owned()),
    }
    let policy = match s3.get_bucket_policy().bucket(bucket).send().await {
        Ok(answer) => answer.policy.unwrap_or_default(),
        Err(_) => String::new(),
    };
    wrong.extend(missing(&policy, refusals));
    wrong
}

/// What the template refuses and the policy does not.
fn missing(policy: &str, refusals: &BTreeSet<String>) -> Option<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = policy.get("Statement").and_then(Value::as_array).cloned().unwrap_or_default();
    let refused: BTreeSet<&str> = statements
        .iter()
        .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Deny"))
        .filter_map(|statement| statement.get("Sid").and_then(Value::as_str))
        .collect();
    let missing: Vec<&str> = refusals.iter().map(String::as_str).filter(|sid| !refused.contains(sid)).collect();
    (!missing.is_empty()).then(|| format!("its policy lacks {}", missing.join(", ")))
}

/// The names of the statements with which the template's policy for a bucket refuses something.
///
/// Reads our own templates, in which a statement's `Sid` stands before its `Effect`.
fn refusals(template: &str, bucket: &str) -> BTreeSet<String> {
    let head = format!("  {bucket}Policy:");
    let block = template.lines().skip_while(|line| *line != head).skip(1);
    let block =
        block.take_while(|line| line.is_empty() || line.starts_with("   ") || line.trim_start().starts_with('#'));
    let mut sid = "";
    let mut found = BTreeSet::new();
    for line in block {
        let line = line.trim().trim_start_matches("- ");
        if let Some(name) = line.strip_prefix("Sid: ") {
            sid = name;
        } else if line == "Effect: Deny" {
            found.insert(sid.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../../templates/macie-remediation.yml");

    #[test]
    fn knows_what_the_template_refuses() {
        let refusals = refusals(TEMPLATE, "QuarantineBucket");
        for sid in ["LetNobodyElseReadWhatIsQuarantined", "NeverOverwriteClaimsBlindly", "RefuseUnencryptedConnections"]
        {
            assert!(refusals.contains(sid), "{refusals:?}");
        }
        assert!(!refusals.contains("LetTheInvestigatorRead"));
    }

    #[test]
    fn misses_a_refusal_that_somebody_turned_round() {
        let refusals = BTreeSet::from(["A".to_owned(), "B".to_owned()]);
        let policy = r#"{"Statement":[{"Sid":"A","Effect":"Deny"},{"Sid":"B","Effect":"Allow"}]}"#;
        assert_eq!(missing(policy, &refusals).unwrap(), "its policy lacks B");
        assert_eq!(missing("", &refusals).unwrap(), "its policy lacks A, B");
        assert_eq!(missing(r#"{"Statement":[{"Sid":"A","Effect":"Deny"}]}"#, &["A".to_owned()].into()), None);
    }
}
