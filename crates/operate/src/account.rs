//! The account and Region that everything happens in.

use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};

/// An account in a Region, as seen by one identity.
#[derive(Clone, Debug)]
pub struct Account {
    pub aws: SdkConfig,
    pub region: String,
    /// 12 digits.
    pub id: String,
    /// Who we are, as an ARN.
    pub identity: String,
    /// Set for a local cloud, which serves everything at one address.
    pub endpoint_url: Option<String>,
}

/// Which account: empty parts are left to the AWS profile and to the environment.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub profile: Option<String>,
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
}

impl Account {
    /// Signs in with whatever the AWS SDK finds, and asks who we are.
    ///
    /// # Errors
    /// No Region, no credentials, or credentials that AWS does not take; each says what to do.
    pub async fn connect(choice: &Choice) -> anyhow::Result<Self> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = &choice.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &choice.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &choice.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        Self::of(loader.load().await, choice.endpoint_url.clone()).await
    }

    /// The account behind an SDK configuration.
    ///
    /// # Errors
    /// As of [`Account::connect`].
    pub async fn of(aws: SdkConfig, endpoint_url: Option<String>) -> anyhow::Result<Self> {
        let Some(region) = aws.region().map(ToString::to_string) else {
            bail!("there is no Region: set `region` in the configuration file, or AWS_REGION");
        };
        let who = aws_sdk_sts::Client::new(&aws).get_caller_identity().send().await.context(
            "AWS does not know who you are: sign in (`aws sso login`, `aws configure`) or set AWS_PROFILE, and check \
             with `aws sts get-caller-identity`",
        )?;
        let id = who.account.context("AWS did not say which account this is")?;
        Ok(Self { aws, region, id, identity: who.arn.unwrap_or_default(), endpoint_url })
    }

    /// The address of an object for CloudFormation, which wants one of S3's own.
    #[must_use]
    pub fn object_url(&self, bucket: &str, key: &str) -> String {
        let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://s3.{}.{suffix}/{bucket}/{key}", self.region)
    }

    /// Where a deployed API answers: at its own address, or, in a local cloud, behind the cloud's.
    ///
    /// # Errors
    /// The address is not that of an API.
    pub fn reachable(&self, deployed: &str) -> anyhow::Result<String> {
        let Some(endpoint) = &self.endpoint_url else { return Ok(deployed.to_owned()) };
        let url = url::Url::parse(deployed).with_context(|| format!("read the address {deployed}"))?;
        let id = url.host_str().and_then(|host| host.split_once(".execute-api.")).map(|(id, _)| id);
        let id = id.with_context(|| format!("{deployed} is not the address of an API"))?;
        Ok(format!("{}/_aws/execute-api/{id}/$default{}", endpoint.trim_end_matches('/'), url.path()))
    }

    /// The part of AWS that the account is in: `aws`, `aws-cn`, `aws-us-gov`.
    #[must_use]
    pub fn partition(&self) -> &str {
        // arn:aws:sts::111122223333:assumed-role/…
        self.identity.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws")
    }

    /// Time between two looks at something that goes on.
    pub(crate) fn pause(&self) -> Duration {
        if self.endpoint_url.is_some() { Duration::from_millis(100) } else { Duration::from_secs(3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(endpoint_url: Option<&str>, region: &str) -> Account {
        let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let (id, identity) = ("111122223333".to_owned(), String::new());
        Account { aws, region: region.to_owned(), id, identity, endpoint_url: endpoint_url.map(str::to_owned) }
    }

    #[test]
    fn finds_the_api_in_the_local_cloud_and_leaves_it_alone_elsewhere() {
        let deployed = "https://0a1b2c3d.execute-api.us-east-1.amazonaws.com/slack/actions";
        let local = account(Some("http://127.0.0.1:1"), "us-east-1");
        assert_eq!(
            local.reachable(deployed).unwrap(),
            "http://127.0.0.1:1/_aws/execute-api/0a1b2c3d/$default/slack/actions"
        );
        assert!(local.reachable("https://example.com/").is_err());
        assert_eq!(account(None, "us-east-1").reachable(deployed).unwrap(), deployed);
    }

    #[test]
    fn names_objects_in_every_partition() {
        assert_eq!(account(None, "eu-west-1").object_url("b", "k"), "https://s3.eu-west-1.amazonaws.com/b/k");
        assert_eq!(account(None, "cn-north-1").object_url("b", "k"), "https://s3.cn-north-1.amazonaws.com.cn/b/k");
    }
}
