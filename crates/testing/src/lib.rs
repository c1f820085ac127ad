//! An AWS in memory for unit tests that kill a function between any two of its steps; never linked by a Lambda.
//!
//! It plays only what those tests look at: records in S3 with conditional writes, messages to SNS, mails to SES,
//! executions and completed tasks of Step Functions, one secret, one log, one build. [`Aws::dies_after`] lets a number of
//! changes take effect and then answers nothing but errors, as if the process had been killed right after its last change.
//!
//! Every call gives way to the other tasks of its runtime before it takes effect, so calls that are made together
//! interleave; [`Aws::before`] puts an event between two calls of one's own choice.

mod connector;

pub mod metrics;
pub mod slack;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_types::body::SdkBody;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

/// The in-memory AWS. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Aws(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Object>,
    /// How many there were; the next one's entity tag.
    written: u64,
    /// Status and input, by their ARN.
    executions: HashMap<String, (String, Value)>,
    /// What they ended with, by their ARN.
    errors: HashMap<String, String>,
    events: Vec<Event>,
    published: Vec<Value>,
    mails: Vec<Value>,
    completions: Vec<(String, Value)>,
    over: HashSet<String>,
    log: Vec<String>,
    build: Option<Value>,
    mail_refusal: Option<(u16, String)>,
    refused: HashSet<String>,
    changes: usize,
    dies_after: Option<usize>,
}

#[derive(Debug)]
struct Object {
    bytes: Vec<u8>,
    /// In quotes, as in the headers.
    etag: String,
}

/// What happens right before a call.
struct Event {
    call: String,
    happens: Box<dyn FnOnce(&Aws) + Send>,
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Event").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Aws {
    /// A configuration whose clients all talk to this AWS, without retries.
    #[must_use]
    pub fn config(&self) -> SdkConfig {
        let aws = self.clone();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            // An IP address makes the S3 client put the bucket into the path.
            .endpoint_url("http://127.0.0.1:1")
            .retry_config(RetryConfig::disabled())
            .http_client(connector::giving_way(move |request| aws.answer(&request)))
            .build()
    }

    /// From now on `changes` more changes take effect; then every call fails. `None` brings AWS back for good.
    pub fn dies_after(&self, changes: Option<usize>) {
        let mut state = self.state();
        state.changes = 0;
        state.dies_after = changes;
    }

    /// Whether it died since the last [`Aws::dies_after`].
    #[must_use]
    pub fn died(&self) -> bool {
        let state = self.state();
        state.dies_after.is_some_and(|limit| state.changes > limit)
    }

    /// The text of the object `bucket/key`.
    #[must_use]
    pub fn object(&self, place: &str) -> Option<Value> {
        self.state().objects.get(place).and_then(|object| serde_json::from_slice(&object.bytes).ok())
    }

    /// Puts an object there.
    pub fn put_object(&self, place: &str, record: &Value) {
        self.state().write(place.to_owned(), record.to_string().into_bytes());
    }

    /// Lets something happen right before the next call of that name takes effect: `GET evidence/a.json`,
    /// `PUT evidence/a.json`, or an operation of Step Functions such as `SendTaskSuccess`.
    pub fn before(&self, call: &str, happens: impl FnOnce(&Self) + Send + 'static) {
        self.state().events.push(Event { call: call.to_owned(), happens: Box::new(happens) });
    }

    /// Refuses every call of that name (see [`Aws::before`]; `POST ` is SNS) from now on.
    pub fn refuse(&self, call: &str) {
        self.state().refused.insert(call.to_owned());
    }

    /// Whether everything that [`Aws::before`] announced has happened.
    #[must_use]
    pub fn all_happened(&self) -> bool {
        self.state().events.is_empty()
    }

    /// Lets an execution run that was started with this input. Of others Step Functions knows nothing.
    pub fn start_execution(&self, arn: &str, input: &Value) {
        self.state().executions.insert(arn.to_owned(), ("RUNNING".to_owned(), input.clone()));
    }

    /// What Step Functions says about an execution from now on: RUNNING, FAILED, …
    pub fn set_execution(&self, arn: &str, status: &str) {
        status.clone_into(&mut self.state().executions.entry(arn.to_owned()).or_default().0);
    }

    /// The error that Step Functions says an execution ended with, from now on.
    pub fn set_execution_error(&self, arn: &str, error: &str) {
        self.state().errors.insert(arn.to_owned(), error.to_owned());
    }

    /// Makes Step Functions forget an execution, as it does 90 days after the end.
    pub fn forget_execution(&self, arn: &str) {
        self.state().executions.remove(arn);
    }

    /// Ends the wait for a token without an answer of ours: the state ran out of time, or is tried again.
    pub fn close_token(&self, token: &str) {
        self.state().over.insert(token.to_owned());
    }

    /// All objects, as `bucket/key`.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// The messages that SNS took.
    #[must_use]
    pub fn published(&self) -> Vec<Value> {
        self.state().published.clone()
    }

    /// The mails that SES took, as requests.
    #[must_use]
    pub fn mails(&self) -> Vec<Value> {
        self.state().mails.clone()
    }

    /// Makes SES refuse every mail with this status and error name; `None` mends it.
    pub fn refuse_mails(&self, refusal: Option<(u16, &str)>) {
        self.state().mail_refusal = refusal.map(|(status, name)| (status, name.to_owned()));
    }

    /// The tasks that were completed, as `(token, request)`. A token works once.
    #[must_use]
    pub fn completions(&self) -> Vec<(String, Value)> {
        self.state().completions.clone()
    }

    /// What every log stream holds.
    pub fn set_log(&self, lines: &[&str]) {
        self.state().log = lines.iter().map(|line| (*line).to_owned()).collect();
    }

    /// What CodeBuild says about any build.
    pub fn set_build(&self, build: Value) {
        self.state().build = Some(build);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request<SdkBody>) -> Response<SdkBody> {
        let name = call_name(request);
        let due = {
            let mut state = self.state();
            let due = state.events.iter().position(|event| event.call == name);
            due.map(|index| state.events.remove(index))
        };
        if let Some(event) = due {
            (event.happens)(self);
        }
        let mut state = self.state();
        if state.refused.contains(&name) {
            return error(403, "AccessDenied", "not this call");
        }
        if state.dies_after.is_some_and(|limit| state.changes >= limit) {
            // Counts the attempt, so that `died` tells a death from a quiet end.
            state.changes += 1;
            return respond(500, "{}");
        }
        let body = request.body().bytes().unwrap_or_default();
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let (answer, changed) = match header("x-amz-target") {
            Some(target) => state.json_call(target.rsplit('.').next().unwrap_or(target), &json),
            None if request.uri().path() == "/v2/email/outbound-emails" => state.send_mail(&json),
            None if request.method() == "POST" => state.publish(body),
            None => state.s3(request, body),
        };
        if changed {
            state.changes += 1;
        }
        answer
    }
}

/// Lines on a page of a log; CloudWatch has up to 10,000.
const LOG_PAGE: usize = 1_000;

impl State {
    fn json_call(&mut self, operation: &str, request: &Value) -> (Response<SdkBody>, bool) {
        match operation {
            "SendTaskSuccess" | "SendTaskFailure" => {
                let token = request["taskToken"].as_str().unwrap_or_default().to_owned();
                if !self.over.insert(token.clone()) {
                    return (error(400, "TaskTimedOut", "the task is over"), false);
                }
                self.completions.push((token, request.clone()));
                (respond(200, "{}"), true)
            }
            "DescribeExecution" => {
                let arn = request["executionArn"].as_str().unwrap_or_default();
                let Some((status, input)) = self.executions.get(arn) else {
                    return (error(400, "ExecutionDoesNotExist", arn), false);
                };
                let machine = arn.replace(":execution:", ":stateMachine:");
                let mut answer =
                    json!({"executionArn": arn, "stateMachineArn": machine, "status": status, "startDate": 1.0});
                if let Some(error) = self.errors.get(arn) {
                    answer["error"] = Value::from(error.as_str());
                }
                if request["includedData"] != "METADATA_ONLY" {
                    answer["input"] = Value::from(input.to_string());
                }
                (respond(200, &answer.to_string()), false)
            }
            "GetSecretValue" => (respond(200, &secret().to_string()), false),
            "GetLogEvents" => {
                if request["startFromHead"] == true {
                    return (error(400, "InvalidParameterException", "only played from its end"), false);
                }
                // A token is where its page ends; the beginning answers with the one that was sent.
                let sent = request["nextToken"].as_str().and_then(|token| token.parse().ok());
                let end = sent.unwrap_or(self.log.len());
                let start = end.saturating_sub(LOG_PAGE);
                let events: Vec<_> =
                    self.log.iter().take(end).skip(start).map(|line| json!({"message": line})).collect();
                let page = json!({"events": events, "nextForwardToken": "f", "nextBackwardToken": start.to_string()});
                (respond(200, &page.to_string()), false)
            }
            "BatchGetBuilds" => {
                let builds: Vec<_> = self.build.clone().into_iter().collect();
                (respond(200, &json!({"builds": builds}).to_string()), false)
            }
            other => (error(400, "UnknownOperationException", other), false),
        }
    }

    fn publish(&mut self, body: &[u8]) -> (Response<SdkBody>, bool) {
        let message = form_urlencoded::parse(body).find(|(name, _)| name == "Message").map(|(_, value)| value);
        self.published.push(message.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default());
        let answer = "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>";
        (respond(200, answer), true)
    }

    fn send_mail(&mut self, mail: &Value) -> (Response<SdkBody>, bool) {
        if let Some((status, name)) = &self.mail_refusal {
            return (error(*status, name, "not this mail"), false);
        }
        self.mails.push(mail.clone());
        (respond(200, "{\"MessageId\":\"m\"}"), true)
    }

    /// S3 documentation, "Conditional writes": If-None-Match asks for no object, If-Match for one with this entity tag.
    fn s3(&mut self, request: &Request<SdkBody>, body: &[u8]) -> (Response<SdkBody>, bool) {
        let place = place(request);
        let missing = || respond(404, "<Error><Code>NoSuchKey</Code></Error>");
        let there = self.objects.get(&place);
        if request.method() == "PUT" {
            let wanted = request.headers().get("if-match").and_then(|etag| etag.to_str().ok());
            let differs = match (wanted, there) {
                (Some(_), None) => return (missing(), false),
                (Some(wanted), Some(object)) => wanted != object.etag,
                (None, there) => request.headers().contains_key("if-none-match") && there.is_some(),
            };
            if differs {
                return (respond(412, "<Error><Code>PreconditionFailed</Code></Error>"), false);
            }
            let etag = self.write(place, body.to_vec());
            return (with_etag(respond(200, ""), &etag), true);
        }
        let answer = there
            .map_or_else(missing, |object| with_etag(response(200, SdkBody::from(object.bytes.clone())), &object.etag));
        (answer, false)
    }

    fn write(&mut self, place: String, bytes: Vec<u8>) -> String {
        self.written += 1;
        let etag = format!("\"{}\"", self.written);
        self.objects.insert(place, Object { bytes, etag: etag.clone() });
        etag
    }
}

/// `bucket/key`.
fn place(request: &Request<SdkBody>) -> String {
    let path = request.uri().path().trim_start_matches('/');
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// `PUT bucket/key`, or the operation that a header names.
fn call_name(request: &Request<SdkBody>) -> String {
    match request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some(target) => target.rsplit('.').next().unwrap_or(target).to_owned(),
        None => format!("{} {}", request.method(), place(request)),
    }
}

fn with_etag(mut answer: Response<SdkBody>, etag: &str) -> Response<SdkBody> {
    if let Ok(etag) = etag.parse() {
        answer.headers_mut().insert("etag", etag);
    }
    answer
}

/// A secret of the form that the stacks make.
fn secret() -> Value {
    json!({"ARN": "arn", "Name": "reader", "SecretString": "{\"token\":\"squ_0123456789abcdef0123\"}"})
}

fn error(status: u16, name: &str, message: &str) -> Response<SdkBody> {
    let mut answer = respond(status, &json!({"__type": name, "message": message}).to_string());
    if let Ok(name) = name.parse() {
        answer.headers_mut().insert("x-amzn-errortype", name);
    }
    answer
}

fn respond(status: u16, body: &str) -> Response<SdkBody> {
    response(status, SdkBody::from(body))
}

fn response(status: u16, body: SdkBody) -> Response<SdkBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
