//! The key that evidence, secrets and notifications are encrypted with.

use aws_sdk_kms::{Client, types::KeyState};

use super::{Patient, compare};
use crate::check::{Check, chain};

/// Looks at a key of the stack: whether it can be used, by whom, and whether it is renewed every year.
pub(super) async fn check(patient: &Patient<'_>, name: &str, id: &str) -> anyhow::Result<Check> {
    let what = format!("key {name}");
    let client = Client::new(&patient.account.aws);
    let region = &patient.account.region;
    let state = match client.describe_key().key_id(id).send().await {
        Ok(answer) => answer.key_metadata.and_then(|key| key.key_state),
        Err(error) => {
            return Ok(Check::fails(what, chain(&error), "allow kms:DescribeKey on the key to your identity"));
        }
    };
    Ok(match state {
        Some(KeyState::PendingDeletion) => Check::fails(
            what,
            "it is scheduled for deletion, after which no report, no decision and no secret can be read any more",
            format!(
                "`aws kms cancel-key-deletion --key-id {id} --region {region}`, then `aws kms enable-key --key-id {id} \
                 --region {region}`, and find out in CloudTrail who did it"
            ),
        ),
        Some(KeyState::Enabled) => {
            let policy = patient.template.properties(name)?;
            let policy = compare::at(&policy, &["KeyPolicy"]);
            let mut wrong = match client.get_key_policy().key_id(id).send().await {
                Ok(answer) => compare::policy(policy, answer.policy().unwrap_or_default()),
                Err(error) => vec![chain(&error)],
            };
            match client.get_key_rotation_status().key_id(id).send().await {
                Ok(answer) if answer.key_rotation_enabled() => {}
                Ok(_) => wrong.push("it is not renewed every year".to_owned()),
                Err(error) => wrong.push(chain(&error)),
            }
            Check::that(&what, wrong, super::BY_HAND)
        }
        state => Check::fails(
            what,
            format!(
                "it is {}, so nothing can be encrypted or read",
                state.map_or("of no state".to_owned(), |s| s.to_string())
            ),
            format!("`aws kms enable-key --key-id {id} --region {region}`"),
        ),
    })
}
