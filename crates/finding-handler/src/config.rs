use domain::policy::Policy;
use platform::env::{Env, EnvError};
use url::Url;

/// What the deployment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `MIN_SEVERITY_LEVEL`, `SECOND_APPROVER`, `CREDENTIALS_ACTION`, `CUSTOM_IDENTIFIER_ACTION`, `FINANCIAL_ACTION`, `MULTIPLE_ACTION`,
    /// `PERSONAL_ACTION` and `QUARANTINE_BUCKET`
    pub policy: Policy,
    /// `REMEDIATOR_FUNCTION_NAME`
    pub remediator_function_name: String,
    /// `SLACK_WEBHOOK_SECRET_ARN`: the secret holds the address of the channel's incoming webhook.
    pub slack_webhook_secret_arn: String,
    /// `SLACK_BUTTON_KEY_SECRET_ARN`: the secret holds the key that signs the values of buttons, or two of them on lines
    /// of their own, the newest first.
    pub slack_button_key_secret_arn: String,
    /// `SLACK_TEAM_ID` and `SLACK_CHANNEL_ID`: where the buttons are shown, and only there they work.
    pub slack_team_id: String,
    pub slack_channel_id: String,
    /// `SLACK_ENDPOINT_URL`: the only place that messages are posted to.
    pub slack_endpoint_url: Url,
}

impl Config {
    /// Reads the environment through `lookup`.
    ///
    /// # Errors
    /// Every variable that is missing or unusable; an action or severity that does not exist is never guessed.
    pub fn from_env(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        let mut env = Env::new(lookup);
        let second_approver = env.parsed("SECOND_APPROVER", str::parse);
        let min_severity = env.parsed("MIN_SEVERITY_LEVEL", str::parse);
        let credentials = env.parsed("CREDENTIALS_ACTION", str::parse);
        let custom_identifier = env.parsed("CUSTOM_IDENTIFIER_ACTION", str::parse);
        let financial = env.parsed("FINANCIAL_ACTION", str::parse);
        let multiple = env.parsed("MULTIPLE_ACTION", str::parse);
        let personal = env.parsed("PERSONAL_ACTION", str::parse);
        let quarantine_bucket = env.required("QUARANTINE_BUCKET");
        let remediator_function_name = env.required("REMEDIATOR_FUNCTION_NAME");
        let slack_webhook_secret_arn = env.required("SLACK_WEBHOOK_SECRET_ARN");
        let slack_button_key_secret_arn = env.required("SLACK_BUTTON_KEY_SECRET_ARN");
        let slack_team_id = env.required("SLACK_TEAM_ID");
        let slack_channel_id = env.required("SLACK_CHANNEL_ID");
        let slack_endpoint_url = env.parsed("SLACK_ENDPOINT_URL", Url::parse);
        env.finish(|| {
            Some(Self {
                policy: Policy {
                    credentials: credentials?,
                    custom_identifier: custom_identifier?,
                    financial: financial?,
                    multiple: multiple?,
                    personal: personal?,
                    min_severity: min_severity?,
                    second_approver: second_approver?,
                    quarantine_bucket,
                },
                remediator_function_name,
                slack_webhook_secret_arn,
                slack_button_key_secret_arn,
                slack_team_id,
                slack_channel_id,
                slack_endpoint_url: slack_endpoint_url?,
            })
        })
    }
}
