use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, timeout::TimeoutConfig,
};
use aws_sdk_s3::config::SharedCredentialsProvider;

/// The configuration that all AWS clients of a function share, from the variables that Lambda sets
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>): Region and credentials; and
/// `AWS_ENDPOINT_URL`, where the AWS is that is meant, if not the real one. `variable` looks a variable up.
///
/// Nothing else can give credentials: a profile, a web identity or a metadata service is not asked, and the code that
/// would ask is not in the zip. The behaviour version is pinned, so that an update of the SDK cannot change retries or
/// timeouts silently. Only the connection has a timeout of its own: a copy of 5 GB in S3 is one request that takes
/// minutes, and the whole invocation is bounded by the function's timeout.
pub fn aws_config(variable: &dyn Fn(&str) -> Option<String>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).build();
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .credentials_provider(credentials);
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL").filter(|url| !url.is_empty()));
    config.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_and_endpoint_are_those_of_the_environment() {
        let config = aws_config(&|name| match name {
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:4566".to_owned()),
            _ => None,
        });
        assert_eq!(config.region().map(Region::as_ref), Some("eu-west-1"));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:4566"));

        let real = aws_config(&|name| (name == "AWS_ENDPOINT_URL").then(String::new));
        assert_eq!(real.endpoint_url(), None);
    }
}
