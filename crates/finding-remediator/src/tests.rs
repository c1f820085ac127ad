mod cases;
mod crashes;
mod s3;
mod slack;

use std::sync::{Arc, Mutex};

use aws_smithy_mocks::{RuleMode, mock, mock_client};
use domain::quarantine::{Manifest, State, manifest_key};
use jiff::Timestamp;
use platform::records::Records;
use platform::secret::SecretStore;
use platform::slack::Slack;
use serde_json::{Value, json};

use self::s3::S3;
use self::slack::StandIn;
use crate::{Config, Error, Handled, Remediator};

const QUARANTINE: &str = "quarantine";
const NOW: i64 = 1_795_169_800;

/// A world with one object in a versioned bucket, a Slack that listens, and the function between them.
struct World {
    s3: Arc<Mutex<S3>>,
    slack: StandIn,
    remediator: Remediator,
}

impl World {
    async fn new() -> Self {
        let slack = StandIn::start().await;
        let mut s3 = S3::default();
        s3.create_bucket(QUARANTINE, true);
        s3.create_bucket("uploads", true);
        s3.create_bucket("flat", false);
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
            slack_webhook_secret_arn: "arn".into(),
            slack_button_key_secret_arn: "arn".into(),
            slack_team_id: "T1".into(),
            slack_channel_id: "C1".into(),
            slack_endpoint_url: slack.url.clone(),
        };
        let remediator = Remediator {
            config,
            records: Records::new(client.clone(), QUARANTINE),
            s3: client,
            secrets: SecretStore::from_client(secrets),
            slack: Slack::new(slack.url.clone()),
            clock: || Timestamp::from_second(NOW).unwrap(),
        };
        Self { s3, slack, remediator }
    }

    fn s3(&self) -> std::sync::MutexGuard<'_, S3> {
        self.s3.lock().unwrap()
    }

    async fn handle(&self, request: &Value) -> Result<Handled, Error> {
        self.remediator.handle(request.clone()).await
    }

    fn manifest(&self, request: &Value) -> Manifest {
        let finding: domain::finding::Finding =
            serde_json::from_value(request["task"]["quarantine"]["finding"].clone()).unwrap();
        let body = self.s3().body(QUARANTINE, &manifest_key(&finding.case_id().unwrap())).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// A click whose answer goes to this world's Slack.
    fn click(&self, finding: &Value) -> Value {
        json!({"task": {"quarantine": {"finding": finding}}, "decision": {"by": "person", "userId": "U1", "channelId": "C1",
            "decidedAt": "2026-11-20T10:20:00Z", "responseUrl": format!("{}actions/T1/1/a", self.slack.url)}})
    }
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
        "the environment of this function is unusable: `QUARANTINE_BUCKET` is not set; `SLACK_WEBHOOK_SECRET_ARN` is \
         not set; `SLACK_BUTTON_KEY_SECRET_ARN` is not set; `SLACK_TEAM_ID` is not set; `SLACK_CHANNEL_ID` is not set; \
         `SLACK_ENDPOINT_URL` is `hooks`: relative URL without a base"
    );
}
