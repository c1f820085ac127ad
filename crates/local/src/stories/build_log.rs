use anyhow::Context as _;
use aws_sdk_codebuild::types::{Build, ProjectEnvironment};

use crate::world::World;

const LINES: usize = 40;

/// The last lines of the build that made a scan, for the report of a story that went wrong.
pub(super) async fn tail(world: &World, scan_id: &str) -> String {
    match read(world, scan_id).await {
        Ok(lines) => format!("The build's last words:\n{lines}"),
        Err(error) => format!("(no build log: {error:#})"),
    }
}

async fn read(world: &World, scan_id: &str) -> anyhow::Result<String> {
    let codebuild = aws_sdk_codebuild::Client::new(&world.aws);
    let project = world.deployment.output("ScanProject")?;
    let ids = codebuild.list_builds_for_project().project_name(project).send().await.context("list the builds")?.ids;
    let builds = codebuild.batch_get_builds().set_ids(ids).send().await.context("look at the builds")?.builds;
    let of_scan = |build: &&Build| {
        let variables = build.environment().map(ProjectEnvironment::environment_variables).unwrap_or_default();
        variables.iter().any(|variable| variable.name() == "SCAN_ID" && variable.value() == scan_id)
    };
    let builds = builds.unwrap_or_default();
    let build = builds.iter().find(of_scan).context("there is no build")?;
    let place = build.logs().context("the build has no log")?;
    let events = aws_sdk_cloudwatchlogs::Client::new(&world.aws)
        .get_log_events()
        .set_log_group_name(place.group_name().map(str::to_owned))
        .set_log_stream_name(place.stream_name().map(str::to_owned))
        .send()
        .await
        .context("read the log")?;
    let lines: Vec<&str> = events.events().iter().filter_map(|event| event.message()).collect();
    let from = lines.len().saturating_sub(LINES);
    let last: Vec<&str> = lines.get(from..).unwrap_or_default().iter().map(|line| line.trim_end()).collect();
    Ok(last.join("\n"))
}
