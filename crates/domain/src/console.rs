//! Links to the AWS console, in every partition and Region.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The console's host in the partition that the Region belongs to.
#[must_use]
pub fn host(region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "console.amazonaws.cn"
    } else if region.starts_with("us-gov-") {
        "console.amazonaws-us-gov.com"
    } else if region.starts_with("eusc-") {
        "console.amazonaws-eusc.eu"
    } else {
        "console.aws.amazon.com"
    };
    format!("{region}.{domain}")
}

/// Whether the console's address is known in the Region's partition. Those of the isolated ones (`us-iso-east-1`,
/// `us-isob-east-1`, `eu-isoe-west-1`, `us-isof-south-1`) are not public.
#[must_use]
pub fn is_known(region: &str) -> bool {
    !region.split('-').any(|part| part.starts_with("iso"))
}

/// One build of CodeBuild: `build_id` is `project:uuid`.
#[must_use]
pub fn build(region: &str, account: &str, build_id: &str) -> String {
    let project = build_id.split(':').next().unwrap_or(build_id);
    format!(
        "https://{}/codesuite/codebuild/{}/projects/{}/build/{}/?region={}",
        host(region),
        encode(account),
        encode(project),
        encode(build_id),
        encode(region)
    )
}

/// A log stream of CloudWatch Logs. The console wants the names encoded twice, with `$25` in place of `%`.
#[must_use]
pub fn log_stream(region: &str, group: &str, stream: &str) -> String {
    let twice = |text: &str| encode(&encode(text)).replace('%', "$");
    format!(
        "https://{}/cloudwatch/home?region={}#logsV2:log-groups/log-group/{}/log-events/{}",
        host(region),
        encode(region),
        twice(group),
        twice(stream)
    )
}

/// One execution of a state machine.
#[must_use]
pub fn execution(region: &str, execution_arn: &str) -> String {
    format!("https://{}/states/home?region={}#/v2/executions/details/{execution_arn}", host(region), encode(region))
}

/// One finding of Macie.
#[must_use]
pub fn macie_finding(region: &str, finding_id: &str) -> String {
    format!(
        "https://{}/macie/home?region={}#findings?search=id%3D{}&macros=current&itemId={}",
        host(region),
        encode(region),
        encode(finding_id),
        encode(finding_id)
    )
}

/// One object of S3.
#[must_use]
pub fn object(region: &str, bucket: &str, key: &str) -> String {
    format!("https://{}/s3/object/{}?region={}&prefix={}", host(region), encode(bucket), encode(region), encode(key))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_console() {
        for (region, expected) in [
            ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
            ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
            ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ] {
            assert_eq!(host(region), expected);
        }
    }

    #[test]
    fn the_console_of_an_isolated_partition_is_not_known() {
        for region in ["us-iso-east-1", "us-iso-west-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"] {
            assert!(!is_known(region), "{region}");
        }
        for region in ["eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "il-central-1", "mx-central-1"] {
            assert!(is_known(region), "{region}");
        }
    }

    #[test]
    fn names_are_encoded_as_the_console_wants_them() {
        assert_eq!(
            build("eu-west-1", "111122223333", "scan:8745-a7"),
            "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/111122223333/projects/scan/build/scan%3A8745-a7/?region=eu-west-1"
        );
        assert_eq!(
            log_stream("eu-west-1", "/aws/codebuild/scan", "a b"),
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Faws$252Fcodebuild$252Fscan/log-events/a$2520b"
        );
        assert_eq!(
            object("eu-west-1", "in", "a b/<x>|ü.csv"),
            "https://eu-west-1.console.aws.amazon.com/s3/object/in?region=eu-west-1&prefix=a%20b%2F%3Cx%3E%7C%C3%BC.csv"
        );
        assert!(macie_finding("eu-west-1", "ba3c").ends_with("itemId=ba3c"));
        assert!(execution("eu-west-1", "arn:aws:states:x").ends_with("details/arn:aws:states:x"));
    }
}
