use anyhow::{Context as _, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    finding::{Upload, discover, private_word, remediate},
    finding_remediated_automatically::is_about_quarantine,
};
use crate::{
    cloud::http,
    narrator::Narrator,
    samples,
    slack::{TEAM, message::Message, signature::sign},
    world::World,
};

const STORY: &str = "click-refused";

/// What is changed in a genuine click, and what the person who sent it is told.
struct Change {
    name: &'static str,
    pointer: &'static str,
    value: Value,
    told: &'static str,
}

/// Clicks that Slack signed and that still may not have an effect: another person, place or button.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [("people/contacts.txt", samples::data("employee-records.txt")?)];
    let [file] = Upload::to_new_bucket(world, narrator, STORY, files).await?;
    discover(world, narrator, &file.bucket).await?;
    let asked = file.message(world, narrator, "a question", |message| remediate(message).is_some()).await?;
    let button = remediate(&asked).context("the question has no button")?;
    let value = button.value.clone().context("the button has no value")?;

    for change in changes(world, &value).await? {
        narrator.step(&format!("A click with {}", change.name));
        let (app, mut payload) = world.slack.payload(&asked, &button, &world.alice)?;
        *payload.pointer_mut(change.pointer).with_context(|| format!("no {}", change.pointer))? = change.value;
        send(world, &app.signing_secret, &payload, Timestamp::now().as_second()).await.context(change.name)?;
        // The stand-in shows the answer to whoever the `response_url` was made for.
        private_word(world, narrator, &world.alice, change.told).await?;
        is_untouched(world, &file, &asked, change.name).await?;
    }
    narrator.fact("none had an effect: the file is in place, nobody has decided, the question stands");
    replayed(world, narrator, &file, &asked).await
}

/// The genuine click is sent once more, byte for byte, while its signature holds.
async fn replayed(world: &World, narrator: &Narrator, file: &Upload, asked: &Message) -> anyhow::Result<()> {
    let button = remediate(asked).context("the question has no button")?;
    let (app, payload) = world.slack.payload(asked, &button, &world.alice)?;
    let now = Timestamp::now().as_second();
    narrator.step("The genuine click");
    send(world, &app.signing_secret, &payload, now).await?;
    let done = file.message(world, narrator, "the outcome", is_about_quarantine).await?;
    narrator.step("The very same request again");
    let claim = file.record(world, "claim.json").await?;
    send(world, &app.signing_secret, &payload, now).await?;
    private_word(world, narrator, &world.alice, "this press came before").await?;
    ensure!(file.record(world, "claim.json").await? == claim, "the case was claimed again");
    ensure!(world.slack.message(&done.ts).as_ref() == Some(&done), "the message changed");
    narrator.fact("it had no effect either");
    Ok(())
}

/// Sends what Slack would send, signed at this second, and expects 200.
async fn send(world: &World, signing_secret: &str, payload: &Value, at: i64) -> anyhow::Result<()> {
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
    let request = http()?
        .post(&world.deployment.remediation_url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-slack-request-timestamp", at)
        .header("x-slack-signature", sign(signing_secret, at, body.as_bytes()));
    let answer = request.body(body).send().await.context("send the click")?;
    ensure!(answer.status() == 200, "answered with {}", answer.status());
    Ok(())
}

async fn changes(world: &World, value: &str) -> anyhow::Result<Vec<Change>> {
    let change = |name, pointer, value, told| Change { name, pointer, value, told };
    let (wrong_place, forged) = ("cannot be remediated from here", "not made by this deployment");
    // One digit of the finding's id.
    let edited = value.replacen('.', ".0", 2);
    let finding = value.split('.').nth(2).context("the value names no finding")?;
    let now = Timestamp::now().as_second();
    let key = button_key(world).await?;
    let channel = &world.deployment.finding_channel.id;
    Ok(vec![
        change("another workspace", "/team/id", json!("T0OTHER01"), wrong_place),
        change("another app", "/api_app_id", json!("A0OTHER01"), wrong_place),
        change("another channel", "/channel/id", json!("C0OTHER01"), wrong_place),
        change("another person", "/user/id", json!(world.mallory.id), "not on the list"),
        change("a value that names another finding", "/actions/0/value", json!(edited), forged),
        change("a value that nobody signed", "/actions/0/value", json!(finding), forged),
        change("a value for another channel", "/actions/0/value", signed(&key, "C0OTHER01", finding, now + 60), forged),
        change("a value of another key", "/actions/0/value", signed("another key", channel, finding, now + 60), forged),
        change("the id of another button", "/actions/0/action_id", json!("restore"), forged),
        change("a value that has expired", "/actions/0/value", signed(&key, channel, finding, now - 60), "has expired"),
    ])
}

/// Written a second time, apart from the product's signer, so that each proves the other.
fn signed(key: &str, channel: &str, finding: &str, expiry: i64) -> Value {
    let signed = format!("remediate.{expiry:x}.{finding}");
    // HMAC takes keys of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        return Value::Null;
    };
    for part in ["security-chatops button 1", TEAM, channel, signed.as_str()] {
        mac.update(part.as_bytes());
        mac.update(b"\0");
    }
    let code = hex::encode(mac.finalize().into_bytes());
    json!(format!("{signed}.{}", code.split_at(32).0))
}

/// The key of this deployment, as its administrator could read it.
async fn button_key(world: &World) -> anyhow::Result<String> {
    let secrets = aws_sdk_secretsmanager::Client::new(&world.aws);
    let listed = secrets.list_secrets().send().await.context("list the secrets")?;
    let stack = format!("{}-macie-remediation", world.deployment.name);
    let ours = listed.secret_list().iter().find(|secret| {
        secret.name().is_some_and(|name| name.starts_with(&stack))
            && secret.description() == Some("Key that signs the values of buttons")
    });
    let arn = ours.and_then(|secret| secret.arn()).context("the stack has no key for buttons")?;
    let secret = secrets.get_secret_value().secret_id(arn).send().await.context("read the key for buttons")?;
    secret.secret_string.context("the key for buttons is no text")
}

async fn is_untouched(world: &World, file: &Upload, asked: &Message, after: &str) -> anyhow::Result<()> {
    ensure!(file.is_in_place(world).await?, "{after}: the file was moved");
    ensure!(file.record(world, "claim.json").await.is_err(), "{after}: the case was claimed");
    ensure!(world.slack.message(&asked.ts).as_ref() == Some(asked), "{after}: the message changed");
    Ok(())
}
