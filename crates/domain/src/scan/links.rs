//! Where to read on.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::report::Report;
use crate::console;

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The addresses that the messages about a scan point to. All are built from our own facts: an address that the build
/// reports could lead anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// The project on the SonarQube server.
    pub dashboard: String,
    /// The build in the console.
    pub build: Option<String>,
    /// The build's log in the console.
    pub log: Option<String>,
    /// The execution of the state machine in the console.
    pub execution: String,
    /// How the team triages vulnerabilities, if it has a guide.
    pub triage_guide: Option<String>,
}

impl Links {
    /// The links of one scan. `sonar_host_url` is the server's address without a slash at its end.
    #[must_use]
    pub fn of(report: &Report, sonar_host_url: &str, triage_guide: Option<&str>) -> Self {
        // arn:<partition>:states:<region>:<account>:execution:…
        let mut arn = report.execution_arn.splitn(6, ':').skip(3);
        let region = arn.next().unwrap_or_default();
        let account = arn.next().unwrap_or_default();
        let build = report.build.as_ref();
        let log = build.and_then(|build| build.log_group.as_ref().zip(build.log_stream.as_ref()));
        Self {
            dashboard: format!(
                "{}/dashboard?id={}",
                sonar_host_url.trim_end_matches('/'),
                utf8_percent_encode(&report.project_key, ENCODED)
            ),
            build: build.map(|build| console::build(region, account, &build.id)),
            log: log.map(|(group, stream)| console::log_stream(region, group, stream)),
            execution: console::execution(region, &report.execution_arn),
            triage_guide: triage_guide.map(str::to_owned),
        }
    }
}
