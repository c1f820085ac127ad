//! Requests, clicks and notifications that must have no effect.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use local::{
    cloud::http,
    narrator::Narrator,
    slack::{App, Button, message::Message, signature::sign},
    stories::finding::{Upload, discover, remediate},
    until::until,
    world::World,
};
use reqwest::Method;
use serde_json::{Value, json};

/// A file under review, and the click that would move it.
struct Review {
    file: Upload,
    asked: Message,
    button: Button,
    app: App,
    payload: Value,
}

impl Review {
    async fn open(world: &World, narrator: &Narrator, name: &str) -> anyhow::Result<Self> {
        let files = [("contacts.txt", local::samples::data("employee-records.txt")?)];
        let [file] = Upload::to_new_bucket(world, narrator, name, files).await?;
        discover(world, narrator, &file.bucket).await?;
        let asked = file.message(world, narrator, "a question", |message| remediate(message).is_some()).await?;
        let button = remediate(&asked).context("the question has no button")?;
        let (app, payload) = world.slack.payload(&asked, &button, &world.alice)?;
        Ok(Self { file, asked, button, app, payload })
    }

    /// Nothing moved, nothing claimed, nothing said.
    async fn is_untouched(&self, world: &World, after: &str) -> anyhow::Result<()> {
        ensure!(self.file.is_in_place(world).await?, "{after}: the file was moved");
        ensure!(self.file.record(world, "claim.json").await.is_err(), "{after}: the case was claimed");
        ensure!(world.slack.message(&self.asked.ts).as_ref() == Some(&self.asked), "{after}: the message changed");
        Ok(())
    }

    /// The one who may still can.
    async fn still_works(&self, world: &World, narrator: &Narrator) -> anyhow::Result<()> {
        let click = world.slack.click(&self.asked, &self.button, &world.alice).await?;
        ensure!(click.status == 200, "a genuine click was answered with {click:?}");
        self.file
            .message(world, narrator, "the outcome", |message| message.edits > 0 && remediate(message).is_none())
            .await?;
        Ok(())
    }
}

/// What is sent instead of a genuine click.
struct Forgery {
    name: &'static str,
    method: Method,
    path: &'static str,
    body: String,
    timestamp: Option<String>,
    signature: Option<String>,
    answers: &'static [u16],
}

pub(crate) async fn a_request_that_slack_did_not_send_has_no_effect(
    world: &World,
    narrator: &Narrator,
) -> anyhow::Result<()> {
    let review = Review::open(world, narrator, "forged").await?;
    let form = |payload: &str| form_urlencoded::Serializer::new(String::new()).append_pair("payload", payload).finish();
    let genuine = form(&review.payload.to_string());
    let now = Timestamp::now().as_second();
    let secret = review.app.signing_secret.as_str();
    let signed = |name, body: String, time: i64, secret: &str, answers| Forgery {
        name,
        method: Method::POST,
        path: "",
        timestamp: Some(time.to_string()),
        signature: Some(sign(secret, time, body.as_bytes())),
        body,
        answers,
    };
    let whole = || signed("genuine", genuine.clone(), now, secret, &[]);
    let edited = genuine.replace("alice", "mallory");
    ensure!(edited != genuine, "the edited body is the same");
    let forgeries = [
        Forgery { name: "unsigned", timestamp: None, signature: None, answers: &[401], ..whole() },
        Forgery { name: "no timestamp", timestamp: None, answers: &[401], ..whole() },
        Forgery { name: "no signature", signature: None, answers: &[401], ..whole() },
        Forgery { name: "empty signature", signature: Some(String::new()), answers: &[401], ..whole() },
        Forgery {
            name: "signature of another version",
            signature: Some("v1=00".to_owned()),
            answers: &[401],
            ..whole()
        },
        Forgery { name: "timestamp that is no number", timestamp: Some("now".to_owned()), answers: &[401], ..whole() },
        signed("stale", genuine.clone(), now - 400, secret, &[401]),
        signed("future", genuine.clone(), now + 400, secret, &[401]),
        signed("another secret", genuine.clone(), now, "0123456789abcdef0123456789abcdef", &[401]),
        signed("an empty secret", genuine.clone(), now, "", &[401]),
        Forgery { name: "edited after signing", body: edited, answers: &[401], ..whole() },
        signed("no form", review.payload.to_string(), now, secret, &[400]),
        signed("no payload", "something=else".to_owned(), now, secret, &[400]),
        signed("payload that is no JSON", form("{"), now, secret, &[400]),
        signed("payload of another shape", form("[]"), now, secret, &[400]),
        signed("empty", String::new(), now, secret, &[400]),
        Forgery { name: "signed and huge", answers: &[413], ..signed("", "x".repeat(1_000_000), now, secret, &[]) },
        Forgery { name: "another method", method: Method::GET, answers: &[404, 405], ..whole() },
        Forgery { name: "a third method", method: Method::PUT, answers: &[404, 405], ..whole() },
        Forgery { name: "another path", path: "/more", answers: &[404], ..whole() },
    ];
    let client = http()?;
    for forgery in forgeries {
        let url = format!("{}{}", world.deployment.remediation_url, forgery.path);
        let mut request = client
            .request(forgery.method, url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(forgery.body);
        if let Some(timestamp) = forgery.timestamp {
            request = request.header("x-slack-request-timestamp", timestamp);
        }
        if let Some(signature) = forgery.signature {
            request = request.header("x-slack-signature", signature);
        }
        let answer = request.send().await.with_context(|| format!("send the request: {}", forgery.name))?;
        let (name, status) = (forgery.name, answer.status().as_u16());
        let words = answer.text().await.unwrap_or_default();
        ensure!(forgery.answers.contains(&status), "{name}: answered with {status} {words}");
        ensure!(words.len() < 60, "{name}: the answer says too much: {words}");
        review.is_untouched(world, name).await?;
    }
    review.still_works(world, narrator).await
}

pub(crate) async fn a_genuine_click_from_elsewhere_has_no_effect(
    world: &World,
    narrator: &Narrator,
) -> anyhow::Result<()> {
    let review = Review::open(world, narrator, "elsewhere").await?;
    let value = review.button.value.clone().context("the button has no value")?;
    let (head, digits) = value.split_at(value.len() / 2);
    let other_finding = format!("{head}{}", digits.replace(|digit: char| digit.is_ascii_digit(), "f"));
    ensure!(other_finding != value, "the edited value is the same");
    let changes = [
        ("another team", "/team/id", json!("T0OTHER01")),
        ("another app", "/api_app_id", json!("A0OTHER01")),
        ("another channel", "/channel/id", json!("C0OTHER01")),
        ("another person", "/user/id", json!(world.mallory.id)),
        ("another action", "/actions/0/action_id", json!("approve-everything")),
        ("another kind of interaction", "/type", json!("view_submission")),
        ("a button that was not signed", "/actions/0/value", json!("00000000000000000000000000000000")),
        ("a value that is a path", "/actions/0/value", json!("../../cases")),
        ("another finding in a signed button", "/actions/0/value", json!(other_finding)),
        ("no actions", "/actions", json!([])),
    ];
    for (name, pointer, value) in changes {
        let mut payload = review.payload.clone();
        *payload.pointer_mut(pointer).with_context(|| format!("the payload has no {pointer}"))? = value;
        // Whoever answers goes elsewhere, too.
        *payload.pointer_mut("/response_url").context("the payload has no response_url")? =
            json!("http://127.0.0.1:9/actions/elsewhere");
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
        let now = Timestamp::now().as_second();
        let answer = http()?
            .post(&world.deployment.remediation_url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", now)
            .header("x-slack-signature", sign(&review.app.signing_secret, now, body.as_bytes()))
            .body(body)
            .send()
            .await
            .with_context(|| format!("send the click: {name}"))?;
        let status = answer.status().as_u16();
        ensure!(matches!(status, 200 | 400), "{name}: answered with {status}");
        review.is_untouched(world, name).await?;
    }
    review.still_works(world, narrator).await
}

/// What the notifications say that are none, so that their reports are known from all others.
const SPOILT: [&str; 3] = ["spoilt: no JSON", "spoilt: another version", "spoilt: no description"];

/// Whether this is the report of a notification that was spoilt here.
pub(crate) fn is_about_what_was_spoilt(problem: &str) -> bool {
    problem.starts_with("Event received is not supported") && SPOILT.iter().any(|mark| problem.contains(mark))
}

pub(crate) async fn amazon_q_drops_and_reports_what_is_no_notification(
    world: &World,
    _: &Narrator,
) -> anyhow::Result<()> {
    let topic = world.deployment.output("NotificationTopicArn")?;
    let [no_json, version, description] = SPOILT;
    for (mark, why, message) in [
        (no_json, "expected value", no_json.to_owned()),
        (
            version,
            "version is `2.0`",
            json!({"version": "2.0", "source": "custom", "content": {"description": version}}).to_string(),
        ),
        (
            description,
            "missing field `description`",
            json!({"version": "1.0", "source": "custom", "content": {"title": description}}).to_string(),
        ),
    ] {
        world.sns.publish().topic_arn(topic).message(message).send().await.context("publish")?;
        until(Duration::from_secs(20), "the report of a dropped notification", async || {
            let reported =
                |problem: &String| is_about_what_was_spoilt(problem) && problem.contains(mark) && problem.contains(why);
            Ok(world.slack.problems().iter().any(reported).then_some(()))
        })
        .await?;
        let messages = world.slack.messages(&world.deployment.scan_channel);
        if let Some(message) = messages.iter().find(|message| message.words().contains(mark)) {
            bail!("it was posted: {}", message.words());
        }
    }
    Ok(())
}
