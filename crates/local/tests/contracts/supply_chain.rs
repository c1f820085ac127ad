//! Whatever is downloaded is known beforehand, to the byte.

use crate::{between, read};

#[test]
fn every_python_package_has_one_version_and_its_hashes() {
    for path in ["tools/requirements.txt", "tools/package.txt", "crates/local/cloud/requirements.txt"] {
        let text = read(path).replace("\\\n", " ");
        let packages = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        let mut count = 0;
        for package in packages {
            let name = package.split_whitespace().next().unwrap();
            assert!(name.contains("=="), "{path}: {name} has no version");
            assert!(package.contains("--hash=sha256:"), "{path}: {name} has no hash");
            count += 1;
        }
        assert!(count >= 2, "{path} has {count} packages");
    }
    for (path, installs) in [("scripts/check", 1), ("crates/local/src/cloud.rs", 1)] {
        assert_eq!(read(path).matches("--require-hashes").count(), installs, "{path} installs without hashes");
    }
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
