//! Ways in which the pipeline fails that can be had on demand, each in a deployment that is broken in one place. What
//! takes a server that misbehaves is tested against a scripted one, in `check-build-status`.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_codebuild::types::EnvironmentVariable;
use serde_json::json;

use super::{
    build_log,
    obstacles::add_to_policy,
    scan::{
        GATE_FAILED, PIPELINE_FAILED, Put, Scan,
        verify::{MAY_GO_ON, MAY_NOT},
    },
};
use crate::{cloud::http, deployment::CodeScan, narrator::Narrator, samples, until::until, world::World};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";
const KEY: &str = "failures/scan.zip";
const BUILDING: Duration = Duration::from_mins(2);

pub(super) async fn server_unreachable(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let place = world.another_code_scan(narrator, "unreachable", [("SonarHostUrl", NOWHERE)]).await?;
    fails(world, narrator, &place, "could not reach the SonarQube server", "SonarHostUrl").await
}

pub(super) async fn token_wrong(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let secret = wrong_token(world, "sqa_").await?;
    let place = world.another_code_scan(narrator, "wrong-token", [("SonarSecretArn", &secret)]).await?;
    fails(world, narrator, &place, "refused the scanner's token", "valid analysis token").await
}

pub(super) async fn tokens_swapped(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let scanner = world.deployment.output("SonarSecretArn")?;
    let reader = world.deployment.output("SonarReaderSecretArn")?;
    let changed = [("SonarSecretArn", reader), ("SonarReaderSecretArn", scanner)];
    let place = world.another_code_scan(narrator, "swapped", changed).await?;
    fails(world, narrator, &place, "may not analyse this project", "create projects").await
}

pub(super) async fn verdict_unknown(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let secret = wrong_token(world, "squ_").await?;
    let place = world.another_code_scan(narrator, "blind", [("SonarReaderSecretArn", &secret)]).await?;
    fails(world, narrator, &place, "verdict of the SonarQube server is unknown", "reader's token is valid").await
}

pub(super) async fn not_started(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let place = world.another_code_scan(narrator, "without-project", []).await?;
    narrator.step("Somebody deletes the CodeBuild project");
    let codebuild = aws_sdk_codebuild::Client::new(&world.aws);
    codebuild.delete_project().name(place.output("ScanProject")?).send().await.context("delete the project")?;
    fails(world, narrator, &place, "did not start the scan", "Check the CodeBuild project").await
}

/// A lifecycle rule or a developer was faster than the build.
pub(super) async fn version_gone(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let (place, key) = (world.deployment.code_scan(), "failures/scan-version-gone.zip");
    let put = Put::new(world, narrator, &place, key, samples::small_code("clean")?).await?;
    narrator.step("Somebody deletes this version before the build has fetched it");
    let bucket = place.output("UploadBucket")?;
    let delete = world.s3.delete_object().bucket(bucket).key(key).version_id(&put.version);
    delete.send().await.context("delete the version")?;
    let scan = put.scan(world, narrator).await?;
    told(world, narrator, &scan, "The uploaded version could not be fetched", "nobody deleted this version").await?;
    let report = scan.evidence(world, "report.json").await?;
    ensure!(report["cause"]["kind"] == "DOWNLOAD", "the report is {report}");
    Ok(())
}

pub(super) async fn stopped(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let key = "failures/scan-stopped.zip";
    let scan = Scan::upload(world, narrator, key, samples::small_code("clean")?).await?;
    let build = until(BUILDING, "the build", async || build_log::build_of(world, &scan.place, &scan.id).await).await?;
    narrator.step("Somebody stops the build");
    let codebuild = aws_sdk_codebuild::Client::new(&world.aws);
    codebuild.stop_build().id(build.id().unwrap_or_default()).send().await.context("stop the build")?;
    told(world, narrator, &scan, "Somebody stopped the build", "Upload the zip again").await
}

pub(super) async fn timed_out(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let key = "failures/scan-timed-out.zip";
    let scan = Scan::upload(world, narrator, key, samples::small_code("clean")?).await?;
    let build = until(BUILDING, "the build", async || build_log::build_of(world, &scan.place, &scan.id).await).await?;
    narrator.step("The build takes longer than ScanTimeoutMinutes; the local cloud puts its clock forward");
    let url = format!("{}/_local/builds/run-out-of-time", world.cloud_url);
    let over = http()?.post(url).body(build.id().unwrap_or_default().to_owned()).send().await;
    over.context("put the clock forward")?.error_for_status().context("put the clock forward")?;
    told(world, narrator, &scan, "The build ran out of time", "ScanTimeoutMinutes").await
}

pub(super) async fn install_failed(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let place = world.another_code_scan(narrator, "without-scanner", []).await?;
    narrator.step("Somebody tells the project to use a scanner that nobody has published");
    let codebuild = aws_sdk_codebuild::Client::new(&world.aws);
    let name = place.output("ScanProject")?;
    let projects = codebuild.batch_get_projects().names(name).send().await.context("look at the project")?;
    let environment = projects.projects().first().and_then(|project| project.environment().cloned());
    let mut environment = environment.context("the project has no environment")?;
    let version = EnvironmentVariable::builder().name("SCANNER_VERSION").value("0.0.0").build();
    let variables = environment.environment_variables.get_or_insert_default();
    variables.push(version.context("name the scanner's version")?);
    codebuild.update_project().name(name).environment(environment).send().await.context("change the project")?;
    fails(world, narrator, &place, "The scanner could not be installed", "reach its Maven repository").await
}

pub(super) async fn scanner_secret_gone(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let secret = wrong_token(world, "sqa_gone_").await?;
    let place = world.another_code_scan(narrator, "without-secret", [("SonarSecretArn", &secret)]).await?;
    narrator.step("Somebody deletes the secret of the scanner");
    let secrets = aws_sdk_secretsmanager::Client::new(&world.aws);
    let delete = secrets.delete_secret().secret_id(&secret).force_delete_without_recovery(true);
    delete.send().await.context("delete the secret")?;
    let scan = Scan::upload_to(world, narrator, &place, KEY, samples::small_code("clean")?).await?;
    let (headline, remedy) =
        ("could not read the build's specification or its secret", "scanner's secret holds a token");
    told_of(world, narrator, &scan, headline, remedy).await?;
    let report = scan.evidence(world, "report.json").await?;
    ensure!(report["cause"]["kind"] == "SETUP", "the report is {report}");
    Ok(())
}

/// The gate is passed, and yet nothing is waved through: a build that could not leave its evidence has failed.
pub(super) async fn artifacts_refused(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let place = world.another_code_scan(narrator, "without-artifacts", []).await?;
    narrator.step("Somebody refuses every build's artifacts in the policy of the evidence bucket");
    let bucket = place.output("EvidenceBucket")?;
    let refused = json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{bucket}/builds/*/scan/*"),
    });
    add_to_policy(world, bucket, refused).await?;
    let scan = Scan::upload_to(world, narrator, &place, KEY, samples::small_code("clean")?).await?;
    told(world, narrator, &scan, "passed, but the build failed afterwards", "Read the end of the build's log").await?;
    let report = scan.evidence(world, "report.json").await?;
    let told = (report["cause"]["kind"].as_str(), report["cause"]["message"].as_str().unwrap_or_default());
    ensure!(told.0 == Some("FAILED_AFTER_GATE") && told.1.contains("AccessDenied"), "the report is {report}");
    ensure!(!report["log"].as_array().is_none_or(Vec::is_empty), "the report has no lines of the log: {report}");
    Ok(())
}

/// The function can ask nobody for the verdict, and says so; once it can, the same version is scanned again.
pub(super) async fn reader_secret_broken(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let secret = secret(world, "broken-reader", "UPDATE-THIS-TOKEN").await?;
    let place = world.another_code_scan(narrator, "without-reader", [("SonarReaderSecretArn", &secret)]).await?;
    let scan = Scan::upload_to(world, narrator, &place, KEY, samples::small_code("clean")?).await?;
    told(world, narrator, &scan, "could not finish this scan", "SonarReaderSecretArn").await?;
    let report = scan.evidence(world, "report.json").await?;
    let cause = (report["cause"]["kind"].as_str(), report["cause"]["error"].as_str());
    ensure!(cause == (Some("UNFINISHED"), Some("TokenUnusable")), "the report is {report}");
    narrator.fact("the failure is in the evidence bucket");

    narrator.step("Somebody puts the right token into the secret");
    let secrets = aws_sdk_secretsmanager::Client::new(&world.aws);
    let right = secrets.get_secret_value().secret_id(world.deployment.output("SonarReaderSecretArn")?).send().await;
    let right = right.context("read the right token")?.secret_string;
    secrets.put_secret_value().secret_id(&secret).set_secret_string(right).send().await.context("mend the secret")?;
    let again = scan.start_again(world, narrator).await?;
    again.ends(world, narrator, "SUCCEEDED PASSED").await?;
    again.verify(world, narrator, MAY_GO_ON, "PASSED").await
}

/// Nothing is left that could record or tell a failure, except the state machine.
pub(super) async fn function_gone(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let place = world.another_code_scan(narrator, "without-function", []).await?;
    narrator.step("Somebody deletes the function CheckBuildStatus");
    let lambda = aws_sdk_lambda::Client::new(&world.aws);
    let function = place.output("CheckBuildStatusFunction")?;
    lambda.delete_function().function_name(function).send().await.context("delete the function")?;
    fails(world, narrator, &place, "so it was not scanned", "Mend the cause, then upload the zip again").await
}

/// An execution that is stopped is told, and keeps its version from nobody.
pub(super) async fn aborted(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let key = "failures/scan-aborted.zip";
    let scan = Scan::upload(world, narrator, key, samples::small_code("clean")?).await?;
    until(BUILDING, "the build", async || build_log::build_of(world, &scan.place, &scan.id).await).await?;
    let early = scan.start_again(world, narrator).await?;
    early.ends(world, narrator, "SUCCEEDED DUPLICATE").await?;
    narrator.step("Somebody aborts the execution, and with it the build");
    scan.abort(world).await?;
    scan.ends(world, narrator, "ABORTED").await?;
    let message = scan.notification(world, narrator, PIPELINE_FAILED).await?;
    for words in ["Somebody stopped its execution", "counts as not approved", "start an execution with the same input"]
    {
        ensure!(message.words().contains(words), "the notification does not say `{words}`: {}", message.words());
    }
    ensure!(message.offers.is_empty(), "there is a button, but no verdict to accept");
    scan.verify(world, narrator, MAY_NOT, "not approved").await?;
    let again = scan.start_again(world, narrator).await?;
    again.ends(world, narrator, "SUCCEEDED PASSED").await?;
    again.verify(world, narrator, MAY_GO_ON, "PASSED").await?;
    let projects = [scan.evidence(world, "report.json").await?, again.evidence(world, "report.json").await?];
    let [told, scanned] = projects.map(|report| report["projectKey"].clone());
    ensure!(told == scanned, "the channel was told of the project {told}, and {scanned} was scanned");
    let late = scan.start_again(world, narrator).await?;
    late.ends(world, narrator, "SUCCEEDED DUPLICATE").await?;
    ensure!(scan.messages(world).len() == 1, "the channel was told more than once");
    aborted_while_it_waits(world, narrator).await
}

/// The buttons are there, and nothing follows from them any more.
async fn aborted_while_it_waits(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let key = "failures/scan-aborted-waiting.zip";
    let scan = Scan::upload(world, narrator, key, samples::small_code("vulnerable")?).await?;
    let question = scan.notification(world, narrator, GATE_FAILED).await?;
    narrator.step("Somebody aborts the execution that waits for a decision");
    scan.abort(world).await?;
    scan.ends(world, narrator, "ABORTED").await?;
    let told = scan.another(world, narrator, "Somebody stopped its execution").await?;
    ensure!(told.words().contains("counts as not approved"), "the notification is {}", told.words());
    let reply = scan.press(world, narrator, &question, "Approve").await?;
    ensure!(reply.text.contains("the scan is over"), "the reply is {}", reply.text);
    scan.verify(world, narrator, MAY_NOT, "not approved").await
}

/// A clean zip that fails: the code is not what is wrong.
async fn fails(
    world: &World,
    narrator: &Narrator,
    place: &CodeScan,
    headline: &str,
    remedy: &str,
) -> anyhow::Result<()> {
    let scan = Scan::upload_to(world, narrator, place, KEY, samples::small_code("clean")?).await?;
    told(world, narrator, &scan, headline, remedy).await
}

async fn told(world: &World, narrator: &Narrator, scan: &Scan, headline: &str, remedy: &str) -> anyhow::Result<()> {
    told_of(world, narrator, scan, headline, remedy).await?;
    scan.hides_the_tokens(world).await
}

async fn told_of(world: &World, narrator: &Narrator, scan: &Scan, headline: &str, remedy: &str) -> anyhow::Result<()> {
    let message = scan.notification(world, narrator, PIPELINE_FAILED).await?;
    let words = message.words();
    ensure!(words.contains(headline), "the notification does not say `{headline}`: {words}");
    ensure!(words.contains(remedy), "the notification does not advise `{remedy}`: {words}");
    ensure!(message.offers.is_empty(), "there is a button, but no verdict to accept");
    scan.ends(world, narrator, "FAILED PipelineFailed").await?;
    ensure!(scan.messages(world).len() == 1, "the channel was told more than once");
    ensure!(scan.mails(world).await?.is_empty(), "a mail was sent");
    scan.verify(world, narrator, MAY_NOT, "not approved").await
}

/// A secret with a token that no server knows.
async fn wrong_token(world: &World, kind: &str) -> anyhow::Result<String> {
    secret(world, &format!("wrong-{kind}"), &format!("{kind}{}", "0".repeat(40))).await
}

async fn secret(world: &World, name: &str, token: &str) -> anyhow::Result<String> {
    let secrets = aws_sdk_secretsmanager::Client::new(&world.aws);
    let token = json!({"token": token}).to_string();
    let made = secrets.create_secret().name(name).secret_string(token).send().await;
    made.context("make a secret")?.arn.context("the secret has no ARN")
}
