mod buckets;
mod clicks;
mod decisions;
mod digests;
mod hostile;
mod replays;
mod rotation;
mod sdk;
mod world;

use aws_sdk_macie2::types;
use domain::finding::Finding;
use serde_json::Value;

use self::sdk::as_sdk;
use crate::Config;
use crate::finding::from_sdk;

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "STACK_NAME" => "acme-macie",
        "SLACK_SIGNING_SECRET_ARN" => "arn:secret",
        "SLACK_BUTTON_KEY_SECRET_ARN" => "arn:button-key",
        "SECOND_APPROVER" => "NONE",
        "SLACK_TEAM_ID" => "T01ACME",
        "SLACK_APP_ID" => "A01REMEDIATE",
        "SLACK_CHANNEL_ID" => "C01SECURITY",
        "SLACK_ALLOWED_USER_IDS" => "U02ANN, U03BOB",
        "SLACK_ENDPOINT_URL" => "https://hooks.slack.com",
        "REMEDIATOR_FUNCTION_NAME" => "remediator",
        "ACCOUNT_ID" => "111122223333",
        "SOURCE_BUCKET_PATTERN" => "*",
        "QUARANTINE_BUCKET" => "acme-quarantine",
        "QUARANTINE_RETENTION_DAYS" => "0",
        _ => return None,
    };
    Some(value.to_owned())
}

pub(crate) fn sample(name: &str) -> Value {
    let path = format!("{}/../../samples/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn configuration_is_read_and_every_mistake_is_named() {
    let config = Config::from_env(&environment).unwrap();
    assert_eq!(config.slack_allowed_user_ids, ["U02ANN", "U03BOB"]);
    let everybody = Config::from_env(&|name| environment(name).filter(|_| name != "SLACK_ALLOWED_USER_IDS")).unwrap();
    assert!(everybody.slack_allowed_user_ids.is_empty());

    let wrong = |name: &str| match name {
        "SLACK_TEAM_ID" => Some("acme".to_owned()),
        "SLACK_CHANNEL_ID" => Some("#macie-findings".to_owned()),
        "SLACK_ALLOWED_USER_IDS" => Some(" , ".to_owned()),
        "SLACK_APP_ID" => None,
        other => environment(other),
    };
    assert_eq!(
        Config::from_env(&wrong).unwrap_err().to_string(),
        "the environment of this function is unusable: `SLACK_TEAM_ID` is `acme`: must be one of Slack's ids: capital \
         letters and digits, not a name; `SLACK_APP_ID` is not set; `SLACK_CHANNEL_ID` is `#macie-findings`: must be one \
         of Slack's ids: capital letters and digits, not a name; `SLACK_ALLOWED_USER_IDS` is `,`: must be one of Slack's \
         ids: capital letters and digits, not a name"
    );
}

#[test]
fn a_finding_is_the_same_from_getfindings_and_from_an_event() {
    for name in [
        "archived",
        "credentials",
        "custom-identifier",
        "financial-high",
        "hostile-key",
        "multiple",
        "nulls",
        "personal",
        "policy",
        "sample",
    ] {
        let detail = sample(&format!("macie-finding.{name}"))["detail"].take();
        let from_event: Finding = serde_json::from_value(detail.clone()).unwrap();
        assert_eq!(from_sdk(as_sdk(&detail)), Some(from_event), "{name}");
    }
    assert_eq!(from_sdk(types::Finding::builder().build()), None);
}
