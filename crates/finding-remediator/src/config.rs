use platform::env::{Env, EnvError};
use url::Url;

/// What the deployment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `QUARANTINE_BUCKET`
    pub quarantine_bucket: String,
    /// `SLACK_WEBHOOK_SECRET_ARN`: the secret holds the address of the channel's incoming webhook.
    pub slack_webhook_secret_arn: String,
    /// `SLACK_ENDPOINT_URL`: the only place that messages are posted to.
    pub slack_endpoint_url: Url,
}

impl Config {
    /// Reads the environment through `lookup`.
    ///
    /// # Errors
    /// Every variable that is missing or unusable.
    pub fn from_env(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        let mut env = Env::new(lookup);
        let quarantine_bucket = env.required("QUARANTINE_BUCKET");
        let slack_webhook_secret_arn = env.required("SLACK_WEBHOOK_SECRET_ARN");
        let slack_endpoint_url = env.parsed("SLACK_ENDPOINT_URL", Url::parse);
        env.finish(|| {
            Some(Self { quarantine_bucket, slack_webhook_secret_arn, slack_endpoint_url: slack_endpoint_url? })
        })
    }
}
