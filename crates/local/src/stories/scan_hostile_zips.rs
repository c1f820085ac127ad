//! Zips that want something else than a scan.

mod hiding;
mod trap;
mod two_faces;

use anyhow::{Context as _, ensure};

use self::trap::Trap;
use super::{
    build_log,
    scan::{GATE_FAILED, PIPELINE_FAILED, Scan, verify::MAY_NOT},
};
use crate::{
    archive::{Entry, zip_entries},
    narrator::Narrator,
    samples,
    world::World,
};

/// More than the preflight's factor of 200, from its 10 MiB on.
const BOMB_BYTES: usize = 11 << 20;

/// What Step Functions keeps of a task's failure, at most.
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html>
const LONGEST_CAUSE: usize = 32_768;

/// All of them at once, as many as can be; then the two that name a scan which has passed.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let trap = Trap::set().await?;
    let upload_zip = |name: &str, zip: Vec<u8>| {
        let key = format!("hostile-{name}/scan.zip");
        async move { Scan::upload(world, narrator, &key, zip).await }
    };
    let upload = |name: &str, entries: Vec<Entry>| {
        let name = name.to_owned();
        async move { upload_zip(&name, zip_entries(&entries)?).await }
    };
    let file = |name: &str, text: &str| Entry::File(name.to_owned(), text.into());

    let green = upload("green", vec![samples::code_file("clean", samples::LEDGER)?]).await?;
    let hosts = upload("hosts", with_issue(file("sonar-project.properties", &trap.another_server()))?).await?;
    let folders = upload("folders", hiding::in_folders()?).await?;
    let hiding_place = upload("hiding-place", hiding::from_analysers()?).await?;
    let refused = [
        upload("path", with_issue(file("../../escaped.py", "import os"))?).await?,
        upload("link", with_issue(Entry::Link("settings.py".to_owned(), "/etc/passwd".to_owned()))?).await?,
        upload(
            &format!("bomb-{}", "x".repeat(200)),
            with_issue(Entry::File("data.bin".to_owned(), vec![0; BOMB_BYTES]))?,
        )
        .await?,
        upload_zip("behind-another", two_faces::behind_another()?).await?,
        upload_zip("described-twice", two_faces::described_twice()?).await?,
    ];
    let reasons =
        ["is not a plain path", "is a link", "as zip bombs do", "not where its end says", "is described in two ways"];
    for (scan, why) in refused.iter().zip(reasons) {
        let message = scan.notification(world, narrator, PIPELINE_FAILED).await?;
        ensure!(message.words().contains(why), "{} was not refused as `{why}`: {}", scan.key, message.words());
        ensure!(message.offers.is_empty(), "{}: there is a button, but no verdict to accept", scan.key);
        scan.ends(world, narrator, "FAILED PipelineFailed").await?;
    }
    narrator.fact("what should not even be unpacked is refused, with a sentence for the developer");
    // CodeBuild repeats the command that failed, here the whole preflight, and the environment, here a long key twice.
    for scan in refused.iter().filter(|scan| scan.key.contains("bomb")) {
        let kept = scan.longest_cause(world).await?;
        ensure!(kept == LONGEST_CAUSE, "the description of the build has {kept} characters, so nothing was cut off");
    }
    narrator.fact("where its build is described too long for Step Functions, CodeBuild was asked instead");

    green.ends(world, narrator, "SUCCEEDED PASSED").await?;
    let passed = build_log::build_of(world, &green.place, &green.id).await?.context("there is no build")?;
    let exported = |name: &str| {
        let variables = passed.exported_environment_variables().iter();
        variables.filter(|variable| variable.name() == Some(name)).find_map(|variable| variable.value())
    };
    let task = exported("SONAR_CE_TASK_ID").context("the build names no analysis")?.to_owned();
    let project = green.evidence(world, "report.json").await?["projectKey"].as_str().unwrap_or_default().to_owned();

    let hidden = file("sonar-project.properties", &trap::hide_everything(&project));
    let hidden = upload("settings", with_issue(hidden)?).await?;
    let mut programs = trap.programs(&project, &task);
    programs.extend(with_issue(file("README.md", "Nothing to see."))?);
    let programs = upload("programs", programs).await?;
    for scan in [&hosts, &hidden, &programs] {
        let message = scan.notification(world, narrator, GATE_FAILED).await?;
        let words = message.words();
        ensure!(words.contains("python:S4830"), "{}: the issue is not named: {words}", scan.key);
        ensure!(words.contains(samples::LEDGER), "{}: the file is not named: {words}", scan.key);
        scan.verify(world, narrator, MAY_NOT, "waits for a decision").await?;
        scan.hides_the_tokens(world).await?;
    }
    hiding::is_found(world, narrator, &folders).await?;
    narrator.fact("the others are judged by their code, whatever else they bring and wherever it is");
    hiding::is_told(world, narrator, &hiding_place).await?;
    narrator.fact("what no analyser judges is counted, and told although the gate is passed");
    trap.is_untouched()?;
    narrator.fact("no program of theirs ran, and nothing was sent to their server");
    Ok(())
}

/// The entry beside code with one issue.
fn with_issue(entry: Entry) -> anyhow::Result<Vec<Entry>> {
    Ok(vec![samples::code_file("vulnerable", samples::LEDGER)?, entry])
}
