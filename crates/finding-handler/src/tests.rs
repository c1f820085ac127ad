mod bursts;
mod log;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_lambda::operation::invoke::{InvokeInput, InvokeOutput};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::operation::get_object::{GetObjectInput, GetObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Input, ListObjectsV2Output};
use aws_sdk_s3::operation::put_object::{PutObjectInput, PutObjectOutput};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::Object;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_sqs::operation::send_message::{SendMessageInput, SendMessageOutput};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use domain::finding::{Finding, FindingType};
use domain::quarantine::{
    Claim, Location, Manifest, Restored, Shown, State, claim_key, manifest_key, restored_key, shown_key,
};
use domain::remediation::{Decision, Outcome, Proof};
use domain::slack::button::DismissReason;
use jiff::Timestamp;
use platform::metrics::Metrics;
use platform::records::Records;
use platform::secret::SecretStore;
use platform::slack::{Pace, Slack};
use serde_json::{Value, json};
use testing::{metrics::Lines, slack::StandIn};

use crate::{Batch, Config, FindingHandler, Remembered};

/// 2026-11-20 10:15:02, when the samples were published.
const NOW: i64 = 1_795_169_702;
const DAY: i64 = 86_400;

type Shared<T> = Arc<Mutex<T>>;

struct World {
    slack: StandIn,
    /// The quarantine bucket.
    files: Shared<BTreeMap<String, Vec<u8>>>,
    /// What the remediator was asked to do.
    invoked: Shared<Vec<Value>>,
    /// What was sent to the function's own queue: delay in seconds and body.
    queued: Shared<Vec<(i32, String)>>,
    /// Answers every call of Lambda, S3 and SQS with 403.
    denied: Shared<bool>,
    /// How many changes to the world take effect before everything is denied.
    left: Shared<Option<usize>>,
    metrics: Lines,
    handler: FindingHandler,
}

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "MIN_SEVERITY_LEVEL" => "LOW",
        "SECOND_APPROVER" => "NONE",
        "POLICY_FINDINGS" => "SHOW",
        "ACCOUNT_ID" => "111122223333",
        "SOURCE_BUCKET_PATTERN" => "*",
        "CREDENTIALS_ACTION" | "FINANCIAL_ACTION" => "AUTO",
        "CUSTOM_IDENTIFIER_ACTION" | "MULTIPLE_ACTION" | "PERSONAL_ACTION" => "REVIEW",
        "QUARANTINE_BUCKET" => "acme-quarantine",
        "QUARANTINE_RETENTION_DAYS" => "0",
        "REMEDIATOR_FUNCTION_NAME" => "remediator",
        "SLACK_WEBHOOK_SECRET_ARN" => "arn:secret",
        "SLACK_BUTTON_KEY_SECRET_ARN" => "arn:button-key",
        "SLACK_TEAM_ID" => "T01ACME",
        "SLACK_CHANNEL_ID" => "C01SECURITY",
        "SLACK_ENDPOINT_URL" => "https://hooks.slack.com",
        "FINDING_QUEUE_URL" => "https://sqs.eu-west-1.amazonaws.com/111122223333/findings",
        "AUTO_REMEDIATION_LIMIT" => "100",
        "INDIVIDUAL_MESSAGES" => "5",
        "DIGEST_MINUTES" => "10",
        "STACK_NAME" => "acme-macie",
        _ => return None,
    };
    Some(value.to_owned())
}

impl World {
    async fn new() -> Self {
        log::set_up();
        let slack = StandIn::start().await;
        let (files, invoked, queued, metrics) =
            (Shared::default(), Shared::default(), Shared::default(), Lines::default());
        let (denied, left) = (Arc::clone(&slack.down), Shared::default());
        let config = Config { slack_endpoint_url: slack.url.clone(), ..Config::from_env(&environment).unwrap() };
        let handler = process(&slack, &files, &invoked, &queued, (&denied, &left), &metrics, config);
        Self { slack, files, invoked, queued, denied, left, metrics, handler }
    }

    /// Another process of the function, in the same world.
    fn another(&self) -> FindingHandler {
        let down = (&self.denied, &self.left);
        let config = self.handler.config.clone();
        process(&self.slack, &self.files, &self.invoked, &self.queued, down, &self.metrics, config)
    }

    /// Hands over the bodies as one batch and answers with the positions of those that go back to the queue.
    async fn handle(&self, bodies: &[String]) -> Vec<usize> {
        self.handle_within(Duration::from_mins(1), bodies).await
    }

    async fn handle_within(&self, time: Duration, bodies: &[String]) -> Vec<usize> {
        deliver(&self.handler, time, bodies).await
    }

    fn file(&self, key: &str, value: &impl serde::Serialize) {
        self.files.lock().unwrap().insert(key.to_owned(), serde_json::to_vec(value).unwrap());
    }

    fn invoked(&self) -> Vec<Value> {
        std::mem::take(&mut self.invoked.lock().unwrap())
    }
}

/// A process of the function in this world.
fn process(
    slack: &StandIn,
    files: &Shared<BTreeMap<String, Vec<u8>>>,
    invoked: &Shared<Vec<Value>>,
    queued: &Shared<Vec<(i32, String)>>,
    (denied, left): (&Shared<bool>, &Shared<Option<usize>>),
    metrics: &Lines,
    config: Config,
) -> FindingHandler {
    let webhook = format!("{}services/T1/B1/x", slack.url);
    let secret = mock!(aws_sdk_secretsmanager::Client::get_secret_value)
        .then_output(move || GetSecretValueOutput::builder().secret_string(&webhook).build());
    FindingHandler {
        slack: Slack::new(slack.url.clone()),
        records: Records::new(s3(files, denied, left), "acme-quarantine", "111122223333"),
        sqs: sqs(queued, denied, left),
        pace: Pace::new(Duration::ZERO),
        metrics: Metrics::writing_to("acme-macie", metrics.clone()),
        remembered: Remembered::default(),
        lambda: lambda(invoked, denied, left),
        secrets: SecretStore::from_client(mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&secret])),
        clock: || Timestamp::from_second(NOW).unwrap(),
        config,
    }
}

/// Hands over the bodies as one batch and answers with the positions of those that go back to the queue.
async fn deliver(handler: &FindingHandler, time: Duration, bodies: &[String]) -> Vec<usize> {
    let records = bodies.iter().enumerate().map(|(index, body)| json!({"messageId": index.to_string(), "body": body}));
    let batch: Batch = serde_json::from_value(json!({"Records": records.collect::<Vec<_>>()})).unwrap();
    let deadline = SystemTime::from(Timestamp::from_second(NOW).unwrap()) + time;
    let report = serde_json::to_value(handler.handle(batch, deadline).await).unwrap();
    let failures = report["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().parse().unwrap()).collect()
}

fn denial() -> HttpResponse {
    let body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    HttpResponse::new(403.try_into().unwrap(), SdkBody::from(body))
}

/// Whether a change to the world takes effect; the last one that may is followed by death.
fn takes_effect(denied: &Shared<bool>, left: &Shared<Option<usize>>) -> bool {
    let (mut denied, mut left) = (denied.lock().unwrap(), left.lock().unwrap());
    match left.as_mut() {
        Some(0) => *denied = true,
        Some(left) => *left -= 1,
        None => {}
    }
    !*denied
}

fn s3(
    files: &Shared<BTreeMap<String, Vec<u8>>>,
    denied: &Shared<bool>,
    left: &Shared<Option<usize>>,
) -> aws_sdk_s3::Client {
    let (stored, refuse) = (Arc::clone(files), Arc::clone(denied));
    let get = mock!(aws_sdk_s3::Client::get_object).then_compute_response(move |input: &GetObjectInput| {
        if *refuse.lock().unwrap() {
            return MockResponse::Http(denial());
        }
        match stored.lock().unwrap().get(input.key().unwrap()) {
            Some(body) => MockResponse::Output(GetObjectOutput::builder().body(ByteStream::from(body.clone())).build()),
            None => MockResponse::Http(HttpResponse::new(
                404.try_into().unwrap(),
                SdkBody::from("<Error><Code>NoSuchKey</Code></Error>"),
            )),
        }
    });
    let (stored, refuse, left) = (Arc::clone(files), Arc::clone(denied), Arc::clone(left));
    let put = mock!(aws_sdk_s3::Client::put_object).then_compute_response(move |input: &PutObjectInput| {
        let (mut stored, key) = (stored.lock().unwrap(), input.key().unwrap().to_owned());
        if !takes_effect(&refuse, &left) {
            return MockResponse::Http(denial());
        }
        if input.if_none_match() == Some("*") && stored.contains_key(&key) {
            let body = SdkBody::from("<Error><Code>PreconditionFailed</Code></Error>");
            return MockResponse::Http(HttpResponse::new(412.try_into().unwrap(), body));
        }
        stored.insert(key, input.body().bytes().unwrap().to_vec());
        MockResponse::Output(PutObjectOutput::builder().build())
    });
    let (stored, refuse) = (Arc::clone(files), Arc::clone(denied));
    let list = mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_response(move |input: &ListObjectsV2Input| {
        if *refuse.lock().unwrap() {
            return MockResponse::Http(denial());
        }
        // A thousand at once, as S3 does.
        let (prefix, after) = (input.prefix().unwrap(), input.continuation_token().unwrap_or_default());
        let stored = stored.lock().unwrap();
        let mut keys = stored.keys().filter(|key| key.starts_with(prefix) && key.as_str() > after);
        let page: Vec<Object> = keys.by_ref().take(1_000).map(|key| Object::builder().key(key).build()).collect();
        let more = keys.next().and(page.last()).and_then(|last| last.key().map(str::to_owned));
        let page = ListObjectsV2Output::builder().set_contents(Some(page)).set_next_continuation_token(more);
        MockResponse::Output(page.build())
    });
    mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&get, &put, &list])
}

fn sqs(
    queued: &Shared<Vec<(i32, String)>>,
    denied: &Shared<bool>,
    left: &Shared<Option<usize>>,
) -> aws_sdk_sqs::Client {
    let (queued, refuse, left) = (Arc::clone(queued), Arc::clone(denied), Arc::clone(left));
    let send = mock!(aws_sdk_sqs::Client::send_message).then_compute_response(move |input: &SendMessageInput| {
        if !takes_effect(&refuse, &left) {
            return MockResponse::Http(denial());
        }
        let body = input.message_body().unwrap().to_owned();
        queued.lock().unwrap().push((input.delay_seconds().unwrap(), body));
        MockResponse::Output(SendMessageOutput::builder().build())
    });
    mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&send])
}

fn lambda(invoked: &Shared<Vec<Value>>, denied: &Shared<bool>, left: &Shared<Option<usize>>) -> aws_sdk_lambda::Client {
    let (invoked, refuse, left) = (Arc::clone(invoked), Arc::clone(denied), Arc::clone(left));
    let invoke = mock!(aws_sdk_lambda::Client::invoke).then_compute_response(move |input: &InvokeInput| {
        if !takes_effect(&refuse, &left) {
            return MockResponse::Http(denial());
        }
        assert_eq!(input.function_name(), Some("remediator"));
        assert_eq!(input.invocation_type().unwrap().as_str(), "Event");
        let payload = serde_json::from_slice(input.payload().unwrap().as_ref()).unwrap();
        invoked.lock().unwrap().push(payload);
        MockResponse::Output(InvokeOutput::builder().status_code(202).build())
    });
    mock_client!(aws_sdk_lambda, RuleMode::MatchAny, [&invoke])
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../samples/events/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn event(name: &str) -> String {
    sample(&format!("macie-finding.{name}"))
}

fn finding(name: &str) -> Finding {
    let mut event: Value = serde_json::from_str(&event(name)).unwrap();
    serde_json::from_value(event["detail"].take()).unwrap()
}

const NOTHING: Vec<String> = Vec::new();

#[tokio::test]
async fn an_auto_finding_is_remediated_without_asking() {
    let world = World::new().await;
    assert!(world.handle(&[event("financial-high")]).await.is_empty());
    let invoked = world.invoked();
    assert_eq!(invoked.len(), 1);
    assert_eq!(invoked[0]["decision"], json!({"by": "policy"}));
    let read: Finding = serde_json::from_value(invoked[0]["task"]["quarantine"]["finding"].clone()).unwrap();
    assert_eq!(read, finding("financial-high"));
    assert_eq!(world.slack.take(), NOTHING);
}

#[tokio::test]
async fn a_review_finding_is_asked_about_once() {
    let world = World::new().await;
    let mut rescan: Value = serde_json::from_str(&event("personal")).unwrap();
    rescan["detail"]["id"] = "ffffffffffffffffffffffffffffffff".into();
    assert!(world.handle(&[event("personal"), event("personal"), rescan.to_string()]).await.is_empty());
    assert_eq!(
        world.slack.take(),
        [
            "/services/T1/B1/x: Medium severity: personal information in `acme-uploads/hr/employee-records.txt`. Review needed"
        ]
    );
    assert!(world.invoked().is_empty());
    let shown = world.files.lock().unwrap()[&shown_key(&finding("personal").case_id().unwrap())].clone();
    let shown: Shown = serde_json::from_slice(&shown).unwrap();
    assert_eq!((shown.finding_id, shown.at.as_second()), (finding("personal").id, NOW));
}

fn shown_at(finding_id: &str, finding_type: FindingType, at: Timestamp) -> Shown {
    Shown { finding_id: finding_id.to_owned(), finding_type, severity: None, updated_at: None, notice: false, at }
}

#[tokio::test]
async fn what_has_no_button_is_told_once_too_and_asked_about_once_it_may_be_moved() {
    let mut world = World::new().await;
    world.handler.config.policy.sources.bucket_pattern = "acme-inbox-*".into();
    assert!(world.handle(&[event("personal"), event("personal")]).await.is_empty());
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains("Act by hand"), "{told:?}");
    world.handler.config.policy.sources.bucket_pattern = "*".into();
    assert!(world.handle(&[event("personal"), event("personal")]).await.is_empty());
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains("Review needed"), "{told:?}");
}

#[tokio::test]
async fn a_bucket_is_told_about_once_for_each_change_that_macie_counts() {
    let world = World::new().await;
    let mut again: Value = serde_json::from_str(&event("policy")).unwrap();
    again["detail"]["updatedAt"] = "2026-11-21T08:00:00Z".into();
    assert!(world.handle(&[event("policy"), event("policy")]).await.is_empty());
    assert_eq!(world.slack.take().len(), 1);
    assert!(world.handle(&[again.to_string(), event("policy"), again.to_string()]).await.is_empty());
    assert_eq!(world.slack.take().len(), 1);
}

#[tokio::test]
async fn a_dismissed_bucket_is_shown_again_when_it_happens_again_unless_the_risk_is_accepted() {
    for (reason, shown) in [("test-data", 1), ("handled-elsewhere", 1), ("accepted-risk", 0)] {
        let world = World::new().await;
        let mut event: Value = serde_json::from_str(&event("policy")).unwrap();
        let finding: Finding = serde_json::from_value(event["detail"].clone()).unwrap();
        let claim = json!({"findingId": finding.id, "findingType": finding.kind, "dismissed": reason,
            "decision": {"by": "policy"}, "at": finding.changed_at()});
        world.file(&claim_key(&finding.bucket_case_id().unwrap()), &claim);
        assert!(world.handle(&[event.to_string()]).await.is_empty());
        assert!(world.slack.take().is_empty(), "{reason}: what was dismissed is shown");
        event["detail"]["updatedAt"] = "2030-11-21T08:00:00Z".into();
        assert!(world.handle(&[event.to_string()]).await.is_empty());
        assert_eq!(world.slack.take().len(), shown, "{reason}");
    }
}

#[tokio::test]
async fn a_record_that_takes_too_long_goes_back_and_those_before_it_are_done() {
    let mut world = World::new().await;
    // Takes connections, and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(aws_sdk_lambda::config::BehaviorVersion::latest())
        .region(aws_sdk_lambda::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_lambda::config::Credentials::for_tests())
        .endpoint_url(format!("http://{}", silent.local_addr().unwrap()))
        .build();
    world.handler.lambda = aws_sdk_lambda::Client::from_conf(config);
    let start = std::time::Instant::now();
    let back = world.handle_within(Duration::from_millis(4_500), &[event("personal"), event("financial-high")]).await;
    assert_eq!(back, [1]);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(world.slack.take().len(), 1);
}

#[tokio::test]
async fn a_case_shown_a_month_ago_is_shown_again() {
    for (age, posts) in [(29 * DAY, 0), (30 * DAY, 1)] {
        let world = World::new().await;
        let at = Timestamp::from_second(NOW - age).unwrap();
        let key = shown_key(&finding("personal").case_id().unwrap());
        world.file(&key, &shown_at("f0", FindingType::Personal, at));
        assert!(world.handle(&[event("personal")]).await.is_empty());
        assert_eq!(world.slack.take().len(), posts, "{age}");
    }
}

#[tokio::test]
async fn what_somebody_dismissed_is_neither_shown_nor_moved_but_another_type_is() {
    for (name, of_this_type, of_another) in [("personal", (0, 0), (1, 0)), ("credentials", (0, 0), (0, 1))] {
        let finding = finding(name);
        for (finding_type, expected) in
            [(finding.kind.clone(), of_this_type), (FindingType::CustomIdentifier, of_another)]
        {
            let world = World::new().await;
            let at = Timestamp::from_second(NOW - DAY).unwrap();
            let claim = Claim {
                finding_id: "f0".into(),
                finding_type: finding_type.clone(),
                decision: Decision::Policy,
                dismissed: Some(DismissReason::TestData),
                reopened: None,
                request_id: None,
                at,
                beside: Vec::new(),
            };
            let case_id = finding.case_id().unwrap();
            world.file(&claim_key(&case_id), &claim);
            world.file(&shown_key(&case_id), &shown_at("f0", finding_type, at));
            assert!(world.handle(&[event(name)]).await.is_empty());
            assert_eq!((world.slack.take().len(), world.invoked().len()), expected, "{name} {claim:?}");
        }
    }
}

fn ended(finding: &Finding, outcome: Outcome, at: i64) -> (String, Manifest) {
    let case_id = finding.case_id().unwrap();
    let manifest = Manifest {
        case_id: case_id.clone(),
        finding_id: finding.id.clone(),
        finding_type: finding.kind.clone(),
        decision: Decision::Policy,
        original: None,
        quarantine: Location { bucket: "acme-quarantine".into(), key: "f/k".into(), version_id: None },
        state: State::Ended { outcome, at: Timestamp::from_second(at).unwrap(), told: false },
        region: None,
        remaining: Vec::new(),
        restoration: None,
        other_versions: None,
        copied_at: None,
        run: None,
        severity: None,
        transitions: Vec::new(),
    };
    (manifest_key(&case_id), manifest)
}

fn quarantined() -> Outcome {
    Outcome::Quarantined { proof: Proof::Size, remaining_versions: Some(0) }
}

#[tokio::test]
async fn a_case_that_is_quarantined_is_left_alone_unless_the_finding_is_newer() {
    for name in ["financial-high", "personal"] {
        for (at, acted) in [(NOW, 0), (NOW - DAY, 1)] {
            let world = World::new().await;
            let (key, manifest) = ended(&finding(name), quarantined(), at);
            world.file(&key, &manifest);
            assert!(world.handle(&[event(name)]).await.is_empty());
            assert_eq!(world.slack.take().len() + world.invoked().len(), acted, "{name} {at}");
        }
    }
}

#[tokio::test]
async fn what_is_not_to_be_acted_on_is_not() {
    let world = World::new().await;
    assert!(world.handle(&[event("sample"), event("archived")]).await.is_empty());
    assert_eq!(world.slack.take(), NOTHING);
    assert!(world.invoked().is_empty());
    assert!(world.files.lock().unwrap().is_empty());
    assert_eq!(world.metrics.sums(), sums([("FindingsHandled", 2), ("FindingsIgnored", 2)]));
}

fn sums<const N: usize>(list: [(&str, u64); N]) -> BTreeMap<String, u64> {
    list.into_iter().map(|(name, sum)| (name.to_owned(), sum)).collect()
}

#[tokio::test]
async fn a_policy_finding_is_shown_as_a_notice() {
    let world = World::new().await;
    assert!(world.handle(&[event("policy")]).await.is_empty());
    assert_eq!(
        world.slack.take(),
        ["/services/T1/B1/x: High severity: Bucket at risk: Block Public Access turned off: `acme-uploads`"]
    );
}

#[tokio::test]
async fn unusable_records_are_dropped_and_the_others_handled() {
    let world = World::new().await;
    let mut batch: Value = serde_json::from_str(&sample("macie-queue.batch")).unwrap();
    let bodies = batch["Records"].as_array_mut().unwrap();
    let mut bodies: Vec<String> = bodies.iter().map(|record| record["body"].as_str().unwrap().to_owned()).collect();
    bodies.extend(
        [
            json!(null),
            json!([]),
            json!({}),
            json!({"source": "aws.s3", "detail-type": "Macie Finding", "detail": {"id": "f"}}),
            json!({"source": "aws.macie", "detail-type": "Macie Alert", "detail": {"id": "f"}}),
            json!({"closeDigest": "../../cases"}),
            json!({"closeDigest": 7}),
        ]
        .map(|body| body.to_string()),
    );
    assert!(world.handle(&bodies).await.is_empty());
    assert_eq!(world.invoked().len(), 1);
    assert_eq!(world.slack.take().len(), 1);
}

#[tokio::test]
async fn what_is_ours_and_unreadable_is_told_and_never_dropped() {
    let event = |detail: Value| json!({"source": "aws.macie", "detail-type": "Macie Finding", "region": "eu-west-1", "detail": detail});
    for (body, expected) in [
        (event(json!(null)), "A finding could not be read"),
        (event(json!({"id": 7, "type": "SensitiveData:S3Object/Financial"})), "A finding could not be read"),
        (json!({"requestContext": {"requestId": "r1"}, "requestPayload": {"task": 7}}), "A remediation failed"),
        // As it was before tasks had names.
        (json!({"requestContext": {}, "requestPayload": {"finding": {"id": "f"}}}), "A remediation failed"),
    ] {
        let world = World::new().await;
        assert!(world.handle(&[body.to_string()]).await.is_empty());
        assert_eq!(world.slack.take(), [format!("/services/T1/B1/x: {expected}")]);
    }
}

#[tokio::test]
async fn a_finding_with_an_odd_leaf_is_remediated_all_the_same() {
    let world = World::new().await;
    let mut odd: Value = serde_json::from_str(&event("financial-high")).unwrap();
    odd["detail"]["severity"]["score"] = json!(3.0);
    odd["detail"]["count"] = json!("1");
    assert!(world.handle(&[odd.to_string()]).await.is_empty());
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn a_slack_that_asks_to_wait_is_waited_for() {
    let world = World::new().await;
    world.slack.answer([429, 429]);
    assert!(world.handle(&[event("personal")]).await.is_empty());
    assert_eq!(world.slack.take().len(), 3);
}

#[tokio::test]
async fn only_what_slack_did_not_take_goes_back_to_the_queue() {
    let world = World::new().await;
    world.slack.answer([500]);
    let failed = world.handle(&[event("personal"), event("financial-high"), event("multiple")]).await;
    assert_eq!(failed, [0]);
    assert_eq!(world.invoked().len(), 1);
    assert_eq!(world.slack.take().len(), 2);
    // Nothing says that it was shown, so the retry shows it.
    assert!(world.handle(&[event("personal")]).await.is_empty());
    assert_eq!(world.slack.take().len(), 1);
}

#[tokio::test]
async fn a_webhook_that_is_gone_goes_to_the_dead_letters_and_not_into_silence() {
    for status in [403, 404, 410] {
        let world = World::new().await;
        world.slack.answer([status]);
        assert_eq!(world.handle(&[event("personal")]).await, [0], "{status}");
    }
}

#[tokio::test]
async fn without_time_a_record_goes_back_before_anything_is_posted() {
    let world = World::new().await;
    assert_eq!(world.handle_within(Duration::from_secs(2), &[event("personal")]).await, [0]);
    assert_eq!(world.slack.take(), NOTHING);
}

#[tokio::test]
async fn a_refused_call_to_aws_goes_back_to_the_queue() {
    let world = World::new().await;
    *world.denied.lock().unwrap() = true;
    assert_eq!(world.handle(&[event("financial-high"), event("personal")]).await, [0, 1]);
    assert_eq!(world.slack.take(), NOTHING);
}

/// The sample of a remediation that failed, asked for by a click in this world.
fn failed_click(world: &World) -> String {
    let mut record: Value = serde_json::from_str(&sample("macie-queue.failed-remediation")).unwrap();
    record["requestPayload"]["decision"]["responseUrl"] = format!("{}actions/T1/1/a", world.slack.url).into();
    record.to_string()
}

#[tokio::test]
async fn a_failed_remediation_replaces_the_message_that_was_clicked() {
    let world = World::new().await;
    assert!(world.handle(&[failed_click(&world)]).await.is_empty());
    assert_eq!(
        world.slack.take(),
        ["/actions/T1/1/a (replaces): Quarantine failed: `acme-uploads/hr/employee-records.txt`"]
    );
}

#[tokio::test]
async fn a_failed_remediation_is_a_new_message_when_the_old_one_cannot_be_replaced() {
    let world = World::new().await;
    world.slack.answer([404]);
    assert!(world.handle(&[failed_click(&world)]).await.is_empty());
    assert_eq!(
        world.slack.take().last().unwrap(),
        "/services/T1/B1/x: Quarantine failed: `acme-uploads/hr/employee-records.txt`"
    );
    // The address in the sample is another Slack's than this world's.
    assert!(world.handle(&[sample("macie-queue.failed-remediation")]).await.is_empty());
    assert_eq!(world.slack.take().len(), 1);
}

#[tokio::test]
async fn every_other_task_that_failed_is_told_by_its_own_name_and_leaves_its_button() {
    let finding = json!({"id": "f9", "resourcesAffected": {"s3Bucket": {"name": "acme-uploads"}}});
    for (task, expected) in [
        (json!({"restore": {"caseId": "0123456789abcdef0123456789abcdef"}}), "Restore failed"),
        (
            json!({"quarantineVersions": {"caseId": "0123456789abcdef0123456789abcdef"}}),
            "Quarantine of other versions failed",
        ),
        (json!({"blockPublicAccess": {"finding": finding}}), "Block Public Access failed"),
        (json!({"encryptByDefault": {"finding": finding}}), "Default encryption failed"),
    ] {
        let world = World::new().await;
        let mut record: Value = serde_json::from_str(&failed_click(&world)).unwrap();
        record["requestPayload"]["task"] = task;
        assert!(world.handle(&[record.to_string()]).await.is_empty());
        let told = world.slack.take();
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with(&format!("/services/T1/B1/x: {expected}: ")), "{told:?}");
    }
}

/// The record of an attempt to do this, which somebody decided and which has ended.
fn attempt(task: &str, decision: &Value) -> (String, Value) {
    let state = |outcome: Value| {
        let mut state = json!({"state": "ended", "at": Timestamp::from_second(NOW).unwrap(), "told": false});
        state.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
        state
    };
    let mut decision = decision.clone();
    decision.as_object_mut().unwrap().remove("responseUrl");
    let (key, manifest) = ended(&finding("personal"), quarantined(), NOW - 60);
    let mut manifest = serde_json::to_value(manifest).unwrap();
    let restoration =
        |outcome| json!({"decision": decision, "startedAt": "2026-11-20T10:15:00Z", "state": state(outcome)});
    match task {
        "restored" => manifest["restoration"] = restoration(json!({"outcome": "restored", "copy": "deleted"})),
        "not restored" => manifest["restoration"] = restoration(json!({"outcome": "keyUnusable"})),
        "versions" => {
            manifest["otherVersions"] =
                json!({"decision": decision, "endedAt": "2026-11-20T10:15:00Z", "versions": []});
        }
        act => {
            let bucket = finding("policy");
            let case_id = bucket.bucket_case_id().unwrap();
            let record = json!({"caseId": case_id, "findingId": bucket.id, "findingType": bucket.kind, "act": act,
                "bucket": "acme-uploads", "decision": decision, "state": state(json!({"outcome": "turnedOn"})),
                "transitions": []});
            return (format!("cases/{case_id}/{act}.json"), record);
        }
    }
    (key, manifest)
}

#[tokio::test]
async fn when_only_the_message_failed_the_truth_is_told_of_every_task() {
    let case_id = finding("personal").case_id().unwrap();
    let (of_case, of_bucket) = (json!({"caseId": case_id}), json!({"finding": finding("policy")}));
    for (task, attempted, truth, failure) in [
        (json!({"restore": of_case}), "restored", "/actions/T1/1/a (replaces): Object restored", "Restore failed"),
        (json!({"restore": of_case}), "not restored", "/services/T1/B1/x: Object not restored", "Restore failed"),
        (
            json!({"quarantineVersions": of_case}),
            "versions",
            "/services/T1/B1/x: No other version is left",
            "Quarantine of other versions failed",
        ),
        (
            json!({"blockPublicAccess": of_bucket}),
            "block-public-access",
            "/services/T1/B1/x: Block Public Access turned on",
            "Block Public Access failed",
        ),
        (
            json!({"encryptByDefault": of_bucket}),
            "encrypt-by-default",
            "/services/T1/B1/x: Default encryption turned on",
            "Default encryption failed",
        ),
    ] {
        let world = World::new().await;
        let mut record: Value = serde_json::from_str(&failed_click(&world)).unwrap();
        record["requestPayload"]["task"] = task;
        let (key, ended) = attempt(attempted, &record["requestPayload"]["decision"]);
        world.file(&key, &ended);
        assert!(world.handle(&[record.to_string()]).await.is_empty());
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].starts_with(truth), "{attempted}: {told:?}");

        // Somebody else's attempt is no end of this one.
        record["requestPayload"]["decision"]["userId"] = "U99EVE".into();
        assert!(world.handle(&[record.to_string()]).await.is_empty());
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].starts_with(&format!("/services/T1/B1/x: {failure}")), "{told:?}");
    }
}

#[tokio::test]
async fn when_only_the_message_failed_the_truth_is_told() {
    for (outcome, expected) in [
        (quarantined(), "Quarantined `acme-uploads/hr/employee-records.txt`: personal information"),
        (Outcome::KeyUnusable { copied: false }, "Object not moved: `acme-uploads/hr/employee-records.txt`"),
    ] {
        let world = World::new().await;
        let (key, manifest) = ended(&finding("personal"), outcome, NOW);
        world.file(&key, &manifest);
        assert!(world.handle(&[failed_click(&world)]).await.is_empty());
        assert_eq!(world.slack.take(), [format!("/actions/T1/1/a (replaces): {expected}")]);
    }
}

#[test]
fn configuration_is_read_and_every_mistake_is_named() {
    let config = Config::from_env(&environment).unwrap();
    assert_eq!(config.policy.quarantine_bucket, "acme-quarantine");
    let wrong = |name: &str| match name {
        "FINANCIAL_ACTION" => Some("auto".to_owned()),
        "MIN_SEVERITY_LEVEL" => Some("HGIH".to_owned()),
        "PERSONAL_ACTION" | "QUARANTINE_BUCKET" => None,
        "INDIVIDUAL_MESSAGES" => Some("many".to_owned()),
        "DIGEST_MINUTES" => Some("11".to_owned()),
        other => environment(other),
    };
    assert_eq!(
        Config::from_env(&wrong).unwrap_err().to_string(),
        "the environment of this function is unusable: `MIN_SEVERITY_LEVEL` is `HGIH`: must be LOW, MEDIUM or HIGH; \
         `FINANCIAL_ACTION` is `auto`: must be AUTO, REVIEW or IGNORE; `PERSONAL_ACTION` is not set; \
         `QUARANTINE_BUCKET` is not set; `INDIVIDUAL_MESSAGES` is `many`: must be a number from 0 to 1000; \
         `DIGEST_MINUTES` is `11`: must be a number from 1 to 10"
    );
}

#[tokio::test]
async fn what_a_person_put_back_is_asked_about_even_where_the_type_is_auto() {
    let world = World::new().await;
    let case_id = finding("financial-high").case_id().unwrap();
    let restored = Restored {
        from_case_id: "0123456789abcdef0123456789abcdef".into(),
        decision: Decision::Policy,
        at: Timestamp::from_second(NOW - 60).unwrap(),
    };
    world.file(&restored_key(&case_id), &restored);
    assert!(world.handle(&[event("financial-high")]).await.is_empty());
    assert!(world.invoked().is_empty(), "configuration does not overrule a person");
    assert_eq!(world.slack.take().len(), 1);
}

/// What a person put back is the first upload itself: without versioning it comes back under the same name.
#[tokio::test]
async fn what_a_person_put_back_is_asked_about_in_a_bucket_without_versions_too() {
    let world = World::new().await;
    let of_another_type = Finding { kind: FindingType::Credentials, ..finding("financial-high") };
    let (key, mut manifest) = ended(&finding("financial-high"), quarantined(), NOW - 60);
    let at = Timestamp::from_second(NOW - 30).unwrap();
    manifest.restoration = serde_json::from_value(json!({"decision": {"by": "person", "userId": "U02ANN",
        "channelId": "C01SECURITY", "decidedAt": at}, "startedAt": at,
        "state": {"state": "ended", "outcome": "restored", "copy": "deleted", "at": at, "told": true}}))
    .unwrap();
    world.file(&key, &manifest);
    // As it was told that it had been moved.
    let told_at = Timestamp::from_second(NOW - 50).unwrap();
    let shown = Shown { severity: of_another_type.severity(), ..shown_at("f0", FindingType::Financial, told_at) };
    world.file(&shown_key(&of_another_type.case_id().unwrap()), &shown);
    let mut event: Value = serde_json::from_str(&event("financial-high")).unwrap();
    event["detail"] = serde_json::to_value(&of_another_type).unwrap();
    assert!(world.handle(&[event.to_string(), event.to_string()]).await.is_empty());
    assert!(world.invoked().is_empty(), "configuration does not overrule a person");
    let messages = world.slack.take_messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].to_string().contains("put back from quarantine, decided by <@U02ANN>"), "{messages:?}");
}

/// A finding about the object of the sample, of another type and severity.
fn about_the_same(id: u32, kind: &str, score: i64) -> String {
    let mut event: Value = serde_json::from_str(&event("personal")).unwrap();
    event["detail"]["id"] = format!("{id:032x}").into();
    event["detail"]["type"] = format!("SensitiveData:S3Object/{kind}").into();
    event["detail"]["severity"] = json!({"score": score});
    event.to_string()
}

/// One whose findings have a button, and one that may not touch their bucket.
async fn worlds_that_ask_and_tell() -> [World; 2] {
    let mut telling = World::new().await;
    telling.handler.config.policy.sources.bucket_pattern = "acme-inbox-*".into();
    [World::new().await, telling]
}

#[tokio::test]
async fn a_worse_finding_about_an_object_that_was_shown_is_shown_too_and_nothing_else_is() {
    for world in worlds_that_ask_and_tell().await {
        for (id, kind, score, shown, why) in [
            (1, "Personal", 1, 1, "the first"),
            (2, "Multiple", 1, 0, "no worse"),
            (3, "Multiple", 3, 1, "worse"),
            (4, "Multiple", 3, 0, "a re-scan"),
            (5, "Personal", 1, 0, "a re-scan of what was shown before"),
            (6, "CustomIdentifier", 2, 0, "less grave"),
        ] {
            assert!(world.handle(&[about_the_same(id, kind, score)]).await.is_empty());
            assert_eq!(world.slack.take().len(), shown, "{why}");
        }
    }
    // More of the same, as a job finds it that reads the whole object.
    for world in worlds_that_ask_and_tell().await {
        assert!(world.handle(&[about_the_same(1, "Personal", 1), about_the_same(2, "Personal", 3)]).await.is_empty());
        assert_eq!(world.slack.take().len(), 2);
    }
}

#[tokio::test]
async fn a_record_of_what_was_shown_that_names_no_severity_holds_for_its_type() {
    for (kind, shown) in [("Personal", 0), ("Multiple", 1)] {
        for world in worlds_that_ask_and_tell().await {
            let old = json!({"findingId": "f0", "findingType": "SensitiveData:S3Object/Personal",
                "at": Timestamp::from_second(NOW - DAY).unwrap()});
            world.file(&shown_key(&finding("personal").case_id().unwrap()), &old);
            assert!(world.handle(&[about_the_same(1, kind, 3)]).await.is_empty());
            assert_eq!(world.slack.take().len(), shown, "{kind}");
        }
    }
}

#[tokio::test]
async fn findings_that_name_no_bucket_are_each_shown() {
    let world = World::new().await;
    let nameless = |id: u32| {
        let mut event: Value = serde_json::from_str(&event("policy")).unwrap();
        event["detail"]["id"] = format!("{id:032x}").into();
        event["detail"]["resourcesAffected"] = json!(null);
        event.to_string()
    };
    assert!(world.handle(&[nameless(1), nameless(2)]).await.is_empty());
    assert_eq!(world.slack.take().len(), 2);
    assert!(!world.files.lock().unwrap().keys().any(|key| key.starts_with("cases/")), "a record of no case");
}

#[tokio::test]
async fn a_quarantine_bucket_at_risk_is_shown_and_findings_in_it_are_not() {
    let world = World::new().await;
    let own = |name: &str| event(name).replace("acme-uploads", "acme-quarantine");
    assert!(world.handle(&[own("policy"), own("personal")]).await.is_empty());
    let told = world.slack.take_messages();
    assert_eq!(told.len(), 1, "{told:?}");
    let told = told[0].to_string();
    assert!(told.contains("This is the quarantine bucket of this deployment"), "{told}");
    assert!(!told.contains("block-public-access") && !told.contains("dismiss"), "{told}");
}
