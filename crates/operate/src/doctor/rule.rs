//! The rules: on, for the right events, and with the right target.

use aws_sdk_eventbridge::{
    Client,
    types::{RuleState, Target},
};
use serde_json::{Value, json};

use super::{BY_HAND, Patient, compare};
use crate::check::{Check, chain};

/// Looks at a rule of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, id: &str) -> anyhow::Result<Check> {
    let what = format!("rule {name}");
    // A rule of another bus is `bus|name`.
    let id = id.rsplit('|').next().unwrap_or(id);
    let client = Client::new(&patient.account.aws);
    let wanted = patient.template.properties(name)?;
    let rule = match client.describe_rule().name(id).send().await {
        Ok(rule) => rule,
        Err(error) => return Ok(Check::fails(what, chain(&error), super::GONE)),
    };
    if rule.state() == Some(&RuleState::Disabled) {
        let remedy = format!("`aws events enable-rule --name {id} --region {}`", patient.account.region);
        return Ok(Check::fails(what, "it is disabled: no event gets through", remedy));
    }
    let pattern: Value = rule.event_pattern().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let targets = match client.list_targets_by_rule().rule(id).send().await {
        Ok(answer) => answer.targets.unwrap_or_default(),
        Err(error) => return Ok(Check::fails(what, chain(&error), "allow events:ListTargetsByRule to your identity")),
    };
    let targets: Value = targets.iter().map(described).collect();
    let wrong = compare::value("its event pattern", &wanted["EventPattern"], &pattern)
        .or_else(|| targets.as_array().is_some_and(Vec::is_empty).then(|| "it has no target".to_owned()))
        .or_else(|| compare::value("its target", &wanted["Targets"], &targets));
    Ok(Check::that(&what, wrong, BY_HAND))
}

/// In the words of the template; what is not set is left out there.
fn described(target: &Target) -> Value {
    let mut described = json!({"Id": target.id(), "Arn": target.arn()});
    if let Some(role) = target.role_arn() {
        described["RoleArn"] = json!(role);
    }
    if let Some(retry) = target.retry_policy() {
        described["RetryPolicy"] = json!({
            "MaximumRetryAttempts": retry.maximum_retry_attempts(),
            "MaximumEventAgeInSeconds": retry.maximum_event_age_in_seconds(),
        });
    }
    if let Some(letters) = target.dead_letter_config() {
        described["DeadLetterConfig"] = json!({"Arn": letters.arn()});
    }
    for (name, text) in [("Input", target.input()), ("InputPath", target.input_path())] {
        if let Some(text) = text {
            described[name] = json!(text);
        }
    }
    described
}
