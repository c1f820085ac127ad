use platform::env::{Env, EnvError};

/// What the template tells the function.
#[derive(Debug)]
pub struct Config {
    /// `EVIDENCE_BUCKET`: where the records are.
    pub evidence_bucket: String,
    /// `ACCOUNT_ID`: the account of this deployment, which must own that bucket.
    pub account_id: String,
    /// `NOTIFICATION_TOPIC_ARN`: the topic that Amazon Q listens to.
    pub notification_topic_arn: String,
    /// `SES_EMAIL`: the sender, an identity that SES has verified.
    pub ses_email: String,
    /// `SHARED_INBOX_MAIL`: the developers.
    pub shared_inbox_mail: String,
    /// `SES_CONFIGURATION_SET`, if the account uses one.
    pub ses_configuration_set: Option<String>,
    /// `SONAR_HOST_URL`: what the messages link to.
    pub sonar_host_url: String,
    /// `TRIAGE_GUIDE_URL`: what the messages link to, if the team has a guide.
    pub triage_guide_url: Option<String>,
}

impl Config {
    /// Reads the variables above.
    ///
    /// # Errors
    /// Every missing or wrong variable, in one error.
    pub fn from_env(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        let mut env = Env::new(lookup);
        let evidence_bucket = env.required("EVIDENCE_BUCKET");
        let account_id = env.required("ACCOUNT_ID");
        let notification_topic_arn = env.required("NOTIFICATION_TOPIC_ARN");
        let ses_email = env.parsed("SES_EMAIL", mail_address);
        let shared_inbox_mail = env.parsed("SHARED_INBOX_MAIL", mail_address);
        let ses_configuration_set = env.optional("SES_CONFIGURATION_SET");
        let sonar_host_url = env.required("SONAR_HOST_URL");
        let triage_guide_url = env.optional("TRIAGE_GUIDE_URL");
        env.finish(|| {
            Some(Self {
                evidence_bucket,
                account_id,
                notification_topic_arn,
                ses_email: ses_email?,
                shared_inbox_mail: shared_inbox_mail?,
                ses_configuration_set,
                sonar_host_url,
                triage_guide_url,
            })
        })
    }
}

/// Not a full check, which SES makes: only what would make the function useless.
fn mail_address(text: &str) -> Result<String, &'static str> {
    match text.split_once('@') {
        Some((name, domain)) if !name.is_empty() && domain.contains('.') => Ok(text.to_owned()),
        _ => Err("expected a mail address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_stops_the_start_and_a_missing_configuration_set_does_not() {
        let lookup = |name: &str| match name {
            "SES_EMAIL" => Some("security@example.com".to_owned()),
            "SHARED_INBOX_MAIL" => Some("developers@example.com".to_owned()),
            "SES_CONFIGURATION_SET" => Some(String::new()),
            _ => Some("x".to_owned()),
        };
        assert_eq!(Config::from_env(&lookup).unwrap().ses_configuration_set, None);
        let error = Config::from_env(&|_| Some("x".to_owned())).unwrap_err().to_string();
        assert!(error.contains("`SES_EMAIL`") && error.contains("`SHARED_INBOX_MAIL`"), "{error}");
    }
}
