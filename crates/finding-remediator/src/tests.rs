mod buckets;
mod cases;
mod claims;
mod crashes;
mod meddling;
mod obstacles;
mod reach;
mod restores;
mod runs;
mod s3;
mod turns;
mod versions;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use aws_smithy_mocks::{RuleMode, mock, mock_client};
use domain::bucket::case_id;
use domain::finding::Finding;
use domain::policy::Sources;
use domain::quarantine::{Claim, Manifest, Retention, State, claim_key, manifest_key};
use domain::remediation::{Decision, Outcome};
use domain::slack::button::{self, DismissReason};
use jiff::Timestamp;
use platform::metrics::Metrics;
use platform::records::Records;
use platform::secret::SecretStore;
use platform::slack::Slack;
use serde_json::{Value, json};
use testing::{metrics::Lines, slack::StandIn};

use self::s3::S3;
use crate::{Config, Ended, Error, Handled, Invocation, Remediator};

const QUARANTINE: &str = "quarantine";
const NOW: i64 = 1_795_169_800;

/// A world with one object in a versioned bucket, a Slack that listens, and the function between them.
struct World {
    s3: Arc<Mutex<S3>>,
    slack: StandIn,
    metrics: Lines,
    remediator: Remediator,
    /// Presses come as they are, without the claim of the case that RemediationHandler makes before.
    claims_nothing: bool,
    /// The presses that have claimed their case: when Lambda tries again, nobody presses again.
    claimed: Mutex<HashSet<String>>,
}

impl World {
    async fn new() -> Self {
        let slack = StandIn::start().await;
        let mut s3 = S3::default();
        s3.create_bucket(QUARANTINE, true);
        s3.create_bucket("uploads", true);
        s3.create_bucket("flat", false);
        s3.time = NOW - 100;
        let s3 = Arc::new(Mutex::new(s3));
        let client = s3::client(&s3);
        let webhook = format!("{}services/T1/B1/x", slack.url);
        let secret = mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_output(move || {
            let answer = aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput::builder();
            answer.secret_string(&webhook).build()
        });
        let secrets = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&secret]);
        let config = Config {
            quarantine_bucket: QUARANTINE.into(),
            sources: Sources { account_id: "111122223333".into(), bucket_pattern: "*".into() },
            slack_webhook_secret_arn: "arn".into(),
            slack_button_key_secret_arn: "arn".into(),
            buttons: button::Settings { team_id: "T1".into(), channel_id: "C1".into(), retention: Retention::FOR_EVER },
            slack_endpoint_url: slack.url.clone(),
            stack_name: "acme-macie".into(),
        };
        let metrics = Lines::default();
        let remediator = Remediator {
            config,
            records: Records::new(client.clone(), QUARANTINE, "111122223333"),
            s3: client,
            secrets: SecretStore::from_client(secrets),
            slack: Slack::new(slack.url.clone()),
            metrics: Metrics::writing_to("acme-macie", metrics.clone()),
            clock: || Timestamp::from_second(NOW).unwrap(),
        };
        Self { s3, slack, metrics, remediator, claims_nothing: false, claimed: Mutex::default() }
    }

    fn s3(&self) -> std::sync::MutexGuard<'_, S3> {
        self.s3.lock().unwrap()
    }

    /// Runs a request to quarantine something.
    async fn handle(&self, request: &Value) -> Result<Quarantined, Error> {
        let handled = self.run(request).await?;
        let outcome = handled.ended.map(|ended| match ended {
            Ended::Quarantine(outcome) => outcome,
            other => panic!("{other:?}"),
        });
        Ok(Quarantined { case_id: handled.case_id, outcome })
    }

    /// The same request is the same invocation, as when Lambda tries again.
    async fn run(&self, request: &Value) -> Result<Handled, Error> {
        self.run_as(&request.to_string(), request).await
    }

    async fn run_as(&self, invocation: &str, request: &Value) -> Result<Handled, Error> {
        if !self.claims_nothing && self.claimed.lock().unwrap().insert(request.to_string()) {
            self.claim(request, None);
        }
        let until = Timestamp::from_second(NOW + 900).unwrap();
        self.remediator.handle(request.clone(), &Invocation { id: invocation.to_owned(), until }).await
    }

    /// Claims the case of a press on a finding's message, as RemediationHandler does.
    fn claim(&self, request: &Value, dismissed: Option<DismissReason>) {
        let task = request["task"].as_object().and_then(|task| task.values().next());
        let finding = serde_json::from_value::<Finding>(task.map(|task| task["finding"].clone()).unwrap_or_default());
        let decision = serde_json::from_value::<Decision>(request["decision"].clone());
        let (Ok(finding), Ok(decision)) = (finding, decision) else {
            return;
        };
        if decision != Decision::Policy {
            let claim = Claim::of(&finding, &decision, "r1", Timestamp::from_second(NOW).unwrap());
            let claim = Claim { dismissed, ..claim };
            self.s3().put_record(&claim_key(&case_id(&finding).unwrap()), &claim);
        }
    }

    fn case(&self, case_id: &str) -> Manifest {
        let body = self.s3().body(QUARANTINE, &manifest_key(case_id)).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn manifest(&self, request: &Value) -> Manifest {
        let finding: Finding = serde_json::from_value(request["task"]["quarantine"]["finding"].clone()).unwrap();
        self.case(&finding.case_id().unwrap())
    }

    /// Somebody's click on a button that starts this task, `minute` minutes past ten.
    fn press(&self, task: &Value, user: &str, minute: u8) -> Value {
        json!({"task": task, "decision": {"by": "person", "userId": user, "channelId": "C1",
            "decidedAt": format!("2026-11-20T10:{minute:02}:00Z"),
            "responseUrl": format!("{}actions/T1/2/b", self.slack.url)}})
    }

    /// A click whose answer goes to this world's Slack.
    fn click(&self, finding: &Value) -> Value {
        json!({"task": {"quarantine": {"finding": finding}}, "decision": {"by": "person", "userId": "U1", "channelId": "C1",
            "decidedAt": "2026-11-20T10:20:00Z", "responseUrl": format!("{}actions/T1/1/a", self.slack.url)}})
    }
}

/// What became of a request to quarantine something.
#[derive(Debug)]
struct Quarantined {
    case_id: String,
    outcome: Option<Outcome>,
}

/// A finding about a version of `key`.
fn finding(id: &str, bucket: &str, key: &str, version: &str, etag: &str) -> Value {
    json!({"id": id, "accountId": "111122223333", "region": "eu-west-1", "type": "SensitiveData:S3Object/Financial",
        "resourcesAffected": {"s3Bucket": {"name": bucket}, "s3Object": {"key": key, "versionId": version, "eTag": etag}}})
}

fn by_policy(finding: &Value) -> Value {
    json!({"task": {"quarantine": {"finding": finding}}, "decision": {"by": "policy"}})
}

fn was_told(manifest: &Manifest) -> bool {
    matches!(manifest.state, State::Ended { told: true, .. })
}

#[test]
fn configuration_names_everything_that_is_missing() {
    let error = Config::from_env(&|name| (name == "SLACK_ENDPOINT_URL").then(|| "hooks".into())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the environment of this function is unusable: `QUARANTINE_BUCKET` is not set; `ACCOUNT_ID` is not set; `SOURCE_BUCKET_PATTERN` is not set; \
         `SLACK_WEBHOOK_SECRET_ARN` is not set; `SLACK_BUTTON_KEY_SECRET_ARN` is not set; `SLACK_TEAM_ID` is not set; `SLACK_CHANNEL_ID` is not set; \
         `SLACK_ENDPOINT_URL` is `hooks`: relative URL without a base; `QUARANTINE_RETENTION_DAYS` is not set; `STACK_NAME` is not set"
    );
}
