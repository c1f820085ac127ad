//! AWS and Slack in memory around the function.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_lambda::operation::invoke::{InvokeInput, InvokeOutput};
use aws_sdk_macie2::operation::get_findings::{GetFindingsInput, GetFindingsOutput};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::operation::get_object::{GetObjectInput, GetObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Input, ListObjectsV2Output};
use aws_sdk_s3::operation::put_object::{PutObjectInput, PutObjectOutput};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::Object;
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueInput, GetSecretValueOutput};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use domain::quarantine::Retention;
use domain::slack::button::{Action, DismissReason, Place, Signer};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use jiff::Timestamp;
use platform::metrics::Metrics;
use platform::records::Records;
use platform::secret::SecretStore;
use platform::slack::Slack;
use serde_json::{Value, json};
use sha2::Sha256;
use testing::{metrics::Lines, slack::StandIn};

use super::sdk::as_sdk;
use super::{environment, sample};
use crate::{Config, Error, RemediationHandler};

/// When the click of the sample was made.
pub(super) const NOW: i64 = 1_795_169_801;
pub(super) const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub(super) const NEXT_SECRET: &str = "1b1b1b1b1b1b1b1b2c2c2c2c2c2c2c2c";

pub(super) const BUTTON_KEY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(super) const NEXT_BUTTON_KEY: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// Where the buttons are shown.
pub(super) const PLACE: Place<'static> = Place { team_id: "T01ACME", channel_id: "C01SECURITY" };
/// The finding of the sample.
pub(super) const FINDING: &str = "7d3f0b0ce1a24c55b1f2a0d94e6c8b17";

/// Its case.
pub(super) const CASE: &str = "16ef9c08dec853aa150d2991e45f707a";

/// The value of a button that was made when the sample's message was posted.
pub(super) fn value(action: Action, subject: &str) -> String {
    value_by(BUTTON_KEY, PLACE, NOW - 98, action, subject)
}

/// The same of a button in a list.
pub(super) fn listed(action: Action, subject: &str) -> String {
    let made = Timestamp::from_second(NOW - 98).unwrap();
    Signer::new(BUTTON_KEY, PLACE, Retention::FOR_EVER, made).for_list().value(action, subject).unwrap()
}

pub(super) fn value_by(key: &str, place: Place<'_>, made: i64, action: Action, subject: &str) -> String {
    Signer::new(key, place, Retention::FOR_EVER, Timestamp::from_second(made).unwrap()).value(action, subject).unwrap()
}

type Shared<T> = Arc<Mutex<T>>;

pub(super) struct World {
    pub(super) slack: StandIn,
    /// The quarantine bucket: content and how often it was written, which is its `ETag`.
    pub(super) files: Stored,
    /// The records of requests that came.
    pub(super) presses: Stored,
    /// Prefixes that were listed, once for each thousand of keys.
    pub(super) lists: Shared<Vec<String>>,
    /// What the remediator was asked to do.
    pub(super) invoked: Shared<Vec<Value>>,
    /// Calls of Macie.
    pub(super) asked: Shared<Vec<String>>,
    /// Findings that Macie has.
    pub(super) findings: Shared<Vec<Value>>,
    /// What Secrets Manager has, by id, and how often each was asked for.
    pub(super) secrets: Shared<HashMap<String, (String, usize)>>,
    /// These services answer with 403.
    pub(super) denied: Shared<Vec<&'static str>>,
    /// S3 takes the next record with this name in its key, and its answer is lost: the SDK asks again, and is refused.
    pub(super) lost: Shared<Option<&'static str>>,
    pub(super) lines: Lines,
    pub(super) handler: RemediationHandler,
}

impl World {
    pub(super) async fn new() -> Self {
        let slack = StandIn::start().await;
        let (files, presses, invoked, asked) =
            (Shared::default(), Shared::default(), Shared::default(), Shared::default());
        let findings = Arc::new(Mutex::new(vec![sample("macie-finding.personal")["detail"].take()]));
        let (lists, denied, lost, lines) = (Shared::default(), Shared::default(), Shared::default(), Lines::default());
        let config = Config { slack_endpoint_url: slack.url.clone(), ..Config::from_env(&environment).unwrap() };
        let secrets: Shared<HashMap<String, (String, usize)>> = Arc::new(Mutex::new(HashMap::from([
            ("arn:secret".to_owned(), (format!("{NEXT_SECRET}\n{SECRET}\nx"), 0)),
            ("arn:button-key".to_owned(), (format!("{NEXT_BUTTON_KEY}\n{BUTTON_KEY}\nx"), 0)),
        ])));
        let kept = Arc::clone(&secrets);
        let secret = mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_compute_output(
            move |input: &GetSecretValueInput| {
                let mut kept = kept.lock().unwrap();
                let (text, asked) = kept.get_mut(input.secret_id().unwrap()).expect("a secret that there is");
                *asked += 1;
                GetSecretValueOutput::builder().secret_string(text.as_str()).build()
            },
        );
        let handler = RemediationHandler {
            slack: Slack::new(slack.url.clone()),
            records: Records::new(s3((&files, &presses), &lists, &denied, &lost), "acme-quarantine", "111122223333"),
            lambda: lambda(&invoked, &denied),
            macie: macie(&findings, &asked, &denied),
            secrets: SecretStore::from_client(mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&secret])),
            metrics: Metrics::writing_to("acme-macie", lines.clone()),
            clock: || Timestamp::from_second(NOW).unwrap(),
            // The machine of a test may be busy; what happens when time is up has a test of its own.
            time_to_act: Duration::from_secs(30),
            time_to_answer: Duration::from_secs(30),
            config,
        };
        Self { slack, files, presses, lists, invoked, asked, findings, secrets, denied, lost, lines, handler }
    }

    /// The sample's click, answered in this world's Slack.
    pub(super) fn click(&self) -> Value {
        let mut click = sample("slack-click.remediate");
        click["actions"][0]["value"] = value(Action::Remediate, FINDING).into();
        self.answered_here(click)
    }

    /// The sample's dismissal, by the same person.
    pub(super) fn dismissal(&self, reason: DismissReason) -> Value {
        let mut click = sample("slack-click.dismiss");
        click["actions"][0]["selected_option"]["value"] = value(Action::Dismiss(reason), FINDING).into();
        click["user"]["id"] = "U02ANN".into();
        self.answered_here(click)
    }

    fn answered_here(&self, mut click: Value) -> Value {
        click["response_url"] = format!("{}actions/T01ACME/1/a", self.slack.url).into();
        click
    }

    /// Sends a click as Slack does, each time as a new one, and answers with status and body.
    pub(super) async fn press(&self, click: &Value) -> Result<(u16, String), Error> {
        self.send(signed(&new_press(click), SECRET, NOW)).await
    }

    /// Each is an invocation of its own.
    pub(super) async fn send(&self, request: Request<Vec<u8>>) -> Result<(u16, String), Error> {
        static INVOCATIONS: AtomicUsize = AtomicUsize::new(0);
        let request_id = INVOCATIONS.fetch_add(1, Ordering::Relaxed).to_string();
        let answer = self.handler.handle(&request, &request_id).await?;
        Ok((answer.status().as_u16(), (*answer.body()).to_owned()))
    }

    pub(super) fn invoked(&self) -> Vec<Value> {
        std::mem::take(&mut self.invoked.lock().unwrap())
    }

    pub(super) fn file(&self, key: &str, value: &impl serde::Serialize) {
        self.files.lock().unwrap().insert(key.to_owned(), (serde_json::to_value(value).unwrap(), 1));
    }

    /// Nothing was read, written or started, and nobody was told anything.
    pub(super) fn assert_untouched(&self, what: &str) {
        assert!(self.invoked.lock().unwrap().is_empty(), "{what}");
        assert!(self.asked.lock().unwrap().is_empty(), "{what}");
        assert!(self.files.lock().unwrap().is_empty(), "{what}");
        assert!(self.presses.lock().unwrap().is_empty(), "{what}");
    }
}

/// The body of a press that never came before: Slack gives each a `trigger_id` of its own.
pub(super) fn new_press(click: &Value) -> String {
    static PRESSES: AtomicUsize = AtomicUsize::new(0);
    let mut click = click.clone();
    click["trigger_id"] = PRESSES.fetch_add(1, Ordering::Relaxed).to_string().into();
    form(&click.to_string())
}

/// A form with the one field that Slack sends.
pub(super) fn form(payload: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", payload).finish()
}

/// A request with Slack's headers.
pub(super) fn signed(body: &str, secret: &str, at: i64) -> Request<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    request(body)
        .header("X-Slack-Request-Timestamp", at)
        .header("X-Slack-Signature", signature)
        .body(body.into())
        .unwrap()
}

pub(super) fn request(body: &str) -> http::request::Builder {
    Request::builder()
        .method("POST")
        .uri("https://api.example/slack/actions")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", body.len())
}

fn denial() -> HttpResponse {
    let body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    HttpResponse::new(403.try_into().unwrap(), SdkBody::from(body))
}

fn refusal(status: u16, code: &str) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), SdkBody::from(format!("<Error><Code>{code}</Code></Error>")))
}

type Stored = Shared<HashMap<String, (Value, u32)>>;

fn s3(
    (files, presses): (&Stored, &Stored),
    lists: &Shared<Vec<String>>,
    denied: &Shared<Vec<&'static str>>,
    lost: &Shared<Option<&'static str>>,
) -> aws_sdk_s3::Client {
    let (stored, pressed) = (Arc::clone(files), Arc::clone(presses));
    let get = mock!(aws_sdk_s3::Client::get_object).then_compute_response(move |input: &GetObjectInput| {
        let key = input.key().unwrap();
        match if key.starts_with("presses/") { &pressed } else { &stored }.lock().unwrap().get(key) {
            Some((body, written)) => MockResponse::Output(
                GetObjectOutput::builder()
                    .body(ByteStream::from(body.to_string().into_bytes()))
                    .e_tag(format!("\"{written}\""))
                    .build(),
            ),
            None => MockResponse::Http(refusal(404, "NoSuchKey")),
        }
    });
    let (stored, pressed, refuse) = (Arc::clone(files), Arc::clone(presses), Arc::clone(denied));
    let lost = Arc::clone(lost);
    let put = mock!(aws_sdk_s3::Client::put_object).then_compute_response(move |input: &PutObjectInput| {
        if refuse.lock().unwrap().contains(&"s3") {
            return MockResponse::Http(denial());
        }
        let key = input.key().unwrap();
        let mut stored = if key.starts_with("presses/") { &pressed } else { &stored }.lock().unwrap();
        let written = stored.get(key).map_or(0, |(_, written)| *written);
        let etag = (written > 0).then(|| format!("\"{written}\""));
        if (input.if_none_match().is_some() && written > 0)
            || (input.if_match().is_some() && input.if_match() != etag.as_deref())
        {
            return MockResponse::Http(refusal(412, "PreconditionFailed"));
        }
        let body = serde_json::from_slice(input.body().bytes().unwrap()).unwrap();
        stored.insert(key.to_owned(), (body, written + 1));
        if lost.lock().unwrap().take_if(|name| key.contains(*name)).is_some() {
            return MockResponse::Http(refusal(412, "PreconditionFailed"));
        }
        MockResponse::Output(PutObjectOutput::builder().e_tag(format!("\"{}\"", written + 1)).build())
    });
    let (stored, lists, denied) = (Arc::clone(files), Arc::clone(lists), Arc::clone(denied));
    let list = mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_response(move |input: &ListObjectsV2Input| {
        if denied.lock().unwrap().contains(&"s3") {
            return MockResponse::Http(denial());
        }
        lists.lock().unwrap().push(input.prefix().unwrap().to_owned());
        let stored = stored.lock().unwrap();
        // A thousand at once and in order, as S3 does.
        let after = input.continuation_token().or(input.start_after()).unwrap_or_default();
        let keys = stored.keys().filter(|key| key.starts_with(input.prefix().unwrap()) && key.as_str() > after);
        let mut keys: Vec<&String> = keys.collect();
        keys.sort();
        let more = keys.len() > 1_000;
        keys.truncate(1_000);
        let next = keys.last().filter(|_| more).map(ToString::to_string);
        let contents = keys.into_iter().map(|key| Object::builder().key(key).build()).collect();
        let page = ListObjectsV2Output::builder().set_contents(Some(contents)).set_next_continuation_token(next);
        MockResponse::Output(page.build())
    });
    mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&get, &put, &list])
}

fn lambda(invoked: &Shared<Vec<Value>>, denied: &Shared<Vec<&'static str>>) -> aws_sdk_lambda::Client {
    let (invoked, denied) = (Arc::clone(invoked), Arc::clone(denied));
    let invoke = mock!(aws_sdk_lambda::Client::invoke).then_compute_response(move |input: &InvokeInput| {
        if denied.lock().unwrap().contains(&"lambda") {
            return MockResponse::Http(denial());
        }
        assert_eq!(input.function_name(), Some("remediator"));
        assert_eq!(input.invocation_type().unwrap().as_str(), "Event");
        invoked.lock().unwrap().push(serde_json::from_slice(input.payload().unwrap().as_ref()).unwrap());
        MockResponse::Output(InvokeOutput::builder().status_code(202).build())
    });
    mock_client!(aws_sdk_lambda, RuleMode::MatchAny, [&invoke])
}

fn macie(
    findings: &Shared<Vec<Value>>,
    asked: &Shared<Vec<String>>,
    denied: &Shared<Vec<&'static str>>,
) -> aws_sdk_macie2::Client {
    let (findings, asked, denied) = (Arc::clone(findings), Arc::clone(asked), Arc::clone(denied));
    let get = mock!(aws_sdk_macie2::Client::get_findings).then_compute_response(move |input: &GetFindingsInput| {
        let ids = input.finding_ids();
        asked.lock().unwrap().extend_from_slice(ids);
        if denied.lock().unwrap().contains(&"macie") {
            return MockResponse::Http(denial());
        }
        let findings = findings.lock().unwrap();
        let found = findings.iter().filter(|finding| ids.iter().any(|id| finding["id"] == json!(id)));
        MockResponse::Output(GetFindingsOutput::builder().set_findings(Some(found.map(as_sdk).collect())).build())
    });
    mock_client!(aws_sdk_macie2, RuleMode::MatchAny, [&get])
}
