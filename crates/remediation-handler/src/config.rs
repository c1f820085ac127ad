use domain::policy::{SecondApprover, Sources};
use domain::slack::button;
use platform::env::{Env, EnvError};
use url::Url;

/// What the deployment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `SLACK_SIGNING_SECRET_ARN`: the secret holds the app's signing secret, or two of them on lines of their own
    /// while one replaces the other.
    pub slack_signing_secret_arn: String,
    /// `SLACK_BUTTON_KEY_SECRET_ARN`: the secret holds the key that signs the values of buttons, or two of them likewise.
    pub slack_button_key_secret_arn: String,
    /// `SLACK_TEAM_ID` and `SLACK_CHANNEL_ID`; `QUARANTINE_RETENTION_DAYS`: days after which quarantined objects are deleted
    /// for good, 0 to 36,500; 0 keeps them for ever.
    pub buttons: button::Settings,
    /// `SLACK_APP_ID`
    pub slack_app_id: String,
    /// `SLACK_ALLOWED_USER_IDS`, separated by commas. Empty: everybody in the channel.
    pub slack_allowed_user_ids: Vec<String>,
    /// `SECOND_APPROVER`: NONE or HIGH
    pub second_approver: SecondApprover,
    /// `SLACK_ENDPOINT_URL`: the only place that messages are posted to.
    pub slack_endpoint_url: Url,
    /// `REMEDIATOR_FUNCTION_NAME`
    pub remediator_function_name: String,
    /// `QUARANTINE_BUCKET`
    pub quarantine_bucket: String,
    /// `ACCOUNT_ID` and `SOURCE_BUCKET_PATTERN`: asked at each click, because they may be others than when the message
    /// was posted.
    pub sources: Sources,
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
        let slack_signing_secret_arn = env.required("SLACK_SIGNING_SECRET_ARN");
        let slack_button_key_secret_arn = env.required("SLACK_BUTTON_KEY_SECRET_ARN");
        let slack_team_id = env.parsed("SLACK_TEAM_ID", slack_id);
        let slack_app_id = env.parsed("SLACK_APP_ID", slack_id);
        let slack_channel_id = env.parsed("SLACK_CHANNEL_ID", slack_id);
        let slack_allowed_user_ids = match env.optional("SLACK_ALLOWED_USER_IDS") {
            Some(_) => env.parsed("SLACK_ALLOWED_USER_IDS", user_ids),
            None => Some(Vec::new()),
        };
        let second_approver = env.parsed("SECOND_APPROVER", str::parse);
        let slack_endpoint_url = env.parsed("SLACK_ENDPOINT_URL", Url::parse);
        let remediator_function_name = env.required("REMEDIATOR_FUNCTION_NAME");
        let quarantine_bucket = env.required("QUARANTINE_BUCKET");
        let account_id = env.required("ACCOUNT_ID");
        let bucket_pattern = env.required("SOURCE_BUCKET_PATTERN");
        let quarantine_retention = env.parsed("QUARANTINE_RETENTION_DAYS", str::parse);
        let stack_name = env.required("STACK_NAME");
        env.finish(|| {
            Some(Self {
                slack_signing_secret_arn,
                slack_button_key_secret_arn,
                buttons: button::Settings {
                    team_id: slack_team_id?,
                    channel_id: slack_channel_id?,
                    retention: quarantine_retention?,
                },
                slack_app_id: slack_app_id?,
                slack_allowed_user_ids: slack_allowed_user_ids?,
                second_approver: second_approver?,
                slack_endpoint_url: slack_endpoint_url?,
                remediator_function_name,
                quarantine_bucket,
                sources: Sources { account_id, bucket_pattern },
                stack_name,
            })
        })
    }
}

/// Slack's ids are capital letters and digits. A name in their place would never match, and lock everybody out.
fn slack_id(text: &str) -> Result<String, &'static str> {
    let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    valid.then(|| text.to_owned()).ok_or("must be one of Slack's ids: capital letters and digits, not a name")
}

/// A list of nothing but commas is a mistake: it must not open the button to everybody.
fn user_ids(text: &str) -> Result<Vec<String>, &'static str> {
    text.split(',').map(str::trim).map(slack_id).collect()
}
