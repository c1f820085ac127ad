//! What a delivery pipeline does before it goes on: `scripts/verify-approval`.

use std::process::Stdio;

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
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(world.programs().to_owned()).chain(std::env::split_paths(&path)))
        .context("put the AWS CLI first")?;
    let mut command = Command::new(checkout().join("scripts/verify-approval"));
    // Nothing of the caller's AWS settings.
    command
        .arg(&upload)
        .args(version)
        .env_clear()
        .env("PATH", path)
        .env("HOME", "/nonexistent")
        .env("AWS_ENDPOINT_URL", &world.cloud_url)
        .env("AWS_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", "000000000000")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("EVIDENCE_BUCKET", place.output("EvidenceBucket")?)
        .stdin(Stdio::null())
        .kill_on_drop(true);
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
