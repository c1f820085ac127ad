use std::fmt::Display;
use std::str::FromStr;

use domain::policy::{Policy, Sources};
use domain::slack::button;
use platform::env::{Env, EnvError};
use url::Url;

/// Slack's messages and S3's lists stay short with this many of either.
const MOST: u16 = 1_000;
/// SQS delays a message by at most 15 minutes, and the message that closes a digest must outlast its window.
const MOST_MINUTES: u8 = 10;

/// What the deployment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `MIN_SEVERITY_LEVEL`, `SECOND_APPROVER`, `POLICY_FINDINGS`, `ACCOUNT_ID`, `SOURCE_BUCKET_PATTERN`, `CREDENTIALS_ACTION`, `CUSTOM_IDENTIFIER_ACTION`, `FINANCIAL_ACTION`, `MULTIPLE_ACTION`,
    /// `PERSONAL_ACTION` and `QUARANTINE_BUCKET`
    pub policy: Policy,
    /// `REMEDIATOR_FUNCTION_NAME`
    pub remediator_function_name: String,
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
    /// `FINDING_QUEUE_URL`: the function's own queue, for what is to be done later.
    pub finding_queue_url: String,
    /// `AUTO_REMEDIATION_LIMIT`: objects an hour, 0 to 1,000.
    pub auto_remediation_limit: u16,
    /// `INDIVIDUAL_MESSAGES`: findings that are shown one by one within a window, 0 to 1,000, and as many HIGH ones more.
    pub individual_messages: u16,
    /// `DIGEST_MINUTES`: length of that window, 1 to 10.
    pub digest_minutes: u8,
    /// `STACK_NAME`: the dimension of the metrics.
    pub stack_name: String,
}

impl Config {
    /// Reads the environment through `lookup`.
    ///
    /// # Errors
    /// Every variable that is missing or unusable; an action or severity that does not exist is never guessed.
    pub fn from_env(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        let mut env = Env::new(lookup);
        let policy_findings = env.parsed("POLICY_FINDINGS", str::parse);
        let account_id = env.required("ACCOUNT_ID");
        let bucket_pattern = env.required("SOURCE_BUCKET_PATTERN");
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
        let finding_queue_url = env.required("FINDING_QUEUE_URL");
        let auto_remediation_limit = env.parsed("AUTO_REMEDIATION_LIMIT", |text| up_to(text, 0, MOST));
        let individual_messages = env.parsed("INDIVIDUAL_MESSAGES", |text| up_to(text, 0, MOST));
        let digest_minutes = env.parsed("DIGEST_MINUTES", |text| up_to(text, 1, MOST_MINUTES));
        let quarantine_retention = env.parsed("QUARANTINE_RETENTION_DAYS", str::parse);
        let stack_name = env.required("STACK_NAME");
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
                    policy_findings: policy_findings?,
                    sources: Sources { account_id, bucket_pattern },
                    quarantine_bucket,
                },
                remediator_function_name,
                slack_webhook_secret_arn,
                slack_button_key_secret_arn,
                buttons: button::Settings {
                    team_id: slack_team_id,
                    channel_id: slack_channel_id,
                    retention: quarantine_retention?,
                },
                slack_endpoint_url: slack_endpoint_url?,
                finding_queue_url,
                auto_remediation_limit: auto_remediation_limit?,
                individual_messages: individual_messages?,
                digest_minutes: digest_minutes?,
                stack_name,
            })
        })
    }
}

fn up_to<T: FromStr + PartialOrd + Display + Copy>(text: &str, least: T, most: T) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("must be a number from {least} to {most}"))
}
