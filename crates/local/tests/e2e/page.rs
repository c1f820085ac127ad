//! The Slack stand-in's page, used as a browser does.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use local::{
    cloud::http,
    narrator::Narrator,
    stories::finding::{Upload, discover, remediate},
    world::{UPLOAD, World},
};

pub(crate) async fn a_button_in_the_browser_works(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [("<b>&contacts.txt", local::samples::data("employee-records.txt")?)];
    let [file] = Upload::to_new_bucket(world, narrator, "browser", files).await?;
    discover(world, narrator, &file.bucket).await?;
    let in_bucket = |words: &str| words.contains(&file.bucket);
    let channel = &world.deployment.finding_channel;
    let asked = local::until::until(std::time::Duration::from_secs(30), "a question", async || {
        let messages = world.slack.messages(channel);
        Ok(messages.into_iter().find(|message| in_bucket(&message.words()) && remediate(message).is_some()))
    })
    .await?;

    let client = http()?;
    let url = world.slack.url();
    let page = client.get(format!("{url}/?as={}", world.alice.id)).send().await?.text().await?;
    ensure!(page.contains("Slack stand-in") && page.contains(&asked.ts), "the page does not show the question");
    ensure!(page.contains("&lt;b&gt;&amp;contacts.txt") && !page.contains("<b>&contacts"), "the key is markup");
    ensure!(!page.contains("src=") && !page.contains("@import"), "the page loads something");

    let mails = client.get(format!("{url}/mails")).send().await?.text().await?;
    ensure!(mails.contains("Mails in the local cloud"), "the page with the mails is another one");

    let position = asked.buttons().iter().position(|button| button.label == "Remediate");
    let position = position.context("the question has no button")?.to_string();
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("ts", &asked.ts)
        .append_pair("button", &position)
        .append_pair("as", &world.alice.id)
        .finish();
    let press = |origin: &str, host: &str| {
        let request = client.post(format!("{url}/press")).header("origin", origin).header("host", host);
        request.header("content-type", "application/x-www-form-urlencoded").body(form.clone()).send()
    };
    let host = url.trim_start_matches("http://");
    ensure!(press("https://example.com", host).await?.status() == 403, "another page may press the button");
    ensure!(press(url, "rebound.example.com").await?.status() == 403, "another name may press the button");
    ensure!(file.is_in_place(world).await?, "the file was moved by somebody else");

    let pressed = press(url, host).await?;
    ensure!(pressed.status().is_success(), "the button was answered with {}", pressed.status());
    local::until::until(std::time::Duration::from_secs(30), "the outcome", async || {
        Ok(world.slack.message(&asked.ts).filter(|message| remediate(message).is_none()))
    })
    .await?;
    local::until::until(std::time::Duration::from_secs(30), "the move", async || {
        Ok((!file.is_in_place(world).await?).then_some(()))
    })
    .await?;
    Ok(())
}

/// What `--stay` prints, on a machine with no AWS CLI of its own.
pub(crate) async fn the_command_for_an_upload_of_ones_own_works_as_it_is_printed(
    world: &World,
    _: &Narrator,
) -> anyhow::Result<()> {
    let tour = world.tour();
    let (_, command) = tour.split_once(UPLOAD).context("no command is printed")?;
    let folder = tempfile::tempdir().context("make a folder")?;
    std::fs::write(folder.path().join("code.zip"), "").context("make a zip")?;
    let command = format!("{} --dryrun", command.trim());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &command]).current_dir(folder.path()).env_clear().env("PATH", "/nowhere").stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || shell.output()).await?.context("run the command")?;
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success() && words.contains("upload: ./code.zip to s3://"), "{command}: {words}");
    Ok(())
}
