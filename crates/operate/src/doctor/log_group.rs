//! The log groups: without one, a function says nothing about what went wrong.

use aws_sdk_cloudwatchlogs::Client;
use serde_json::Value;

use super::{Patient, compare};
use crate::check::{Check, chain};

/// Looks at a log group of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, id: &str) -> anyhow::Result<Check> {
    let wanted = patient.template.properties(name)?;
    let region = &patient.account.region;
    let what = format!("log group {name}");
    let client = Client::new(&patient.account.aws);
    let answer = match client.describe_log_groups().log_group_name_prefix(id).send().await {
        Ok(answer) => answer,
        Err(error) => return Ok(Check::fails(what, chain(&error), "allow logs:DescribeLogGroups to your identity")),
    };
    let Some(group) = answer.log_groups().iter().find(|group| group.log_group_name() == Some(id)) else {
        let why = "it is gone, and with it what was logged; nothing is logged any more";
        return Ok(Check::fails(
            what,
            why,
            format!("`aws logs create-log-group --log-group-name {id} --region {region}`"),
        ));
    };
    let days = group.retention_in_days().map_or(Value::Null, Value::from);
    let remedy = format!(
        "`aws logs put-retention-policy --log-group-name {id} --retention-in-days {} --region {region}`",
        wanted["RetentionInDays"].as_str().unwrap_or_default()
    );
    Ok(Check::that(&what, compare::value("the days that it is kept", &wanted["RetentionInDays"], &days), &remedy))
}
