//! The state machine: active, with its role, and with the definition of the release.

use aws_sdk_sfn::{Client, types::StateMachineStatus};
use serde_json::Value;

use super::{GONE, Patient, compare};
use crate::{
    check::{Check, chain},
    release,
};

const REMEDY: &str = "deploy another release and then this one again (--release): CloudFormation does not see what was \
                      changed by hand; find out in CloudTrail who did it and why";

/// Looks at a state machine of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, arn: &str) -> anyhow::Result<Check> {
    let what = format!("state machine {name}");
    let wanted = patient.template.properties(name)?;
    let machine = match Client::new(&patient.account.aws).describe_state_machine().state_machine_arn(arn).send().await {
        Ok(machine) => machine,
        Err(error) => return Ok(Check::fails(what, chain(&error), GONE)),
    };
    if machine.status() != Some(&StateMachineStatus::Active) {
        return Ok(Check::fails(what, "it is being deleted", GONE));
    }
    if let Some(wrong) = compare::value("its role", &wanted["RoleArn"], &Value::from(machine.role_arn())) {
        return Ok(Check::fails(what, wrong, REMEDY));
    }
    let found: Value = serde_json::from_str(machine.definition()).unwrap_or_default();
    let wrong = match definition(patient, &wanted).await {
        Ok(Some(definition)) => compare::value("its definition", &definition, &found),
        // A line of its own says that there is no such release.
        Ok(None) => None,
        Err(error) => Some(format!("{error:#}")),
    };
    Ok(Check::that(&what, wrong, REMEDY))
}

/// The release's definition with the template's values in it; none if the release is not there.
async fn definition(patient: &Patient<'_>, wanted: &Value) -> anyhow::Result<Option<Value>> {
    let place = |name| compare::at(wanted, &["DefinitionS3Location", name]).as_str().unwrap_or_default();
    let s3 = aws_sdk_s3::Client::new(&patient.account.aws);
    let Some(content) = release::get(&s3, place("Bucket"), place("Key")).await? else { return Ok(None) };
    let mut text = String::from_utf8(content)?;
    for (name, value) in wanted["DefinitionSubstitutions"].as_object().into_iter().flatten() {
        text = text.replace(&format!("${{{name}}}"), value.as_str().unwrap_or_default());
    }
    Ok(Some(serde_json::from_str(&text)?))
}
