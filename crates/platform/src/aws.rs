use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};

/// The configuration that all AWS clients of a function share.
///
/// The behaviour version is pinned, so that an update of the SDK cannot change retries or timeouts silently. Only the
/// connection has a timeout of its own: a copy of 5 GB in S3 is one request that takes minutes, and the whole
/// invocation is bounded by the function's timeout.
pub async fn aws_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).build();
    aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts).load().await
}
