//! Waiting: always for a state, always with an end.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

/// Time between two looks. Short enough not to be felt, long enough to leave the machine to those that we wait for.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks again and again until `probe` has an answer, and fails after `deadline`, saying that it waited for `what`.
/// An error of the probe ends the wait at once: return `Ok(None)` for what may still come right.
pub async fn until<T>(
    deadline: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe().await? {
            return Ok(answer);
        }
        if start.elapsed() > deadline {
            bail!("waited {} s in vain for {what}", deadline.as_secs());
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn says_what_did_not_come() {
        let never = until(Duration::ZERO, "a reply", async || Ok(None::<()>)).await;
        assert_eq!(never.unwrap_err().to_string(), "waited 0 s in vain for a reply");
    }

    #[tokio::test]
    async fn returns_the_first_answer() {
        let mut looks = 0;
        let answer = until(Duration::from_secs(3), "the third look", async || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        })
        .await;
        assert_eq!(answer.unwrap(), 3);
    }
}
