//! The Slack stand-in: a workspace on this machine that answers as Slack and Amazon Q do, and keeps what it was told.
//!
//! It plays four parts: incoming webhooks, `response_url`s, clicks that are signed and posted to the deployed API, and
//! Amazon Q (Chatbot) with its notifications and custom actions. A page in the browser shows the same workspace.

mod allowance;
pub mod amazon_q;
pub mod block_kit;
mod chat;
mod interaction;
pub mod message;
pub mod mrkdwn;
mod page;
mod server;
pub mod signature;
mod workspace;

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;

use self::{
    message::{Author, Message},
    workspace::Workspace,
};
pub use self::{
    message::{Button, Confirm},
    workspace::{Answer, App, Channel, Person, TEAM},
};

/// Slack shows an error to the person who clicked when the app has not answered by then.
const ACKNOWLEDGE: Duration = Duration::from_secs(3);

/// The workspace's handle. Clones share one workspace; it ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Slack(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: String,
    workspace: Mutex<Workspace>,
    cloud: OnceLock<Cloud>,
    http: reqwest::Client,
    server: OnceLock<JoinHandle<()>>,
}

/// What Amazon Q needs of the cloud.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// Its endpoint, where its outbox is.
    pub url: String,
    /// Where the local cloud lists the deployed Chatbot resources.
    pub chatbot_url: String,
    pub lambda: aws_sdk_lambda::Client,
}

/// What the app answered to a click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    pub status: u16,
    pub body: String,
    pub took: Duration,
}

impl Slack {
    /// Opens an empty workspace on a free port of 127.0.0.1.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("listen for the Slack stand-in")?;
        let url = format!("http://{}", listener.local_addr().context("read the Slack stand-in's address")?);
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .context("build the Slack stand-in's client")?;
        let slack = Self(Arc::new(Inner {
            url,
            workspace: Mutex::default(),
            cloud: OnceLock::new(),
            http,
            server: OnceLock::new(),
        }));
        let server = tokio::spawn(server::serve(listener, Arc::downgrade(&slack.0)));
        // Nobody else has the handle yet.
        let _ = slack.0.server.set(server);
        Ok(slack)
    }

    /// Where the page is, and what stands for `https://hooks.slack.com`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Where SNS delivers what is meant for Amazon Q.
    #[must_use]
    pub fn chatbot_url(&self) -> String {
        format!("{}/chatbot/sns", self.0.url)
    }

    /// Gives Amazon Q its account. Only the first call counts.
    pub fn connect(&self, cloud: Cloud) {
        let _ = self.0.cloud.set(cloud);
    }

    #[must_use]
    pub fn add_person(&self, name: &str) -> Person {
        let mut workspace = self.workspace();
        let person = Person { id: format!("U0LOCAL{:02}", workspace.number()), name: name.to_owned() };
        workspace.people.push(person.clone());
        person
    }

    #[must_use]
    pub fn add_channel(&self, name: &str) -> Channel {
        let mut workspace = self.workspace();
        let channel = Channel { id: format!("C0LOCAL{:02}", workspace.number()), name: name.to_owned() };
        workspace.channels.push(channel.clone());
        channel
    }

    /// Installs an app with an incoming webhook to a channel.
    #[must_use]
    pub fn install_app(&self, name: &str, channel: &Channel, signing_secret: &str) -> App {
        let mut workspace = self.workspace();
        let number = workspace.number();
        let app = App {
            id: format!("A0LOCAL{number:02}"),
            name: name.to_owned(),
            channel: channel.id.clone(),
            signing_secret: signing_secret.to_owned(),
            webhook_path: format!("{TEAM}/B0LOCAL{number:02}/LocalWebhookOnThisMachine{number:02}"),
            request_url: None,
        };
        workspace.apps.push(app.clone());
        app
    }

    /// The name that an app has in the channel.
    #[must_use]
    pub fn app_name(&self, id: &str) -> String {
        let workspace = self.workspace();
        workspace.apps.iter().find(|app| app.id == id).map_or_else(|| id.to_owned(), |app| app.name.clone())
    }

    /// The text with names in the place of people's ids.
    #[must_use]
    pub fn with_names(&self, text: &str) -> String {
        let workspace = self.workspace();
        let people = workspace.people.iter();
        people.fold(text.to_owned(), |text, person| {
            text.replace(&format!("@{}", person.id), &format!("@{}", person.name))
        })
    }

    #[must_use]
    pub fn webhook_url(&self, app: &App) -> String {
        format!("{}/services/{}", self.0.url, app.webhook_path)
    }

    /// The last step of the set-up: where the app wants its clicks.
    pub fn set_request_url(&self, app: &App, url: &str) {
        if let Some(app) = self.workspace().apps.iter_mut().find(|known| known.id == app.id) {
            app.request_url = Some(url.to_owned());
        }
    }

    /// Answers to give to the app's next messages instead of taking them.
    pub fn script(&self, app: &App, answers: impl IntoIterator<Item = Answer>) {
        self.workspace().script(&app.id, answers);
    }

    /// How often the app's webhook was told to wait because it posted too fast.
    #[must_use]
    pub fn refusals(&self, app: &App) -> usize {
        self.workspace().refusals(&app.id)
    }

    /// Everything in the channel, in the order of posting, ephemeral messages included.
    #[must_use]
    pub fn messages(&self, channel: &Channel) -> Vec<Message> {
        self.workspace().messages.iter().filter(|message| message.channel == channel.id).cloned().collect()
    }

    /// The message as it is now.
    #[must_use]
    pub fn message(&self, ts: &str) -> Option<Message> {
        self.workspace().message(ts).cloned()
    }

    /// What was refused or dropped so far, with the reason that the real ones don't give.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.workspace().problems.clone()
    }

    /// Opens a `response_url` for a message, as a click on it would.
    #[must_use]
    pub fn response_url(&self, message: &Message, person: &Person) -> String {
        let token = self.workspace().open_response_url(&message.ts, &person.id, Timestamp::now());
        format!("{}/actions/{token}", self.0.url)
    }

    /// What Slack would post for a click on an app's button: the JSON in the form's `payload`, and who gets it.
    pub fn payload(&self, message: &Message, button: &Button, person: &Person) -> anyhow::Result<(App, Value)> {
        let response_url = self.response_url(message, person);
        let workspace = self.workspace();
        let Author::App(id) = &message.author else { bail!("the message is not from an app") };
        let app = workspace.apps.iter().find(|app| app.id == *id).context("the app is not installed")?;
        let channel = workspace.channels.iter().find(|channel| channel.id == message.channel);
        let channel = channel.context("the channel is gone")?;
        let now = Timestamp::now();
        let action_ts = format!("{}.{:06}", now.as_second(), now.subsec_microsecond());
        let payload = interaction::payload(app, channel, message, button, person, &response_url, &action_ts);
        Ok((app.clone(), payload))
    }

    /// Presses an app's button: signs the click and posts it to the app's request URL.
    pub async fn click(&self, message: &Message, button: &Button, person: &Person) -> anyhow::Result<Acknowledgement> {
        let (app, payload) = self.payload(message, button, person)?;
        let url = app.request_url.clone().context("the app has no request URL yet")?;
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
        let timestamp = Timestamp::now().as_second();
        let signature = signature::sign(&app.signing_secret, timestamp, body.as_bytes());
        let start = Instant::now();
        let request = self
            .0
            .http
            .post(&url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", timestamp)
            .header("x-slack-signature", signature)
            .body(body);
        let answer = async {
            let response = request.send().await?;
            Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
        };
        // Nobody there, or nobody who answers: to Slack, that is one more app that is not responding.
        let (status, body) = answer.await.unwrap_or_else(|error| (504, error.to_string()));
        let took = start.elapsed();
        if took > ACKNOWLEDGE || !(200..300).contains(&status) {
            let mut workspace = self.workspace();
            let answer = format!("{} ms, status {status}", took.as_millis());
            workspace.problems.push(format!("{} did not acknowledge a click: {answer}", app.name));
            let text = format!("⚠ {} is not responding ({answer})", app.name);
            workspace.warn(&message.channel, &person.id, &text, Timestamp::now());
        }
        Ok(Acknowledgement { status, body, took })
    }

    fn workspace(&self) -> MutexGuard<'_, Workspace> {
        // A panic elsewhere must not hide what was posted until then.
        self.0.workspace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(server) = self.server.get() {
            server.abort();
        }
    }
}
