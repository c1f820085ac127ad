use domain::policy::Sources;
use domain::slack::button;
use platform::env::{Env, EnvError};
use url::Url;

/// What the deployment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `QUARANTINE_BUCKET`
    pub quarantine_bucket: String,
    /// `ACCOUNT_ID` and `SOURCE_BUCKET_PATTERN`: what may be touched, asked once more before it is, because it may have
    /// changed since somebody was asked. The account must own the quarantine bucket too: one of the same name that belongs
    /// to somebody else is never written to.
    pub sources: Sources,
    /// `SLACK_WEBHOOK_SECRET_ARN`: the secret holds the address of the channel's incoming webhook.
    pub slack_webhook_secret_arn: String,
    /// `SLACK_BUTTON_KEY_SECRET_ARN`: the secret holds the key that signs the values of buttons, or two of them on lines
    /// of their own, the newest first.
    pub slack_button_key_secret_arn: String,
    /// `SLACK_TEAM_ID` and `SLACK_CHANNEL_ID`; `QUARANTINE_RETENTION_DAYS`: days after which quarantined objects are deleted
    /// for good, 0 to 36,500; 0 keeps them for ever.
    pub buttons: button::Settings,
    /// `SLACK_ENDPOINT_URL`: the only place that messages are posted to.
    pub slack_endpoint_url: Url,
    /// `STACK_NAME`: the dimension of the metrics.
    pub stack_name: String,
}

impl Config {
    /// Reads the environment through `lookup`.
    ///
    /// # Errors
    /// Every variable that is missing or unusable.
    pub fn from_env(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        let mut env = Env::new(lookup);
        let quarantine_bucket = env.required("QUARANTINE_BUCKET");
        let account_id = env.required("ACCOUNT_ID");
        let bucket_pattern = env.required("SOURCE_BUCKET_PATTERN");
        let slack_webhook_secret_arn = env.required("SLACK_WEBHOOK_SECRET_ARN");
        let slack_button_key_secret_arn = env.required("SLACK_BUTTON_KEY_SECRET_ARN");
        let slack_team_id = env.required("SLACK_TEAM_ID");
        let slack_channel_id = env.required("SLACK_CHANNEL_ID");
        let slack_endpoint_url = env.parsed("SLACK_ENDPOINT_URL", Url::parse);
        let quarantine_retention = env.parsed("QUARANTINE_RETENTION_DAYS", str::parse);
        let stack_name = env.required("STACK_NAME");
        env.finish(|| {
            Some(Self {
                quarantine_bucket,
                sources: Sources { account_id, bucket_pattern },
                slack_webhook_secret_arn,
                slack_button_key_secret_arn,
                buttons: button::Settings {
                    team_id: slack_team_id,
                    channel_id: slack_channel_id,
                    retention: quarantine_retention?,
                },
                slack_endpoint_url: slack_endpoint_url?,
                stack_name,
            })
        })
    }
}
