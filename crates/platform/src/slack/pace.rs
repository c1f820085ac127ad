use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// Keeps the messages of one process apart.
///
/// Slack takes about one message a second in a channel. Where several processes post side by side, each keeps as many
/// times that distance as there are of them.
#[derive(Debug)]
pub struct Pace {
    distance: Duration,
    last: Mutex<Option<Instant>>,
}

impl Pace {
    /// Messages at least this far apart.
    #[must_use]
    pub fn new(distance: Duration) -> Self {
        Self { distance, last: Mutex::default() }
    }

    /// Waits until it is time for the next message, and answers what is left of `patience`. None, without waiting, when
    /// that would take longer.
    pub async fn turn(&self, patience: Duration) -> Option<Duration> {
        let mut last = self.last.lock().await;
        let passed = last.map(|last| last.elapsed());
        let wait = passed.map_or(Duration::ZERO, |passed| self.distance.saturating_sub(passed));
        let left = patience.checked_sub(wait)?;
        sleep(wait).await;
        *last = Some(Instant::now());
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_message_keeps_its_distance() {
        let pace = Pace::new(Duration::from_millis(30));
        let start = Instant::now();
        assert_eq!(pace.turn(Duration::from_secs(1)).await, Some(Duration::from_secs(1)));
        assert!(pace.turn(Duration::from_secs(1)).await.is_some_and(|left| left < Duration::from_secs(1)));
        assert!(start.elapsed() >= Duration::from_millis(30));
    }

    #[tokio::test]
    async fn without_patience_nobody_waits() {
        let pace = Pace::new(Duration::from_hours(1));
        assert!(pace.turn(Duration::ZERO).await.is_some());
        assert_eq!(pace.turn(Duration::from_mins(59)).await, None);
    }
}
