use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use domain::bucket::{BucketAct, BucketOutcome};
use domain::quarantine::{Location, Manifest, RestoreOutcome, Run, SourceVersion, Transition};
use domain::remediation::{Decision, Outcome, Request, Task};
use jiff::Timestamp;
use platform::metrics::Metrics;
use platform::records::Records;
use platform::secret::SecretStore;
use platform::slack::Slack;
use serde_json::Value;

use crate::config::Config;
use crate::error::Error;

/// The function: configuration and clients.
#[derive(Debug)]
pub struct Remediator {
    pub config: Config,
    pub s3: Client,
    pub records: Records,
    pub secrets: SecretStore,
    pub slack: Slack,
    pub metrics: Metrics,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// One call of the function by Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Lambda's retries of the same request have the same id.
    pub id: String,
    /// When Lambda stops it.
    pub until: Timestamp,
}

impl Invocation {
    /// `deadline` is in milliseconds since 1970, as Lambda gives it.
    #[must_use]
    pub fn new(id: &str, deadline: u64) -> Self {
        let until = i64::try_from(deadline).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
        Self { id: id.to_owned(), until: until.unwrap_or_default() }
    }

    /// This call as the run that works on a case.
    pub(crate) fn run(&self, decision: &Decision) -> Run {
        Run { id: self.id.clone(), until: self.until, decision: decision.recorded() }
    }
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The id of the finding, or of the case, that the task names.
    pub subject_id: String,
    pub case_id: String,
    /// None when this very request had been handled before, since Lambda delivers at least once, and when another run
    /// works on the case.
    pub ended: Option<Ended>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Quarantine(Outcome),
    Restoration(RestoreOutcome),
    /// How many of the other versions are in quarantine now, and how many are not.
    OtherVersions {
        moved: usize,
        left: usize,
    },
    Bucket(BucketOutcome),
}

impl Remediator {
    /// Builds the clients. Nothing is fetched yet.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        let s3 = Client::new(aws);
        Self {
            slack: Slack::new(config.slack_endpoint_url.clone()),
            metrics: Metrics::new(&config.stack_name),
            records: Records::new(s3.clone(), &config.quarantine_bucket, &config.sources.account_id),
            config,
            s3,
            secrets: SecretStore::new(aws),
            clock: Timestamp::now,
        }
    }

    /// Does what the request asks for, unless that was done, and tells Slack.
    ///
    /// # Errors
    /// [`Error`] for what may heal: the same request again goes on where this one stopped.
    pub async fn handle(&self, payload: Value, invocation: &Invocation) -> Result<Handled, Error> {
        let request: Request = serde_path_to_error::deserialize(payload).map_err(Error::Request)?;
        let decision = &request.decision;
        // Boxed, like the other deep futures here: the states of all their requests together are large.
        match &request.task {
            Task::Quarantine { finding } => Box::pin(self.quarantine_finding(finding, decision, invocation)).await,
            Task::Restore { case_id } => Box::pin(self.restore(case_id, decision, invocation)).await,
            Task::QuarantineVersions { case_id } => {
                Box::pin(self.quarantine_versions(case_id, decision, invocation)).await
            }
            Task::BlockPublicAccess { finding } => {
                Box::pin(self.change_bucket(BucketAct::BlockPublicAccess, finding, decision)).await
            }
            Task::EncryptByDefault { finding } => {
                Box::pin(self.change_bucket(BucketAct::EncryptByDefault, finding, decision)).await
            }
        }
    }

    /// A place in the quarantine bucket, which must be ours.
    pub(crate) fn quarantined(&self, at: &Location) -> SourceVersion {
        SourceVersion {
            bucket: at.bucket.clone(),
            key: at.key.clone(),
            version_id: at.version_id.clone(),
            etag: None,
            account_id: Some(self.config.sources.account_id.clone()),
        }
    }

    /// Another run that works on the case now.
    pub(crate) fn other_run<'a>(&self, manifest: &'a Manifest, invocation: &Invocation) -> Option<&'a Run> {
        manifest.run_at((self.clock)()).filter(|run| run.id != invocation.id)
    }

    pub(crate) fn transition(&self, decision: &Decision, what: impl Into<String>) -> Transition {
        Transition { at: (self.clock)(), what: what.into(), by: decision.recorded() }
    }
}
