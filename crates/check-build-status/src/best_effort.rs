//! What is done for people's convenience beside the check.

use std::time::Duration;

use tokio::time::timeout;

use crate::Error;

/// There are three of these in an invocation at most, which may last two minutes.
const LONGEST: Duration = Duration::from_secs(10);

/// The result of an act without which the verdict counts all the same; `None`, with a line in the log, if it fails or takes
/// longer than ten seconds. An error would make the state machine report a failed pipeline.
pub(crate) fn best_effort<T>(
    what: &str,
    act: impl Future<Output = Result<T, Error>>,
) -> impl Future<Output = Option<T>> {
    // In a box, because it would be a large part of every future around it.
    let act = Box::pin(act);
    async move {
        let error = match timeout(LONGEST, act).await {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => platform::chain(&error),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(error, "could not {what}; the check goes on without it");
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_never_answers_is_given_up() {
        assert_eq!(best_effort("wait", std::future::pending::<Result<(), Error>>()).await, None);
        assert_eq!(best_effort("wait", async { Ok(1) }).await, Some(1));
    }
}
