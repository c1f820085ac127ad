use anyhow::Context as _;
use aws_sdk_codebuild::{
    operation::list_builds_for_project::ListBuildsForProjectError,
    types::{Build, ProjectEnvironment},
};

use crate::{deployment::CodeScan, world::World};

const LINES: usize = 40;

/// The last lines of the build that made a scan, for the report of a story that went wrong.
pub(super) async fn tail(world: &World, place: &CodeScan, scan_id: &str) -> String {
    let last = async {
        let build = build_of(world, place, scan_id).await?.context("there is no build")?;
        let lines = lines(world, &build).await?;
        let from = lines.len().saturating_sub(LINES);
        anyhow::Ok(lines.get(from..).unwrap_or_default().join("\n"))
    };
    match last.await {
        Ok(lines) => format!("The build's last words:\n{lines}"),
        Err(error) => format!("(no build log: {error:#})"),
    }
}

/// The build that made a scan, if it was started.
pub(super) async fn build_of(world: &World, place: &CodeScan, scan_id: &str) -> anyhow::Result<Option<Build>> {
    let codebuild = aws_sdk_codebuild::Client::new(&world.aws);
    let project = place.output("ScanProject")?;
    let ids = match codebuild.list_builds_for_project().project_name(project).send().await {
        Ok(answer) => answer.ids.unwrap_or_default(),
        // A story deletes the project.
        Err(error)
            if error.as_service_error().is_some_and(ListBuildsForProjectError::is_resource_not_found_exception) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error).context("list the builds"),
    };
    if ids.is_empty() {
        return Ok(None);
    }
    let builds = codebuild.batch_get_builds().set_ids(Some(ids)).send().await.context("look at the builds")?.builds;
    let of_scan = |build: &Build| {
        let variables = build.environment().map(ProjectEnvironment::environment_variables).unwrap_or_default();
        variables.iter().any(|variable| variable.name() == "SCAN_ID" && variable.value() == scan_id)
    };
    Ok(builds.unwrap_or_default().into_iter().find(of_scan))
}

/// The build's log.
pub(super) async fn lines(world: &World, build: &Build) -> anyhow::Result<Vec<String>> {
    let place = build.logs().context("the build has no log")?;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&world.aws);
    let (group, stream) = (place.group_name().map(str::to_owned), place.stream_name().map(str::to_owned));
    let (mut lines, mut token) = (Vec::new(), None);
    loop {
        let page = logs
            .get_log_events()
            .set_log_group_name(group.clone())
            .set_log_stream_name(stream.clone())
            .start_from_head(true)
            .set_next_token(token.clone());
        let page = page.send().await.context("read the log")?;
        lines.extend(page.events().iter().filter_map(|event| event.message()).map(|line| line.trim_end().to_owned()));
        let next = page.next_forward_token().map(str::to_owned);
        if next.is_none() || next == token || page.events().is_empty() {
            return Ok(lines);
        }
        token = next;
    }
}
