use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use domain::finding::Finding;
use domain::quarantine::{Location, Manifest, Plan, SourceVersion, State, Transition, plan};
use domain::remediation::{Outcome, Request, Task};
use domain::slack::button::{Place, Signer};
use jiff::Timestamp;
use platform::records::Records;
use platform::secret::SecretStore;
use platform::slack::Slack;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::config::Config;
use crate::error::{Error, Stop};
use crate::record::Record;
use crate::{copy, inspect, remove, tell};

/// The function: configuration and clients.
#[derive(Debug)]
pub struct Remediator {
    pub config: Config,
    pub s3: Client,
    pub records: Records,
    pub secrets: SecretStore,
    pub slack: Slack,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    pub finding_id: String,
    pub case_id: String,
    /// None when this very request had been handled before: Lambda delivers at least once.
    pub outcome: Option<Outcome>,
}

impl Remediator {
    /// Builds the clients. Nothing is fetched yet.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        let s3 = Client::new(aws);
        Self {
            slack: Slack::new(config.slack_endpoint_url.clone()),
            records: Records::new(s3.clone(), &config.quarantine_bucket),
            config,
            s3,
            secrets: SecretStore::new(aws),
            clock: Timestamp::now,
        }
    }

    /// Quarantines the object that the request is about, unless that was done, and tells Slack.
    ///
    /// # Errors
    /// [`Error`] for what may heal: the same request again goes on where this one stopped.
    pub async fn handle(&self, payload: Value) -> Result<Handled, Error> {
        let request: Request = serde_path_to_error::deserialize(payload).map_err(Error::Request)?;
        let Task::Quarantine { finding } = &request.task else {
            return Err(Error::NotSupported { subject_id: request.task.subject_id().to_owned() });
        };
        let finding_id = finding.id.clone();
        let plan = plan(finding).map_err(|source| Error::Unplannable { finding_id: finding_id.clone(), source })?;
        let case_id = plan.case_id.clone();
        let record = Record::read(&self.records, &case_id).await?;

        let same = record.as_ref().is_some_and(|record| is_same(&record.manifest, finding, &request));
        let outcome = match record {
            Some(record) if same && was_told(&record.manifest) => None,
            Some(record) if record.manifest.is_quarantined() && (same || !self.is_back(&plan.source).await) => {
                let outcome = record.manifest.outcome().cloned();
                self.tell(&request, finding, record, !same).await?;
                outcome
            }
            record => Some(Box::pin(self.quarantine(&request, finding, plan, record)).await?),
        };
        Ok(Handled { finding_id, case_id, outcome })
    }

    /// Whether the same bytes lie under the same key once more. A version id is given out once; without one, somebody
    /// may have uploaded the file again after it was quarantined.
    async fn is_back(&self, source: &SourceVersion) -> bool {
        source.version_id.is_none()
            && matches!(inspect::source(&self.s3, source).await, Ok(Some(head)) if inspect::is_as_scanned(&head, source))
    }

    /// Moves the object, records how that ended, and tells.
    async fn quarantine(
        &self,
        request: &Request,
        finding: &Finding,
        plan: Plan,
        record: Option<Record>,
    ) -> Result<Outcome, Error> {
        // Only the first run of a request: a message can be replaced five times.
        if record.as_ref().is_none_or(|record| !is_same(&record.manifest, finding, request)) {
            tell::begin(&self.slack, finding, &request.decision).await;
        }
        let mut record = self.begin(request, finding, &plan, record);
        // Boxed, like the other deep futures here: the states of all its requests together are large.
        let outcome = match Box::pin(self.relocate(plan.source, &mut record)).await {
            Ok(outcome) | Err(Stop::Ended(outcome)) => outcome,
            Err(Stop::Failed(error)) => return Err(error),
        };
        let ended = self.transition(request, describe(&outcome));
        record.manifest.state = State::Ended { outcome: outcome.clone(), at: ended.at, told: false };
        record.manifest.transitions.push(ended);
        self.write(&mut record).await?;
        self.tell(request, finding, record, false).await?;
        Ok(outcome)
    }

    /// The record with which this run begins: a new one, or the one that an earlier run left. A copy that was begun
    /// keeps its place, so that no second one is left behind.
    fn begin(&self, request: &Request, finding: &Finding, plan: &Plan, record: Option<Record>) -> Record {
        let Some(mut record) = record else {
            return Record::new(Manifest {
                case_id: plan.case_id.clone(),
                finding_id: finding.id.clone(),
                finding_type: finding.kind.clone(),
                decision: request.decision.recorded(),
                original: None,
                quarantine: Location {
                    bucket: self.config.quarantine_bucket.clone(),
                    key: plan.destination_key.clone(),
                    version_id: None,
                },
                state: State::Started,
                transitions: vec![self.transition(request, "Quarantine decided")],
            });
        };
        if record.manifest.is_quarantined() {
            // The object is back: what lies in quarantine from before is not touched.
            record.manifest.original = None;
            record.manifest.quarantine.key.clone_from(&plan.destination_key);
            record.manifest.quarantine.version_id = None;
        }
        let again = if is_same(&record.manifest, finding, request) { "Run again" } else { "Quarantine decided again" };
        record.manifest.finding_id.clone_from(&finding.id);
        record.manifest.finding_type.clone_from(&finding.kind);
        record.manifest.decision = request.decision.recorded();
        record.manifest.state = State::Started;
        record.manifest.transitions.push(self.transition(request, again));
        record
    }

    /// The move itself. A crash after any line leaves the object in its bucket, in quarantine, or in both, never in
    /// neither; the record that is written before the copy lets the next run see which.
    async fn relocate(&self, mut source: SourceVersion, record: &mut Record) -> Result<Outcome, Stop> {
        let head = match inspect::source(&self.s3, &source).await? {
            Some(head) if inspect::is_as_scanned(&head, &source) => head,
            Some(_) => return self.finish_or(Outcome::ChangedSinceScan { copied: false }, &source, record).await,
            None => return self.finish_or(Outcome::AlreadyGone, &source, record).await,
        };
        if let Some(obstacle) = inspect::obstacle(&head, (self.clock)()) {
            return Ok(obstacle);
        }
        // Macie names no version where the bucket had no versioning. If it has by now, only a delete by version
        // removes the bytes; without one, S3 would hide them behind a delete marker.
        if source.version_id.is_none() {
            source.version_id = head.version_id().map(str::to_owned);
        }
        record.manifest.original = Some(inspect::original(&head, &source));
        self.write(record).await?;

        copy::copy(&self.s3, &source, &head, &mut record.manifest.quarantine).await?;
        let proof = copy::verify(&self.s3, &inspect::fingerprint(&head), &record.manifest.quarantine).await?;
        let proof = proof.ok_or(Error::CopyDiffers)?;
        remove::original(&self.s3, &source, &head).await?;
        remove::check_gone(&self.s3, &source).await?;
        let remaining_versions = remove::count_versions(&self.s3, &source).await;
        Ok(Outcome::Quarantined { proof, remaining_versions })
    }

    /// The scanned version is not there. If an earlier run had copied it, that run died after it deleted the original,
    /// and the move is complete; else somebody else was faster, and `otherwise` is what happened.
    async fn finish_or(&self, otherwise: Outcome, source: &SourceVersion, record: &Record) -> Result<Outcome, Stop> {
        let Some(original) = &record.manifest.original else {
            return Ok(otherwise);
        };
        match copy::verify(&self.s3, &original.fingerprint(), &record.manifest.quarantine).await? {
            Some(proof) => {
                let remaining_versions = remove::count_versions(&self.s3, source).await;
                Ok(Outcome::Quarantined { proof, remaining_versions })
            }
            None => Ok(otherwise),
        }
    }

    /// Tells Slack how the case ended, and records that it did. A failure here costs nothing but a new run, which finds
    /// the move done.
    async fn tell(&self, request: &Request, finding: &Finding, mut record: Record, before: bool) -> Result<(), Error> {
        let keys = self.secrets.get_rotating(&self.config.slack_button_key_secret_arn).await;
        let keys = keys.map_err(Error::ButtonKey)?;
        let place = Place { team_id: &self.config.slack_team_id, channel_id: &self.config.slack_channel_id };
        let signer = Signer::new(keys.newest().expose_secret(), place, (self.clock)());
        let message = tell::message(finding, &record.manifest, before, &signer);
        tell::end(&self.slack, &self.secrets, &self.config, &request.decision, message).await?;
        if !before {
            record.manifest.transitions.push(self.transition(request, "Told Slack"));
            if let State::Ended { told, .. } = &mut record.manifest.state {
                *told = true;
            }
            self.write(&mut record).await?;
        }
        Ok(())
    }

    async fn write(&self, record: &mut Record) -> Result<(), Error> {
        record.write(&self.records).await
    }

    fn transition(&self, request: &Request, what: &str) -> Transition {
        Transition { at: (self.clock)(), what: what.to_owned(), by: request.decision.recorded() }
    }
}

/// Whether the record is about this very request, not about an earlier finding or decision of the same case.
fn is_same(manifest: &Manifest, finding: &Finding, request: &Request) -> bool {
    manifest.finding_id == finding.id && manifest.decision == request.decision.recorded()
}

fn was_told(manifest: &Manifest) -> bool {
    matches!(manifest.state, State::Ended { told: true, .. })
}

fn describe(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Quarantined { .. } => "Copied, compared, deleted from its bucket",
        Outcome::AlreadyGone => "Not moved: the version was gone",
        Outcome::ChangedSinceScan { .. } => "Not moved: the object changed since the scan",
        Outcome::Locked { .. } => "Not moved: locked",
        Outcome::AccessDenied { .. } => "Not moved: access denied",
        Outcome::KeyUnusable => "Not moved: the encryption key cannot be used",
        Outcome::Archived { .. } => "Not moved: archived",
        Outcome::OtherRegion => "Not moved: the bucket is in another Region",
    }
}
