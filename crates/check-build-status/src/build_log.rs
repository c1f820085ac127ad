//! The end of a build's log.

use std::collections::VecDeque;

use aws_sdk_cloudwatchlogs::{Client, operation::get_log_events::GetLogEventsError};
use domain::scan::build::Build;

use crate::Error;

/// Enough to find a cause in, whatever the scanned project printed before.
const KEPT_LINES: usize = 5_000;
/// A page holds up to 10,000 lines; a build that prints more than this is cut at its end.
const PAGES: usize = 50;

/// The last lines of the log, the oldest first; none if the build never wrote a log.
pub(crate) async fn read(logs: &Client, build: &Build) -> Result<Vec<String>, Error> {
    let (Some(group), Some(stream)) = (&build.log_group, &build.log_stream) else { return Ok(Vec::new()) };
    let mut lines = VecDeque::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let request = logs.get_log_events().log_group_name(group).log_stream_name(stream).start_from_head(true);
        let page = match request.set_next_token(token.clone()).send().await {
            Ok(page) => page,
            Err(error) if error.as_service_error().is_some_and(GetLogEventsError::is_resource_not_found_exception) => {
                break;
            }
            Err(error) => return Err(Error::LogUnreadable(Box::new(error))),
        };
        for message in page.events().iter().filter_map(|event| event.message()) {
            lines.extend(message.lines().map(str::to_owned));
            while lines.len() > KEPT_LINES {
                lines.pop_front();
            }
        }
        // The end of the stream answers with the token that was sent (CloudWatch Logs API, GetLogEvents).
        let next = page.next_forward_token().map(str::to_owned);
        if next.is_none() || next == token {
            break;
        }
        token = next;
    }
    Ok(lines.into())
}
