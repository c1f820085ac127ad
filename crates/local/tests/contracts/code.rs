use std::process::Command;

use serde_json::Value;

use crate::{FUNCTIONS, root, sources};

/// The names of a crate's ordinary dependencies.
fn dependencies(metadata: &Value, krate: &str) -> Vec<String> {
    let package = metadata["packages"].as_array().unwrap().iter().find(|package| package["name"] == krate).unwrap();
    let ordinary = package["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["kind"].is_null());
    ordinary.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_domain_is_pure_and_functions_meet_only_in_aws() {
    let metadata = metadata();
    let mut domain = dependencies(&metadata, "domain");
    domain.sort();
    assert_eq!(domain, ["hmac", "jiff", "percent-encoding", "serde", "serde_json", "sha2", "thiserror"]);
    for (function, ..) in FUNCTIONS {
        for dependency in dependencies(&metadata, function) {
            let other = FUNCTIONS.iter().any(|(krate, ..)| *krate == dependency);
            assert!(!other && dependency != "local" && dependency != "testing", "{function} depends on {dependency}");
        }
    }
}

/// Time and surroundings are arguments of the domain.
#[test]
fn the_domain_reads_neither_clock_nor_environment() {
    for (path, code) in sources("domain") {
        for forbidden in ["Timestamp::now", "SystemTime", "Instant::", "std::env", "std::fs", "async fn", ".await"] {
            assert!(!code.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[test]
fn a_main_file_only_wires() {
    for (function, ..) in FUNCTIONS {
        let path = format!("crates/{function}/src/main.rs");
        let lines = crate::read(&path).lines().count();
        assert!(lines <= 40, "{path} has {lines} lines");
    }
}

/// A panic on outside data loses the error's name; clippy watches `unwrap`, this watches its exceptions.
#[test]
fn functions_silence_no_lint_about_panics() {
    for krate in FUNCTIONS.iter().map(|(krate, ..)| *krate).chain(["domain", "platform"]) {
        for (path, code) in sources(krate) {
            for lint in ["clippy::unwrap_used", "clippy::expect_used", "clippy::indexing_slicing", "clippy::panic"] {
                assert!(!code.contains(lint), "{path} silences {lint}");
            }
        }
    }
}
