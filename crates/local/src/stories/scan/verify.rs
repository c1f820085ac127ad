//! What a delivery pipeline does before it goes on: `scripts/verify-approval`.

use std::{path::Path, process::Stdio};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use super::Scan;
use crate::{checkout, cloud::REGION, deployment::CodeScan, narrator::Narrator, world::World};

/// What the script answers.
pub(in crate::stories) const MAY_GO_ON: i32 = 0;
pub(in crate::stories) const MAY_NOT: i32 = 1;

impl Scan {
    /// Asks about this version. The answer must be `expected`, and its words must contain `words`.
    pub(in crate::stories) async fn verify(
        &self,
        world: &World,
        narrator: &Narrator,
        expected: i32,
        words: &str,
    ) -> anyhow::Result<()> {
        verify(world, narrator, &self.place, &self.key, Some(&self.version), expected, words).await
    }
}

/// Asks about any version of any key of the upload bucket; without a version, about the current one.
pub(in crate::stories) async fn verify(
    world: &World,
    narrator: &Narrator,
    place: &CodeScan,
    key: &str,
    version: Option<&str>,
    expected: i32,
    words: &str,
) -> anyhow::Result<()> {
    let upload = format!("s3://{}/{key}", place.output("UploadBucket")?);
    let mut command = person(world, &checkout().join("scripts/verify-approval"))?;
    command.arg(&upload).args(version).env("EVIDENCE_BUCKET", place.output("EvidenceBucket")?);
    let output = command.output().await.context("run scripts/verify-approval")?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(
        output.status.code() == Some(expected) && said.contains(words),
        "scripts/verify-approval {upload} {}: expected {expected} and `{words}`, got {}: {said}",
        version.unwrap_or_default(),
        output.status
    );
    narrator.step("A delivery pipeline asks scripts/verify-approval");
    narrator.fact(&format!("{} (exit code {expected})", said.trim()));
    Ok(())
}

/// A program as a person with an account in the local cloud runs it, with nothing of the caller's AWS settings.
fn person(world: &World, program: &Path) -> anyhow::Result<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(world.programs().to_owned()).chain(std::env::split_paths(&path));
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::join_paths(folders).context("put the AWS CLI first")?)
        .env("HOME", "/nonexistent")
        .env("AWS_ENDPOINT_URL", &world.cloud_url)
        .env("AWS_REGION", REGION)
        // Version 1 of the AWS CLI knows only this one.
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", "000000000000")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}
