//! Contracts between files that no compiler sees: templates, functions, state machine and documents agree.

#![expect(clippy::unwrap_used, reason = "all of this is tests, also what stands outside of a test function")]

mod buildspec;
mod code;
mod costs;
mod documents;
mod evidence;
mod permissions;
mod quarantine;
mod rules;
mod samples;
mod state_machine;
mod supply_chain;
mod templates;

use std::{collections::BTreeSet, fs, path::PathBuf};

use yaml_rust2::{Yaml, YamlLoader};

/// The functions, by crate: the template and the logical name's beginning.
const FUNCTIONS: [(&str, &str, &str); 5] = [
    ("check-build-status", "app-security.yml", "CheckBuildStatus"),
    ("approval", "app-security.yml", "Approval"),
    ("finding-handler", "macie-remediation.yml", "FindingHandler"),
    ("remediation-handler", "macie-remediation.yml", "RemediationHandler"),
    ("finding-remediator", "macie-remediation.yml", "FindingRemediator"),
];

const TEMPLATES: [&str; 3] = ["pre-requisite.yml", "app-security.yml", "macie-remediation.yml"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A template; CloudFormation's tags (`!Ref`) are dropped and their values kept.
fn template(name: &str) -> Yaml {
    YamlLoader::load_from_str(&read(&format!("templates/{name}"))).unwrap().remove(0)
}

/// The keys of a mapping.
fn keys(yaml: &Yaml) -> BTreeSet<String> {
    yaml.as_hash()
        .map(|hash| hash.keys().filter_map(|key| key.as_str().map(str::to_owned)).collect())
        .unwrap_or_default()
}

/// One text or a list of texts.
fn texts(yaml: &Yaml) -> Vec<String> {
    match yaml {
        Yaml::String(text) => vec![text.clone()],
        Yaml::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The sources of a crate without its tests, each as `(path, text)`.
fn sources(krate: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates").join(krate).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "tests" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                found.push((path.display().to_string(), code.to_owned()));
            }
        }
    }
    found
}

/// What stands between `before` and the next `after`, each time.
fn between<'a>(text: &'a str, before: &'a str, after: char) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}
