//! Other deployments in the account that would act on the same findings.

use anyhow::Context as _;

use crate::{
    account::Account,
    check::Check,
    parameters::{Stack, Values},
};

/// The parameters that decide about a kind of finding.
const ACTIONS: [&str; 5] =
    ["CredentialsAction", "CustomIdentifierAction", "FinancialAction", "MultipleAction", "PersonalAction"];

/// A note for each other stack of this product that remediates the same kinds of findings by itself. EventBridge gives
/// every finding to both: one moves the object, and the other reports that it is gone.
///
/// # Errors
/// CloudFormation does not list the stacks.
pub(super) async fn check(account: &Account, deployment: &str, values: &Values) -> anyhow::Result<Vec<Check>> {
    let own = Stack::MacieRemediation.of(deployment);
    let ours = |name: &str| Stack::MacieRemediation.value(values, name).unwrap_or_default();
    let mut notes = Vec::new();
    let mut pages = aws_sdk_cloudformation::Client::new(&account.aws).describe_stacks().into_paginator().send();
    while let Some(page) = pages.next().await {
        for stack in page.context("look at the other stacks of the account")?.stacks() {
            let name = stack.stack_name().unwrap_or_default();
            let theirs = |key: &str| {
                let parameter = stack.parameters().iter().find(|parameter| parameter.parameter_key() == Some(key));
                parameter.and_then(|parameter| parameter.parameter_value())
            };
            // These two together are in no other template.
            let (Some(_), Some(their_pattern)) = (theirs("CredentialsAction"), theirs("SourceBucketPattern")) else {
                continue;
            };
            if name == own || theirs("AutoRemediationLimit") == Some("0") {
                continue;
            }
            let both = |action: &&str| theirs(action) == Some("AUTO") && ours(action) == "AUTO";
            let both: Vec<&str> = ACTIONS.into_iter().filter(both).collect();
            let overlap = overlap(ours("SourceBucketPattern"), their_pattern);
            if !both.is_empty() && overlap && ours("AutoRemediationLimit") != "0" {
                let words = format!(
                    "the stack {name} acts on the same findings ({}): one of the two moves the object and the other finds \
                     it gone; set them to REVIEW or IGNORE in one of them, or give each its own SourceBucketPattern",
                    both.join(", ")
                );
                notes.push(Check::note("automatic remediation", words));
            }
        }
    }
    Ok(notes)
}

/// Whether a bucket can match both patterns, as far as their beginnings tell.
fn overlap(one: &str, other: &str) -> bool {
    let beginning = |pattern: &str| pattern.split('*').next().unwrap_or_default().to_owned();
    let (one, other) = (beginning(one), beginning(other));
    one.starts_with(&other) || other.starts_with(&one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        parameters::Value,
        scripted::{account, stack, xml},
    };

    async fn notes(theirs: &'static [(&'static str, &'static str)], ours: &[(&str, &str)]) -> Vec<String> {
        let (account, _) = account(move |what, _| {
            let own = stack("demo-macie-remediation", "CREATE_COMPLETE", theirs);
            let other = stack("other-macie-remediation", "CREATE_COMPLETE", theirs);
            let strange = stack("strange", "CREATE_COMPLETE", &[("CredentialsAction", "AUTO")]);
            xml(what, &format!("<Stacks>{own}{other}{strange}</Stacks>"))
        });
        let ours = ours.iter().map(|(name, value)| ((*name).to_owned(), Value::Is((*value).to_owned()))).collect();
        check(&account, "demo", &ours).await.unwrap().iter().map(ToString::to_string).collect()
    }

    const BOTH: &[(&str, &str)] =
        &[("CredentialsAction", "AUTO"), ("FinancialAction", "REVIEW"), ("SourceBucketPattern", "*")];

    #[tokio::test]
    async fn two_that_act_by_themselves_on_the_same_findings_are_told() {
        let found = notes(BOTH, &[]).await;
        assert_eq!(found.len(), 1, "{found:?}");
        let words = "note   automatic remediation: the stack other-macie-remediation acts on the same findings \
                     (CredentialsAction)";
        assert!(found[0].starts_with(words), "{found:?}");
    }

    #[tokio::test]
    async fn two_that_cannot_meet_are_not_told() {
        let nothing = Vec::<String>::new();
        assert_eq!(notes(BOTH, &[("CredentialsAction", "REVIEW")]).await, nothing);
        assert_eq!(notes(BOTH, &[("AutoRemediationLimit", "0")]).await, nothing);
        let apart = &[("CredentialsAction", "AUTO"), ("SourceBucketPattern", "payments-*")];
        assert_eq!(notes(apart, &[("SourceBucketPattern", "logs-*")]).await, nothing);
        assert_eq!(notes(apart, &[("SourceBucketPattern", "pay*")]).await.len(), 1);
        let off = &[("CredentialsAction", "AUTO"), ("SourceBucketPattern", "*"), ("AutoRemediationLimit", "0")];
        assert_eq!(notes(off, &[]).await, nothing);
    }
}
