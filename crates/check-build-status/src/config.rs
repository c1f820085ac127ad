use domain::scan::unjudged::Unjudged;
use platform::env::{Env, EnvError};
use url::Url;

/// What the template tells the function.
#[derive(Debug)]
pub struct Config {
    /// `EVIDENCE_BUCKET`: where the records are.
    pub evidence_bucket: String,
    /// `ACCOUNT_ID`: the account of this deployment, which must own that bucket.
    pub account_id: String,
    /// `NOTIFICATION_TOPIC_ARN`: the topic that Amazon Q listens to.
    pub notification_topic_arn: String,
    /// `SONAR_HOST_URL`: the only server whose verdict counts.
    pub sonar_host_url: Url,
    /// `SONAR_READER_SECRET_ARN`: a secret `{"token": "…"}` with a token that may read projects.
    pub sonar_reader_secret_arn: String,
    /// `TRIAGE_GUIDE_URL`: what the notification links to, if the team has a guide.
    pub triage_guide_url: Option<String>,
    /// `NOTIFY_PASSED`: which passed gates the channel hears of.
    pub notify_passed: NotifyPassed,
    /// `NOTIFY_RECOVERED`: whether it hears of a passed gate after a failed one.
    pub notify_recovered: bool,
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
        let sonar_host_url = env.parsed("SONAR_HOST_URL", web_address);
        let sonar_reader_secret_arn = env.required("SONAR_READER_SECRET_ARN");
        let triage_guide_url = env.optional("TRIAGE_GUIDE_URL");
        let notify_passed = env.parsed("NOTIFY_PASSED", NotifyPassed::parse);
        let notify_recovered = env.parsed("NOTIFY_RECOVERED", str::parse);
        env.finish(|| {
            Some(Self {
                evidence_bucket,
                account_id,
                notification_topic_arn,
                sonar_host_url: sonar_host_url?,
                sonar_reader_secret_arn,
                triage_guide_url,
                notify_passed: notify_passed?,
                notify_recovered: notify_recovered?,
            })
        })
    }
}

/// Which passed gates the channel hears of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyPassed {
    /// `true`: of all.
    Always,
    /// `with-reservations`: of those that do not cover all of the code.
    WithReservations,
    /// `false`: of none.
    Never,
}

impl NotifyPassed {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(Self::Always),
            "with-reservations" => Ok(Self::WithReservations),
            "false" => Ok(Self::Never),
            _ => Err("expected true, with-reservations or false".to_owned()),
        }
    }

    /// Whether a passed gate that does not cover this is told. What the build did not count may be anything.
    pub(crate) fn wants(self, unjudged: Option<&Unjudged>) -> bool {
        match self {
            Self::Always => true,
            Self::WithReservations => unjudged.is_none_or(Unjudged::is_notable),
            Self::Never => false,
        }
    }
}

fn web_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || !url.username().is_empty() {
        return Err("expected an http or https address without user name and query".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(sonar: &str) -> Result<Config, EnvError> {
        Config::from_env(&|name| match name {
            "SONAR_HOST_URL" => Some(sonar.to_owned()),
            "NOTIFY_PASSED" => Some("false".to_owned()),
            "NOTIFY_RECOVERED" => Some("true".to_owned()),
            _ => Some(name.to_lowercase()),
        })
    }

    #[test]
    fn a_server_may_live_under_a_path() {
        let config = config("https://tools.example.com/sonarqube/").unwrap();
        assert_eq!(config.sonar_host_url.as_str(), "https://tools.example.com/sonarqube/");
        assert_eq!(config.evidence_bucket, "evidence_bucket");
    }

    #[test]
    fn an_address_that_is_no_web_address_stops_the_start() {
        for wrong in ["sonar", "ftp://sonar", "https://user@sonar", "https://sonar/?a=b"] {
            assert!(config(wrong).unwrap_err().to_string().contains("SONAR_HOST_URL"), "{wrong}");
        }
    }
}
