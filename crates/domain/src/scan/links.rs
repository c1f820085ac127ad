//! Where to read on.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::report::Report;
use crate::console;

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The addresses that the messages about a scan point to. All are built from our own facts: an address that the build
/// reports could lead anywhere.
///
/// Where the console's address is unknown (isolated partitions), the names are there instead, without `https://`.
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
        let or_name = |address: String, name: String| if console::is_known(region) { address } else { name };
        Self {
            dashboard: format!(
                "{}/dashboard?id={}",
                sonar_host_url.trim_end_matches('/'),
                utf8_percent_encode(&report.project_key, ENCODED)
            ),
            build: build.map(|build| or_name(console::build(region, account, &build.id), build.id.clone())),
            log: log.map(|(group, stream)| {
                or_name(console::log_stream(region, group, stream), format!("{group} {stream}"))
            }),
            execution: or_name(console::execution(region, &report.execution_arn), report.execution_arn.clone()),
            triage_guide: triage_guide.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{diagnosis::Verdict, notification::tests::report};

    #[test]
    fn every_link_leads_into_the_scans_own_partition_and_region() {
        for (partition, region, console) in [
            ("aws", "ap-southeast-2", "https://ap-southeast-2.console.aws.amazon.com/"),
            ("aws-cn", "cn-northwest-1", "https://cn-northwest-1.console.amazonaws.cn/"),
            ("aws-us-gov", "us-gov-east-1", "https://us-gov-east-1.console.amazonaws-us-gov.com/"),
            ("aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"),
        ] {
            let mut report = report(&Verdict::Passed);
            report.execution_arn = format!("arn:{partition}:states:{region}:111122223333:execution:code-scan:scan-1");
            let links = Links::of(&report, "https://sonar.example.com", None);
            for link in [links.build.as_ref(), links.log.as_ref(), Some(&links.execution)] {
                let link = link.unwrap();
                assert!(link.starts_with(console) && link.contains(&format!("region={region}")), "{link}");
            }
            assert!(links.build.unwrap().contains("/111122223333/"), "the account is missing");
            assert!(links.execution.ends_with(&report.execution_arn), "{}", links.execution);
        }
    }

    #[test]
    fn an_isolated_partition_has_names_instead_of_links() {
        let mut report = report(&Verdict::Passed);
        report.execution_arn = "arn:aws-iso:states:us-iso-east-1:111122223333:execution:code-scan:scan-1".to_owned();
        let links = Links::of(&report, "https://sonar.example.com", None);
        assert_eq!(links.build.as_deref(), Some("scan:8745a7a9"));
        assert_eq!(links.log.as_deref(), Some("/aws/codebuild/scan 8745a7a9"));
        assert_eq!(links.execution, report.execution_arn);
    }

    #[test]
    fn the_dashboard_is_on_the_configured_server_even_under_a_path() {
        let mut report = report(&Verdict::Passed);
        report.project_key = "a b&id=other".to_owned();
        let dashboard = |host: &str| Links::of(&report, host, None).dashboard;
        let expected = "https://tools.example.com/sonar/dashboard?id=a%20b%26id%3Dother";
        assert_eq!(dashboard("https://tools.example.com/sonar"), expected);
        assert_eq!(dashboard("https://tools.example.com/sonar/"), expected);
    }

    #[test]
    fn without_a_build_there_is_no_link_to_one() {
        let mut report = report(&Verdict::Passed);
        report.build = None;
        let links = Links::of(&report, "https://sonar.example.com", None);
        assert_eq!((links.build, links.log), (None, None));
    }
}
