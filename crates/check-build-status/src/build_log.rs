//! The end of a build's log.

use aws_sdk_cloudwatchlogs::{Client, operation::get_log_events::GetLogEventsError};
use domain::scan::build::Build;

use crate::Error;

/// Enough to find a cause in, whatever the scanned project printed before.
const KEPT_LINES: usize = 5_000;
/// A page holds up to 10,000 lines or 1 MB, and may be empty although there are more.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>
const PAGES: usize = 20;

/// The last lines of the log, the oldest first; none if the build never wrote a log.
///
/// Read from its end: a log can be longer than what one invocation can read, and the cause is in its last lines.
pub(crate) async fn read(logs: &Client, build: &Build) -> Result<Vec<String>, Error> {
    let (Some(group), Some(stream)) = (&build.log_group, &build.log_stream) else { return Ok(Vec::new()) };
    let mut backwards: Vec<String> = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let request = logs.get_log_events().log_group_name(group).log_stream_name(stream).start_from_head(false);
        let page = match request.set_next_token(token.clone()).send().await {
            Ok(page) => page,
            Err(error) if error.as_service_error().is_some_and(GetLogEventsError::is_resource_not_found_exception) => {
                break;
            }
            Err(error) => return Err(Error::LogUnreadable(Box::new(error))),
        };
        // Within a page the oldest line is the first one.
        for message in page.events().iter().rev().filter_map(|event| event.message()) {
            backwards.extend(message.lines().rev().map(str::to_owned));
        }
        // The beginning of the stream answers with the token that was sent.
        let next = page.next_backward_token().map(str::to_owned);
        if backwards.len() >= KEPT_LINES || next.is_none() || next == token {
            break;
        }
        token = next;
    }
    backwards.truncate(KEPT_LINES);
    backwards.reverse();
    Ok(backwards)
}
