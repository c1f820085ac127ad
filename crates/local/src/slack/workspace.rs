//! The state of the Slack stand-in: who is there, what was posted, and what was refused. No network, no clock.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    allowance::Allowance,
    block_kit::{self, Refusal},
    message::{Author, Message},
};

/// <https://docs.slack.dev/interactivity/handling-user-interaction#message_responses>
const RESPONSE_URL_USES: u32 = 5;
const RESPONSE_URL_MINUTES: i64 = 30;

/// The workspace's id.
pub const TEAM: &str = "T0LOCAL01";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: String,
    pub name: String,
}

/// A Slack app that was installed to one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub id: String,
    pub name: String,
    pub channel: String,
    pub signing_secret: String,
    /// The path of its incoming webhook.
    pub webhook_path: String,
    /// Where its clicks go; set after the deployment, as in Slack.
    pub request_url: Option<String>,
}

/// What an endpoint of Slack answers: plain text, as the real ones do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    pub retry_after: Option<u32>,
}

impl Answer {
    fn ok() -> Self {
        Self { status: 200, body: "ok".to_owned(), retry_after: None }
    }

    fn error(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned(), retry_after: None }
    }

    /// Slack's answer to too many messages.
    #[must_use]
    pub fn rate_limited(retry_after: u32) -> Self {
        Self { status: 429, body: "rate_limited".to_owned(), retry_after: Some(retry_after) }
    }

    /// An answer of a Slack that is unwell.
    #[must_use]
    pub fn broken(status: u16) -> Self {
        Self::error(status, "internal_error")
    }
}

#[derive(Debug)]
struct ResponseUrl {
    message: String,
    person: String,
    opened: Timestamp,
    uses: u32,
}

#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) people: Vec<Person>,
    pub(super) channels: Vec<Channel>,
    pub(super) apps: Vec<App>,
    pub(super) messages: Vec<Message>,
    /// What the real ones would have refused or dropped, with the reason they don't give.
    pub(super) problems: Vec<String>,
    /// Answers to give instead of taking the next messages, by app.
    scripted: BTreeMap<String, VecDeque<Answer>>,
    /// What each webhook may still post, by app.
    allowances: BTreeMap<String, Allowance>,
    response_urls: BTreeMap<String, ResponseUrl>,
    last: i64,
    numbers: u32,
}

impl Workspace {
    /// The next number for an id.
    pub(super) fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn script(&mut self, app: &str, answers: impl IntoIterator<Item = Answer>) {
        self.scripted.entry(app.to_owned()).or_default().extend(answers);
    }

    /// How often the app was told to wait.
    pub(super) fn refusals(&self, app: &str) -> usize {
        self.allowances.get(app).map_or(0, Allowance::refusals)
    }

    pub(super) fn message(&self, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.ts == ts)
    }

    /// A post to an incoming webhook.
    pub(super) fn webhook(&mut self, path: &str, body: &[u8], now: Timestamp) -> Answer {
        let Some(app) = self.apps.iter().find(|app| app.webhook_path == path) else {
            self.problems.push(format!("no_service: nobody has the webhook {path}"));
            return Answer::error(404, "no_service");
        };
        let (id, channel) = (app.id.clone(), app.channel.clone());
        if let Some(answer) = self.scripted.get_mut(&id).and_then(VecDeque::pop_front) {
            return answer;
        }
        if let Err(wait) = self.allowances.entry(id.clone()).or_default().take(now) {
            return Answer::rate_limited(wait);
        }
        // An old habit of integrations. Slack ignores it: a webhook belongs to one channel and one name.
        match parse(body, &["channel", "username", "icon_emoji", "icon_url"]) {
            Ok(message) => {
                self.post(&channel, None, Author::App(id), None, &message, now);
                Answer::ok()
            }
            Err(refusal) => self.refuse("webhook", &refusal),
        }
    }

    /// Allows answers to a click, and returns the secret part of the `response_url`.
    pub(super) fn open_response_url(&mut self, message: &str, person: &str, now: Timestamp) -> String {
        let token = format!("{TEAM}/{:08}/{:x}", self.number(), now.as_nanosecond());
        let opened = ResponseUrl { message: message.to_owned(), person: person.to_owned(), opened: now, uses: 0 };
        self.response_urls.insert(token.clone(), opened);
        token
    }

    /// A post to a `response_url`.
    pub(super) fn respond(&mut self, token: &str, body: &[u8], now: Timestamp) -> Answer {
        let Some(url) = self.response_urls.get_mut(token) else {
            self.problems.push("no_service: nobody has that response_url".to_owned());
            return Answer::error(404, "no_service");
        };
        if now.duration_since(url.opened) > SignedDuration::from_mins(RESPONSE_URL_MINUTES) {
            self.problems.push(format!("expired_url: a response_url is good for {RESPONSE_URL_MINUTES} minutes"));
            return Answer::error(404, "expired_url");
        }
        if url.uses >= RESPONSE_URL_USES {
            self.problems.push(format!("used_url: a response_url is good for {RESPONSE_URL_USES} messages"));
            return Answer::error(404, "used_url");
        }
        url.uses += 1;
        let (ts, person) = (url.message.clone(), url.person.clone());
        let body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return self.refuse("response_url", &Refusal::Payload(error.to_string())),
        };
        let is = |key: &str| body.get(key).and_then(Value::as_bool).unwrap_or_default();
        let Some(index) = self.messages.iter().position(|message| message.ts == ts) else {
            return Answer::error(404, "message_not_found");
        };
        if is("delete_original") {
            self.messages.remove(index);
            return Answer::ok();
        }
        let extra = ["response_type", "replace_original", "delete_original"];
        if let Err(refusal) = block_kit::check_message(&body, &extra) {
            return self.refuse("response_url", &refusal);
        }
        if is("replace_original") {
            if let Some(original) = self.messages.get_mut(index) {
                (original.text, original.blocks) = contents(&body);
                original.edits += 1;
            }
            return Answer::ok();
        }
        let Some(original) = self.messages.get(index).cloned() else {
            return Answer::error(404, "message_not_found");
        };
        // Without `in_channel`, only the person who clicked sees the answer.
        let public = body.get("response_type").and_then(Value::as_str) == Some("in_channel");
        let thread = body.get("thread_ts").and_then(Value::as_str).map(str::to_owned).or(original.thread);
        self.post(&original.channel, thread, original.author, (!public).then_some(person), &body, now);
        Answer::ok()
    }

    /// Adds a message and returns its `ts`.
    pub(super) fn post(
        &mut self,
        channel: &str,
        thread: Option<String>,
        author: Author,
        only_for: Option<String>,
        body: &Value,
        now: Timestamp,
    ) -> String {
        // Two messages never share a `ts`, however fast they come.
        self.last = now.as_microsecond().max(self.last + 1);
        let ts = format!("{}.{:06}", self.last / 1_000_000, self.last % 1_000_000);
        let (text, blocks) = contents(body);
        let thread = thread.or_else(|| body.get("thread_ts").and_then(Value::as_str).map(str::to_owned));
        self.messages.push(Message {
            ts: ts.clone(),
            channel: channel.to_owned(),
            thread,
            author,
            only_for,
            text,
            blocks,
            offers: Vec::new(),
            edits: 0,
        });
        ts
    }

    /// What Slack shows to the one person whose click came to nothing.
    pub(super) fn warn(&mut self, channel: &str, person: &str, text: &str, now: Timestamp) {
        self.post(channel, None, Author::Slack, Some(person.to_owned()), &json!({"text": text}), now);
    }

    fn refuse(&mut self, at: &str, refusal: &Refusal) -> Answer {
        self.problems.push(format!("{at}: {refusal}"));
        Answer::error(400, refusal.code())
    }
}

fn parse(body: &[u8], extra: &[&str]) -> Result<Value, Refusal> {
    let message = serde_json::from_slice(body).map_err(|error| Refusal::Payload(error.to_string()))?;
    block_kit::check_message(&message, extra)?;
    Ok(message)
}

fn contents(body: &Value) -> (String, Vec<Value>) {
    let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
    (text.to_owned(), body.get("blocks").and_then(Value::as_array).cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: &str = "T0LOCAL01/B1/secret";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn workspace() -> Workspace {
        Workspace {
            apps: vec![App {
                id: "A1".to_owned(),
                name: "macie".to_owned(),
                channel: "C1".to_owned(),
                signing_secret: "s".to_owned(),
                webhook_path: HOOK.to_owned(),
                request_url: None,
            }],
            ..Workspace::default()
        }
    }

    fn posted(workspace: &mut Workspace) -> String {
        assert_eq!(workspace.webhook(HOOK, br#"{"text":"first"}"#, at(0)), Answer::ok());
        workspace.messages.last().unwrap().ts.clone()
    }

    fn respond(workspace: &mut Workspace, token: &str, body: &Value, seconds: i64) -> Answer {
        workspace.respond(token, body.to_string().as_bytes(), at(seconds))
    }

    #[test]
    fn a_webhook_answers_in_slacks_words() {
        let mut workspace = workspace();
        let cases = [
            ("T0LOCAL01/B1/wrong", r#"{"text":"x"}"#, 404, "no_service"),
            (HOOK, "text", 400, "invalid_payload"),
            (HOOK, "{}", 400, "no_text"),
            (HOOK, r#"{"blocks":[{"type":"fancy"}]}"#, 400, "invalid_blocks"),
            (HOOK, r#"{"text":"x","replace_original":true}"#, 400, "invalid_payload"),
        ];
        for (second, (path, body, status, words)) in (0..).zip(cases) {
            let answer = workspace.webhook(path, body.as_bytes(), at(second));
            assert_eq!((answer.status, answer.body.as_str()), (status, words), "{body}");
        }
        assert!(workspace.messages.is_empty());
        assert_eq!(workspace.problems.len(), 5);
    }

    #[test]
    fn no_two_messages_have_the_same_ts() {
        let mut workspace = workspace();
        let first = posted(&mut workspace);
        assert_ne!(first, posted(&mut workspace));
        assert_eq!(first, "1800000000.000000");
    }

    #[test]
    fn scripted_answers_come_first() {
        let mut workspace = workspace();
        workspace.script("A1", [Answer::rate_limited(2), Answer::broken(503)]);
        assert_eq!(workspace.webhook(HOOK, br#"{"text":"x"}"#, at(0)).retry_after, Some(2));
        assert_eq!(workspace.webhook(HOOK, br#"{"text":"x"}"#, at(0)).status, 503);
        posted(&mut workspace);
    }

    #[test]
    fn who_posts_too_fast_is_told_to_wait_and_counted() {
        let mut workspace = workspace();
        let answers: Vec<_> = (0..6).map(|_| workspace.webhook(HOOK, br#"{"text":"x"}"#, at(0)).status).collect();
        assert_eq!(answers, [200, 200, 200, 429, 429, 429]);
        assert_eq!(workspace.webhook(HOOK, br#"{"text":"x"}"#, at(0)).retry_after, Some(1));
        assert_eq!((workspace.messages.len(), workspace.refusals("A1"), workspace.refusals("A2")), (3, 4, 0));
        assert_eq!(workspace.webhook(HOOK, br#"{"text":"x"}"#, at(1)), Answer::ok());
    }

    #[test]
    fn a_response_url_replaces_answers_and_deletes() {
        let mut workspace = workspace();
        let ts = posted(&mut workspace);
        let token = workspace.open_response_url(&ts, "U1", at(0));
        respond(&mut workspace, &token, &json!({"replace_original": true, "text": "second"}), 1);
        respond(&mut workspace, &token, &json!({"text": "for you"}), 2);
        respond(&mut workspace, &token, &json!({"response_type": "in_channel", "text": "for all"}), 3);
        let seen: Vec<_> =
            workspace.messages.iter().map(|message| (message.text.as_str(), message.only_for.as_deref())).collect();
        assert_eq!(seen, [("second", None), ("for you", Some("U1")), ("for all", None)]);
        respond(&mut workspace, &token, &json!({"delete_original": true}), 4);
        assert_eq!(workspace.messages.len(), 2);
    }

    #[test]
    fn a_response_url_is_good_for_five_messages_and_thirty_minutes() {
        let mut workspace = workspace();
        let ts = posted(&mut workspace);
        let token = workspace.open_response_url(&ts, "U1", at(0));
        let replace = json!({"replace_original": true, "text": "x"});
        assert_eq!(respond(&mut workspace, &token, &replace, 30 * 60 + 1).body, "expired_url");
        for second in 1..=5 {
            assert_eq!(respond(&mut workspace, &token, &replace, second), Answer::ok());
        }
        assert_eq!(respond(&mut workspace, &token, &replace, 6).body, "used_url");
    }
}
