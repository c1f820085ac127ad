//! Whatever is downloaded is known beforehand, to the byte.

use crate::{between, read};

/// What is installed with pip: what is wanted, what that means with all its dependencies, and who installs it.
const PYTHON: [(&str, &str, &str); 3] = [
    ("tools/requirements.in", "tools/requirements.txt", "scripts/check"),
    ("tools/package.in", "tools/package.txt", "tools/package_tools.sh"),
    ("crates/local/cloud/requirements.in", "crates/local/cloud/requirements.txt", "crates/local/src/cloud.rs"),
];

/// The packages of a requirements file, each as `(name==version, the rest of its line)`.
fn packages(path: &str) -> Vec<(String, String)> {
    let text = read(path).replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap_or((line, ""))).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

#[test]
fn every_python_package_has_one_version_and_its_hashes() {
    for (wanted, pinned, _) in PYTHON {
        let pinned_packages = packages(pinned);
        assert!(pinned_packages.len() >= 2, "{pinned}");
        for (name, rest) in &pinned_packages {
            assert!(name.contains("=="), "{pinned}: {name} has no version");
            assert!(rest.contains("--hash=sha256:"), "{pinned}: {name} has no hash");
        }
        for (name, _) in packages(wanted) {
            // An extra is no part of the name that is pinned.
            let (before, version) = name.split_once("==").unwrap_or_else(|| panic!("{wanted}: {name} has no version"));
            let plain = format!("{}=={version}", before.split('[').next().unwrap());
            assert!(pinned_packages.iter().any(|(name, _)| *name == plain), "{pinned} is not made of {wanted}: {name}");
        }
    }
}

#[test]
fn pip_installs_what_is_pinned_and_nothing_else_does() {
    let mut files = Vec::new();
    for folder in ["scripts", "tools", "crates", "buildspec", ".ci"] {
        collect(&crate::root().join(folder), &mut files);
    }
    let root = crate::root();
    let mut installs: Vec<String> = Vec::new();
    let mut pinned: Vec<String> = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        if path.ends_with("requirements.txt") || path == "tools/package.txt" {
            pinned.push(path);
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        // Not this test itself.
        if path.ends_with("supply_chain.rs") {
            continue;
        }
        let commands = text.matches("-m pip install").count() + text.matches("\"-m\", \"pip\", \"install\"").count();
        if commands > 0 {
            assert_eq!(text.matches("--require-hashes").count(), commands, "{path} installs without hashes");
            installs.push(path);
        }
    }
    pinned.sort();
    installs.sort();
    let sorted = |list: [&str; 3]| {
        let mut list = list.map(str::to_owned).to_vec();
        list.sort();
        list
    };
    assert_eq!(pinned, sorted(PYTHON.map(|(_, pinned, _)| pinned)), "files with pinned packages");
    assert_eq!(installs, sorted(PYTHON.map(|(.., who)| who)), "files that install packages");
}

fn collect(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn the_compiler_and_the_server_are_one_version_each() {
    let toolchain = read("rust-toolchain.toml");
    let channel = between(&toolchain, "channel = \"", '"').next().unwrap();
    assert_eq!(channel.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3, "{channel}");
    let server = read("crates/sonarqube/src/distribution.rs");
    let digest = between(&server, "const SHA256: &str = \"", '"').next().unwrap();
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
}

#[test]
fn every_crate_comes_from_the_registry_with_a_checksum() {
    let lock = read("Cargo.lock");
    for package in lock.split("[[package]]").skip(1) {
        let name = between(package, "name = \"", '"').next().unwrap();
        if let Some(source) = between(package, "source = \"", '"').next() {
            assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}");
            assert!(package.contains("checksum = \""), "{name} has no checksum");
        }
    }
}

#[test]
fn the_scanner_is_one_version_with_a_digest_for_each_machine() {
    let buildspec = read("buildspec/sonar-scan.yml");
    for machine in ["LINUX_X64", "LINUX_AARCH64", "MACOSX_X64", "MACOSX_AARCH64"] {
        let before = format!("SCANNER_SHA256_{machine}: \"");
        let digest = between(&buildspec, &before, '"').next().unwrap_or_else(|| panic!("no digest for {machine}"));
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{machine}: {digest}");
    }
    assert!(buildspec.contains("SCANNER_VERSION: \""));
}
