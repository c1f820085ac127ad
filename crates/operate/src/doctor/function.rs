//! The functions: active, and with the code of the release.

use std::fmt::Write as _;

use aws_sdk_lambda::{
    Client,
    types::{LastUpdateStatus, State},
};

use super::Patient;
use crate::{
    check::{Check, chain},
    release::Manifest,
};

const REMEDY: &str = "run scripts/deploy again; if CloudFormation has nothing to change, deploy another release and then \
                      this one (--release)";

/// An update takes seconds; one that takes a minute is worth a line.
const MOST_LOOKS: u32 = 20;

/// Looks at every function of the stack.
pub(super) async fn checks(patient: &Patient<'_>, manifest: Option<&Manifest>) -> Vec<Check> {
    let client = Client::new(&patient.account.aws);
    let mut checks = Vec::new();
    for (logical_id, (kind, id)) in &patient.resources {
        if kind == "AWS::Lambda::Function" {
            let wrong = wrong(patient, &client, id, logical_id, manifest).await;
            checks.push(Check::that(&format!("function {logical_id}"), wrong, REMEDY));
        }
    }
    checks
}

async fn wrong(
    patient: &Patient<'_>,
    client: &Client,
    id: &str,
    logical_id: &str,
    manifest: Option<&Manifest>,
) -> Option<String> {
    let mut looks = 0;
    let found = loop {
        let found = match client.get_function_configuration().function_name(id).send().await {
            Ok(found) => found,
            Err(error) => return Some(chain(&error)),
        };
        let changing =
            found.state() == Some(&State::Pending) || found.last_update_status() == Some(&LastUpdateStatus::InProgress);
        looks += 1;
        if !changing || looks == MOST_LOOKS {
            break found;
        }
        tokio::time::sleep(patient.account.pause()).await;
    };
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

    #[test]
    fn reads_lambdas_hashes() {
        // The hash of nothing.
        assert_eq!(
            decoded("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
