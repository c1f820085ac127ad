//! Zips with the same issue where analysers do not look by default, or where its own line switches it off.

use anyhow::{Context as _, ensure};

use crate::{
    archive::Entry,
    narrator::Narrator,
    samples,
    stories::scan::{GATE_FAILED, Scan, verify::MAY_GO_ON},
    world::World,
};

const PASSED: &str = "Application has passed the code security scan";

/// A connection whose certificate and host nobody checks: javascript:S4830 and S5527. A message shows one of the two.
const CLIENT: &str = "const https = require('node:https');\n\
    https.request({ hostname: 'ledger', rejectUnauthorized: false }, () => {});\n";

/// What the analyser takes for a comment is two statements to Python, for which `+AAo-` is the end of a line (RFC 2152).
const ENCODED: &str = "# coding: utf-7\n\
    # +AAo-import requests+AAo-requests.get('https://ledger', verify+AD0-False)\n";

/// In a folder of tests that the settings call tests, in folders of other people's code, in a file that git ignores; and
/// secrets in files that the analyser of secrets would take for tests by their names, and in one without a language.
pub(super) fn in_folders() -> anyhow::Result<Vec<Entry>> {
    let settings = "sonar.tests=tests\nsonar.test.inclusions=**/*\nsonar.java.test.binaries=.\n";
    Ok(vec![
        Entry::File("docs/settings.py".to_owned(), secret().into_bytes()),
        Entry::File("latest.py".to_owned(), secret().into_bytes()),
        Entry::File("keys.txt".to_owned(), secret().into_bytes()),
        Entry::File("tests/ledger.py".to_owned(), ledger()?),
        Entry::File("vendor/client.js".to_owned(), CLIENT.into()),
        Entry::File(".gitignore".to_owned(), b"*\n".to_vec()),
        Entry::File(".sonarignore".to_owned(), b"*\n".to_vec()),
        Entry::File("tsconfig.json".to_owned(), br#"{"exclude": ["**/*"]}"#.to_vec()),
        Entry::File("sonar-project.properties".to_owned(), settings.into()),
    ])
}

/// It is found in all of them.
pub(super) async fn is_found(world: &World, narrator: &Narrator, scan: &Scan) -> anyhow::Result<()> {
    let words = scan.notification(world, narrator, GATE_FAILED).await?.words();
    for found in [
        "tests/ledger.py",
        "python:S4830",
        "vendor/client.js",
        "javascript:S",
        "docs/settings.py",
        "latest.py",
        "secrets:S6689",
        "keys.txt",
    ] {
        ensure!(words.contains(found), "{}: `{found}` was not found: {words}", scan.key);
    }
    Ok(())
}

/// Where no setting helps: hidden, in a repository, minified, encoded, broken, switched off, and another class of the same
/// name.
pub(super) fn from_analysers() -> anyhow::Result<Vec<Entry>> {
    let ledger = String::from_utf8(ledger()?).context("the ledger is not UTF-8")?;
    let suppressed = ledger.replace("verify=False,", "verify=False,  # NOSONAR");
    ensure!(suppressed != ledger, "the ledger has no such line");
    let class = |body: &str| format!("package ledger;\nclass Trust {body}\n");
    let trusting = "implements javax.net.ssl.X509TrustManager {\n\
        public void checkClientTrusted(java.security.cert.X509Certificate[] c, String a) {}\n\
        public void checkServerTrusted(java.security.cert.X509Certificate[] c, String a) {}\n\
        public java.security.cert.X509Certificate[] getAcceptedIssuers() { return null; }\n}";
    let entries = [
        (".hidden/ledger.py", ledger.clone()),
        (".git/hooks/ledger.py", ledger.clone()),
        ("encoded.py", ENCODED.to_owned()),
        ("node_modules/ledger/client.js", CLIENT.to_owned()),
        ("client.min.js", CLIENT.to_owned()),
        ("broken.py", format!("{ledger}\ndef (:\n")),
        ("suppressed.py", suppressed),
        ("client.js", CLIENT.replace("https.request", "/* eslint-disable-next-line */\nhttps.request")),
        ("one/Trust.java", class(trusting)),
        ("two/Trust.java", class("{ }")),
    ];
    Ok(entries.map(|(name, text)| Entry::File(name.to_owned(), text.into_bytes())).into())
}

/// The gate has nothing to object to; the channel hears of each.
pub(super) async fn is_told(world: &World, narrator: &Narrator, scan: &Scan) -> anyhow::Result<()> {
    let words = scan.notification(world, narrator, PASSED).await?.words();
    for told in [
        "1 `NOSONAR`",
        "1 `eslint-disable`",
        "1 of git repositories",
        "1 with a leading dot in the path",
        "1 in an encoding that the analyser reads otherwise than Python",
        "1 in node_modules",
        "1 minified",
        "1 that could not be parsed",
        "1 with a Java class that is declared twice",
        "2 of Java",
    ] {
        ensure!(words.contains(told), "{}: `{told}` is not told: {words}", scan.key);
    }
    scan.ends(world, narrator, "SUCCEEDED PASSED").await?;
    scan.verify(world, narrator, MAY_GO_ON, "PASSED").await
}

/// A token of GitHub by its form; in pieces, so that nobody takes it for a real one here.
fn secret() -> String {
    format!("TOKEN = \"{}{}\"\n", "ghp_", "CID7e8gGxQcMIJeFmEfRsV3zkXPUC42CjFbm")
}

fn ledger() -> anyhow::Result<Vec<u8>> {
    match samples::code_file("vulnerable", samples::LEDGER)? {
        Entry::File(_, content) => Ok(content),
        entry => anyhow::bail!("the ledger is {entry:?}"),
    }
}
