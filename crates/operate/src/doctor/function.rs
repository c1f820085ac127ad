//! The functions: active, with the code of the release and the settings of the template.

use std::fmt::Write as _;

use aws_sdk_lambda::{
    Client,
    operation::get_function_configuration::GetFunctionConfigurationOutput,
    types::{LastUpdateStatus, State},
};

use serde_json::{Map, Value, json};

use super::{BY_HAND, GONE, Patient, compare};
use crate::{
    check::{Check, chain},
    release::Manifest,
};

const REMEDY: &str = "run scripts/deploy again; if CloudFormation has nothing to change, deploy another release and then \
                      this one (--release)";

/// An update takes seconds; one that takes a minute is worth a line.
const MOST_LOOKS: u32 = 20;

/// Looks at every function of the stack.
pub(super) async fn checks(patient: &Patient<'_>, manifest: Option<&Manifest>) -> anyhow::Result<Vec<Check>> {
    let client = Client::new(&patient.account.aws);
    let mut checks = Vec::new();
    for (logical_id, (kind, id)) in &patient.resources {
        if kind == "AWS::Lambda::Function" {
            let wanted = patient.template.properties(logical_id)?;
            let what = format!("function {logical_id}");
            checks.push(match look(patient, &client, id).await {
                Ok(found) => {
                    // All of it: what is mended alone would leave the rest for the next look.
                    let broken = broken(&found, logical_id, manifest);
                    let remedy = if broken.is_some() { REMEDY } else { BY_HAND };
                    let wrong = broken.into_iter().chain(different(&wanted, &found));
                    Check::that(&what, wrong.chain(throttled(&client, &wanted, id).await), remedy)
                }
                Err(why) => Check::fails(what, why, GONE),
            });
        }
    }
    Ok(checks)
}

/// The function's configuration, once no update of it goes on any more.
async fn look(patient: &Patient<'_>, client: &Client, id: &str) -> Result<GetFunctionConfigurationOutput, String> {
    let mut looks = 0;
    loop {
        let found =
            client.get_function_configuration().function_name(id).send().await.map_err(|error| chain(&error))?;
        let changing =
            found.state() == Some(&State::Pending) || found.last_update_status() == Some(&LastUpdateStatus::InProgress);
        looks += 1;
        if !changing || looks == MOST_LOOKS {
            return Ok(found);
        }
        tokio::time::sleep(patient.account.pause()).await;
    }
}

/// What keeps it from running the release.
fn broken(found: &GetFunctionConfigurationOutput, logical_id: &str, manifest: Option<&Manifest>) -> Option<String> {
    if found.state().is_some_and(|state| *state != State::Active && *state != State::Inactive) {
        let reason = found.state_reason().unwrap_or("Lambda gives no reason");
        return Some(format!("it is not active: {reason}"));
    }
    if found.last_update_status().is_some_and(|status| *status != LastUpdateStatus::Successful) {
        let reason = found.last_update_status_reason().unwrap_or("Lambda gives no reason");
        return Some(format!("its last update did not succeed: {reason}"));
    }
    let expected = manifest?.files.get(&zip(logical_id))?;
    let runs = decoded(found.code_sha256().unwrap_or_default());
    (runs != *expected).then(|| "it runs other code than the release's".to_owned())
}

/// Where it is not what the template says.
fn different(wanted: &Value, found: &GetFunctionConfigurationOutput) -> Vec<String> {
    let variables = found.environment().and_then(|environment| environment.variables()).cloned().unwrap_or_default();
    let names = |value: &Value| value.as_object().map(Map::len).unwrap_or_default();
    let wanted_variables = compare::at(wanted, &["Environment", "Variables"]);
    let mut wrong: Vec<String> = wanted_variables
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| {
            let found = variables.get(name).map_or(Value::Null, |found| Value::from(found.as_str()));
            // A value may be an address that nobody should read over a shoulder; the name is enough.
            compare::value(name, value, &found).map(|_| format!("its variable {name} is not the template's"))
        })
        .collect();
    if variables.len() > names(wanted_variables) {
        wrong.push("it has variables that the template does not have".to_owned());
    }
    // A layer runs with the function's role, whatever its own code does.
    if !found.layers().is_empty() && wanted["Layers"].is_null() {
        wrong.push("it has layers, and the template has none".to_owned());
    }
    let found = json!({"Role": found.role(), "Timeout": found.timeout(), "MemorySize": found.memory_size()});
    for (words, name) in [("its role", "Role"), ("its time limit", "Timeout"), ("its memory", "MemorySize")] {
        wrong.extend(compare::value(words, &wanted[name], &found[name]));
    }
    wrong
}

/// Whether somebody has taken its concurrency away: the console's *Throttle* sets it to none at all.
async fn throttled(client: &Client, wanted: &Value, id: &str) -> Option<String> {
    let reserved = match client.get_function_concurrency().function_name(id).send().await {
        Ok(answer) => answer.reserved_concurrent_executions()?,
        Err(error) => return Some(format!("its reserved concurrency cannot be seen: {}", chain(&error))),
    };
    if reserved == 0 {
        return Some("it is throttled: its reserved concurrency is 0, and it takes no event".to_owned());
    }
    match &wanted["ReservedConcurrentExecutions"] {
        Value::Null => Some(format!("its reserved concurrency is {reserved}, and the template reserves none")),
        wanted => compare::value("its reserved concurrency", wanted, &Value::from(reserved)),
    }
}

/// `CheckBuildStatusFunction` is made of `check-build-status.zip`.
fn zip(logical_id: &str) -> String {
    let name = logical_id.strip_suffix("Function").unwrap_or(logical_id);
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words + ".zip"
}

/// Base64 (RFC 4648) as hexadecimal digits; Lambda writes hashes in the one, `sha256sum` in the other.
fn decoded(base64: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digits = String::new();
    let (mut bits, mut held) = (0_u32, 0);
    for letter in base64.bytes() {
        let Some(value) = ALPHABET.iter().position(|other| *other == letter).and_then(|at| u32::try_from(at).ok())
        else {
            break;
        };
        bits = (bits << 6 | value) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            // Writing into a String cannot fail.
            let _ = write!(digits, "{:02x}", (bits >> held) & 0xff);
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::FUNCTIONS;

    #[test]
    fn finds_the_zip_of_every_function() {
        let ids = ["CheckBuildStatus", "Approval", "FindingHandler", "RemediationHandler", "FindingRemediator"];
        let zips = ids.map(|id| zip(&format!("{id}Function")));
        assert_eq!(zips, FUNCTIONS.map(|function| format!("{function}.zip")));
    }

    fn manifest(hash: &str) -> Manifest {
        let files = [("approval.zip".to_owned(), hash.to_owned())].into();
        Manifest { version: "0".to_owned(), architecture: "arm64".to_owned(), files }
    }

    #[test]
    fn a_function_that_failed_to_start_or_to_update_is_found() {
        let output = GetFunctionConfigurationOutput::builder;
        let say = |found| broken(&found, "ApprovalFunction", Some(&manifest("00"))).unwrap();
        let failed = output().state(State::Failed).state_reason("the key is gone").build();
        assert_eq!(say(failed), "it is not active: the key is gone");
        let pending = output().state(State::Pending).build();
        assert_eq!(say(pending), "it is not active: Lambda gives no reason");
        let half = output().state(State::Active).last_update_status(LastUpdateStatus::Failed);
        let half = half.last_update_status_reason("no such image").build();
        assert_eq!(say(half), "its last update did not succeed: no such image");
        let other = output().state(State::Active).code_sha256("47DEQpj8HBSa").build();
        assert_eq!(say(other), "it runs other code than the release's");
    }

    #[test]
    fn settings_that_are_not_the_templates_are_found() {
        let wanted =
            json!({"Role": "r", "Timeout": "30", "MemorySize": "256", "Environment": {"Variables": {"A": "1"}}});
        let found = |variables: &[(&str, &str)], role: &str, timeout| {
            let mut environment = aws_sdk_lambda::types::EnvironmentResponse::builder();
            for (name, value) in variables {
                environment = environment.variables(*name, *value);
            }
            let output = GetFunctionConfigurationOutput::builder().role(role).timeout(timeout).memory_size(256);
            different(&wanted, &output.environment(environment.build()).build())
        };
        assert_eq!(found(&[("A", "1")], "r", 30), Vec::<String>::new());
        assert_eq!(found(&[("A", "2")], "r", 30), ["its variable A is not the template's"]);
        assert_eq!(found(&[], "r", 30), ["its variable A is not the template's"]);
        let more = "it has variables that the template does not have";
        assert_eq!(found(&[("A", "1"), ("AWS_ENDPOINT_URL", "x")], "r", 30), [more]);
        let layer = aws_sdk_lambda::types::Layer::builder().arn("arn:layer").build();
        let output = GetFunctionConfigurationOutput::builder().role("r").timeout(30).memory_size(256).layers(layer);
        let environment = aws_sdk_lambda::types::EnvironmentResponse::builder().variables("A", "1").build();
        let layered = different(&wanted, &output.environment(environment).build());
        assert_eq!(layered, ["it has layers, and the template has none"]);
        let other = ["its role is admin instead of r", "its time limit is 3 instead of 30"];
        assert_eq!(found(&[("A", "1")], "admin", 3), other);
    }

    #[test]
    fn reads_lambdas_hashes() {
        // The hash of nothing.
        assert_eq!(
            decoded("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
