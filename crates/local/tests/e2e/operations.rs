//! The life of a deployment, by the scripts that a person would use: deploy, look, update, roll back, remove.

mod broken;
mod inventory;
mod operator;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use aws_sdk_sfn::types::ExecutionStatus;
use local::{
    deployment::{self, By, Output, Script},
    narrator::Narrator,
    permissions, samples, stories,
    until::until,
    world::{self, World},
};
use operate::release::Release;
use sonarqube::Source;

use self::{
    broken::BROKEN,
    inventory::{is_data, is_of_the_deployment, left, the_inventory_has_every_kind},
};

const NAME: &str = "demo";

/// A world of its own, because in the end nothing is left of it.
pub(crate) async fn a_deployment_lives_and_ends_by_the_scripts(scans: bool) -> anyhow::Result<()> {
    let narrator = Narrator::quiet();
    let world = World::start_by(By::Script, scans.then_some(Source::Local), &narrator).await?;
    let outcome = Box::pin(live(&world, scans, &narrator)).await;
    let words = world.last_words();
    world.stop().await?;
    outcome.with_context(|| format!("so far:\n{}\nthe local cloud's last words:\n{words}", narrator.told()))
}

async fn live(world: &World, scans: bool, narrator: &Narrator) -> anyhow::Result<()> {
    let script = world.deployment.script().context("the world was not deployed by the script")?;
    let first = tokio::task::spawn_blocking(deployment::release).await??;
    for story in stories::ALL.iter().filter(|story| story.default && (scans || !story.needs_sonarqube)) {
        (story.play)(world, narrator).await.with_context(|| format!("in the story {}", story.name))?;
    }

    again_changes_nothing(script, scans).await?;
    a_look_needs_neither_a_package_nor_secrets(script, scans).await?;
    a_secret_is_changed_by_deploying_with_it(world, script, scans).await?;
    let refused = refused_clicks(world).await?;
    healthy(script, scans).await?;
    ensure!(refused > 0 && refused_clicks(world).await? == refused, "the doctor's click counts as a forged one");
    the_manifest_has_the_address(script).await?;
    each_broken_thing_is_found(world, script, scans).await?;
    a_failure_is_explained_mended_and_leaves_nothing(world, script).await?;
    updates_and_rolls_back(world, script, &first, scans).await?;
    if scans {
        let zip = samples::small_code("vulnerable")?;
        let put = world.s3.put_object().bucket(world.deployment.output("UploadBucket")?).key("undecided/code.zip");
        put.body(zip.into()).send().await?;
        until(Duration::from_mins(2), "a scan that runs", async || {
            let machine = world.deployment.output("StateMachineArn")?;
            let running =
                world.sfn.list_executions().state_machine_arn(machine).status_filter(ExecutionStatus::Running);
            Ok((!running.send().await?.executions().is_empty()).then_some(()))
        })
        .await?;
    }
    let deployed = permissions::deployed(&world.cloud_url).await?;
    nothing_is_left_but_data(world, script, scans).await?;
    operator::check(world, &deployed, scans).await
}

/// A second run finds the same release and the same settings, and needs no secret again.
async fn again_changes_nothing(script: &Script, scans: bool) -> anyhow::Result<()> {
    let again = deploy(script, &[], scans).await?;
    expect(&again, true, &["is already in", "demo-app-security: nothing to change"])?;
    expect(&again, true, &["demo-pre-requisite: nothing to change", "demo-macie-remediation: nothing to change"])
}

/// The one way that the README knows.
async fn a_secret_is_changed_by_deploying_with_it(world: &World, script: &Script, scans: bool) -> anyhow::Result<()> {
    let secrets = aws_sdk_secretsmanager::Client::new(&world.aws);
    let id = broken::physical(world, "macie-remediation", "SlackWebHookSecret").await?;
    let value = async || anyhow::Ok(secrets.get_secret_value().secret_id(&id).send().await?.secret_string);
    let before = value().await?.context("the secret has no value")?;
    for new in [format!("{before}-new"), before] {
        let variables = [("SLACK_WEBHOOK_URL", new.as_str())];
        let arguments: &[&str] = if scans { &["--yes"] } else { &["--yes", "--although-checks-fail"] };
        let changed = script.run("deploy", arguments, variables).await?;
        expect(
            &changed,
            true,
            &["demo-app-security: nothing to change", "  SlackWebHookSecret (AWS::SecretsManager::Secret)"],
        )?;
        ensure!(value().await?.as_ref() == Some(&new), "the secret has another value");
    }
    Ok(())
}

async fn healthy(script: &Script, scans: bool) -> anyhow::Result<()> {
    let doctor = doctor(script, &["--notify"]).await?;
    if scans {
        expect(&doctor, true, &["demo is healthy", "signed click: answered with 200"])
    } else {
        // There is no SonarQube, and the doctor says just that.
        expect(&doctor, false, &["demo is not healthy: 1 of ", "FAILS  SonarQube server"])
    }
}

async fn the_manifest_has_the_address(script: &Script) -> anyhow::Result<()> {
    let manifest = script.run("deploy", &["slack-manifest"], []).await?;
    expect(&manifest, true, &["\"request_url\": \"http", ".execute-api.", "/slack/actions\""])
}

/// Breaks one thing after the other, each mended before the next.
async fn each_broken_thing_is_found(world: &World, script: &Script, scans: bool) -> anyhow::Result<()> {
    for broken in BROKEN {
        let mend = (broken.break_it)(world).await.with_context(|| format!("break: {}", broken.what))?;
        let found = doctor(script, &[]).await?;
        ensure!(!found.success, "the doctor did not find: {}\n{}", broken.what, found.words);
        expect(&found, false, broken.found).with_context(|| format!("broken: {}", broken.what))?;
        mend.await.with_context(|| format!("mend: {}", broken.what))?;
    }
    healthy(script, scans).await
}

/// Neither is there, and it is not asked for.
async fn a_look_needs_neither_a_package_nor_secrets(script: &Script, scans: bool) -> anyhow::Result<()> {
    let before = script.run("deploy", &["--check-only", "--name", "new", "--dist", "nowhere"], []).await?;
    let healthy =
        ["ok     sender in Amazon SES", "ok     configuration set in Amazon SES", "ok     Amazon Macie: enabled"];
    expect(&before, scans, &healthy)?;
    ensure!(!before.words.contains("\nerror: "), "{}", before.words);
    let deployed = script.run("deploy", &["--name", "new", "--dist", "nowhere", "--yes"], []).await?;
    expect(&deployed, false, &["set SONAR_TOKEN, SONAR_READER_TOKEN, SLACK_WEBHOOK_URL"])
}

/// Two configurations of Amazon Q cannot have one channel. With another channel the same command goes on from there.
async fn a_failure_is_explained_mended_and_leaves_nothing(world: &World, script: &Script) -> anyhow::Result<()> {
    let before = world::inventory(&world.cloud_url).await?;
    let token = "0".repeat(44);
    let secrets = [
        ("SONAR_TOKEN", token.as_str()),
        ("SONAR_READER_TOKEN", &token),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T012/B012/abc"),
        ("SLACK_SIGNING_SECRET", "10ca110ca110ca110ca110ca110ca11f"),
    ];
    let twin = script.twin("twin", (&world.deployment.app.id, "A0TWIN0001"))?;
    let force = ["--yes", "--although-checks-fail"];
    let failed = twin.run("deploy", &force, secrets).await?;
    let words = [
        "the stack twin-app-security is ROLLBACK_COMPLETE",
        "SlackChannel: ",
        "-> a Slack channel can be configured once",
    ];
    expect(&failed, false, &words)?;
    expect(
        &failed,
        false,
        &["note   automatic remediation: the stack demo-macie-remediation acts on the same findings"],
    )?;
    // What never ran keeps no secret: they are wanted again.
    let again = twin.run("deploy", &force, []).await?;
    expect(&again, false, &["set SONAR_TOKEN, SONAR_READER_TOKEN, SLACK_WEBHOOK_URL"])?;

    let other = twin.twin("twin", (&world.deployment.scan_channel.id, "C0TWIN0001"))?;
    let mended = other.run("deploy", &force, secrets).await?;
    let next = ["outputs\n", "by hand, once", "`/invite @Amazon Q`", "set the Request URL to http", "scripts/doctor"];
    expect(&mended, true, &["twin-app-security                        created", "nothing to change"])?;
    expect(&mended, true, &next)?;
    let name = ["--yes", "--empty-evidence-and-quarantine", "--yes-delete-all-data"];
    let removed = other.run("destroy", &name, []).await?;
    expect(&removed, true, &["Nothing of the deployment is left"])?;
    let left: Vec<String> = world::inventory(&world.cloud_url).await?.difference(&before).cloned().collect();
    ensure!(left.is_empty(), "the twin left: {left:#?}");
    Ok(())
}

/// Another release, and the first one again; the functions run what the release says.
async fn updates_and_rolls_back(
    world: &World,
    script: &Script,
    first: &Arc<Release>,
    scans: bool,
) -> anyhow::Result<()> {
    let second = another(first)?;
    script.write_release(&second)?;
    let before = runs(world).await?;
    let update = deploy(script, &[], scans).await?;
    expect(&update, true, &[&format!("release {} uploaded to", second.name()), "~ change   ApprovalFunction"])?;
    let after = runs(world).await?;
    for (before, after) in before.iter().zip(&after) {
        ensure!(before != after, "the first release still runs: {before}");
    }
    healthy(script, scans).await?;

    let listed = deploy(script, &["--releases"], scans).await?;
    expect(&listed, true, &[first.name(), &format!("{}  uploaded", second.name())])?;
    let back = deploy(script, &["--release", first.name()], scans).await?;
    expect(&back, true, &[&format!("release {}", first.name())])?;
    ensure!(runs(world).await? == before, "not all of the first release runs again");
    healthy(script, scans).await?;
    let unknown = deploy(script, &["--release", "0000000000000000"], scans).await?;
    expect(&unknown, false, &["there is no release 0000000000000000"])
}

/// First without the data, then with it.
async fn nothing_is_left_but_data(world: &World, script: &Script, scans: bool) -> anyhow::Result<()> {
    let data =
        buckets_of(world, &["UploadBucket", "EvidenceBucket", "QuarantineBucket", "QuarantineLogBucket"]).await?;
    the_inventory_has_every_kind(world).await?;
    let refused = script.run("destroy", &[], []).await?;
    expect(&refused, false, &["Nobody can be asked here: give --yes"])?;
    let once = script.run("destroy", &["--yes", "--empty-evidence-and-quarantine"], []).await?;
    expect(&once, false, &["nothing was removed", "--yes-delete-all-data"])?;

    let destroyed = script.run("destroy", &["--yes"], []).await?;
    expect(&destroyed, true, &["Left, because it cannot be made again"])?;
    if scans {
        expect(&destroyed, true, &["note: 1 scans run or wait for a decision"])?;
    }
    for bucket in &data {
        expect(&destroyed, true, &[&format!("bucket  {bucket}")])?;
    }
    let kept = buckets(world).await?;
    ensure!(kept == data, "kept are {kept:?} instead of {data:?}");
    let kept = left(world).await?;
    ensure!(kept.iter().any(|thing| thing.starts_with("s3._buckets ")), "the inventory lacks the data: {kept:#?}");
    let strange: Vec<&String> = kept.iter().filter(|thing| !is_data(thing, &data)).collect();
    ensure!(strange.is_empty(), "left besides data: {strange:#?}");

    let twice = ["--yes", "--empty-evidence-and-quarantine", "--yes-delete-all-data"];
    let emptied = script.run("destroy", &twice, []).await?;
    expect(&emptied, true, &["Nothing of the deployment is left", "will be deleted in 30 days"])?;
    let left = left(world).await?;
    ensure!(left.is_empty(), "left after everything was removed: {left:#?}");
    let nothing = script.run("destroy", &["--yes"], []).await?;
    expect(&nothing, true, &["There is no deployment demo"])
}

/// Without a SonarQube server one check fails, and rightly so.
async fn deploy(script: &Script, arguments: &[&str], scans: bool) -> anyhow::Result<Output> {
    let mut all = vec!["--yes"];
    all.extend(arguments);
    if !scans && !arguments.contains(&"--releases") {
        all.push("--although-checks-fail");
    }
    script.run("deploy", &all, []).await
}

async fn doctor(script: &Script, arguments: &[&str]) -> anyhow::Result<Output> {
    script.run("doctor", arguments, []).await
}

fn expect(output: &Output, success: bool, words: &[&str]) -> anyhow::Result<()> {
    ensure!(output.success == success, "success is {}:\n{}", output.success, output.words);
    for words in words {
        ensure!(output.words.contains(words), "no word of `{words}`:\n{}", output.words);
    }
    Ok(())
}

/// Another release that does the same: one zip has a second file, and the templates, the state machine and the build
/// specification say so.
fn another(release: &Release) -> anyhow::Result<Release> {
    let mut files: BTreeMap<String, Vec<u8>> = release.files().clone();
    let approval = files.get_mut("approval.zip").context("the release has no approval.zip")?;
    let mut archive = zip::ZipWriter::new_append(std::io::Cursor::new(approval.clone()))?;
    archive.start_file("NOTICE", zip::write::SimpleFileOptions::default())?;
    archive.write_all(b"The second release.\n")?;
    *approval = archive.finish()?.into_inner();
    for (name, old, new) in [
        ("app-security.yml", "Security ChatOps, ", "Security ChatOps, second release, "),
        ("macie-remediation.yml", "Security ChatOps, ", "Security ChatOps, second release, "),
        ("code-scan.asl.json", "\"Comment\": \"", "\"Comment\": \"Second release. "),
        ("sonar-scan.yml", "\nversion: 0.2", "\n# Second release.\nversion: 0.2"),
    ] {
        let file = files.get_mut(name).with_context(|| format!("the release has no {name}"))?;
        let text = String::from_utf8(file.clone())?;
        let changed = format!("\n{text}").replacen(old, new, 1);
        ensure!(changed.len() > text.len() + 1, "{name} has no {old:?}");
        *file = changed.trim_start_matches('\n').as_bytes().to_vec();
    }
    Release::of(files)
}

/// What runs: the hash of Approval's code, the templates, the state machine's definition and the build specification.
async fn runs(world: &World) -> anyhow::Result<[String; 5]> {
    let lambda = aws_sdk_lambda::Client::new(&world.aws);
    let function = world.deployment.output("ApprovalFunction")?;
    let code = lambda.get_function_configuration().function_name(function).send().await?.code_sha256;
    let cloudformation = aws_sdk_cloudformation::Client::new(&world.aws);
    let template = async |stack: &str| {
        let answer = cloudformation.get_template().stack_name(format!("{NAME}-{stack}")).send().await?;
        answer.template_body.context("the stack has no template")
    };
    let machine = world.deployment.output("StateMachineArn")?;
    let definition = world.sfn.describe_state_machine().state_machine_arn(machine).send().await?.definition;

    let builds = aws_sdk_codebuild::Client::new(&world.aws);
    let project = broken::physical(world, "app-security", "ScanProject").await?;
    let projects = builds.batch_get_projects().names(project).send().await?.projects.unwrap_or_default();
    let buildspec =
        projects.first().and_then(|project| project.source()?.buildspec()).context("there is no buildspec")?;
    // arn:aws:s3:::bucket/key
    let (bucket, key) = buildspec.rsplit(':').next().and_then(|path| path.split_once('/')).context("not in S3")?;
    let buildspec = world.s3.get_object().bucket(bucket).key(key).send().await?.body.collect().await?.to_vec();
    Ok([
        code.context("the function has no code")?,
        template("app-security").await?,
        template("macie-remediation").await?,
        definition,
        String::from_utf8(buildspec)?,
    ])
}

/// The buckets of the stacks with these logical ids.
async fn buckets_of(world: &World, logical_ids: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let client = aws_sdk_cloudformation::Client::new(&world.aws);
    let mut found = BTreeSet::new();
    for stack in ["app-security", "macie-remediation"] {
        let resources = client.describe_stack_resources().stack_name(format!("{NAME}-{stack}")).send().await?;
        let wanted = |id: Option<&str>| id.is_some_and(|id| logical_ids.contains(&id));
        let buckets = resources.stack_resources().iter().filter(|one| wanted(one.logical_resource_id()));
        found.extend(buckets.filter_map(|one| one.physical_resource_id().map(str::to_owned)));
    }
    Ok(found)
}

/// The stories' own buckets are not the deployment's.
async fn buckets(world: &World) -> anyhow::Result<BTreeSet<String>> {
    let answer = world.s3.list_buckets().send().await?;
    let names = answer.buckets().iter().filter_map(|bucket| bucket.name().map(str::to_owned));
    Ok(names.filter(|name| is_of_the_deployment(name)).collect())
}

/// Clicks that RemediationHandler has counted as refused.
async fn refused_clicks(world: &World) -> anyhow::Result<usize> {
    let function = broken::physical(world, "macie-remediation", "RemediationHandlerLogGroup").await?;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&world.aws);
    let mut pages = logs.filter_log_events().log_group_name(function).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        let page = page.context("read the log of RemediationHandler")?;
        let lines = page.events().iter().filter_map(|event| event.message());
        count += lines.filter(|line| line.contains("\"ClicksRefused\":1")).count();
    }
    Ok(count)
}
