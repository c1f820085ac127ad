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
    /// When the next message may be sent, if that is not at once.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Messages at least this far apart.
    #[must_use]
    pub fn new(distance: Duration) -> Self {
        Self { distance, next: Mutex::default() }
    }

    /// Waits until it is time for the next message, and answers what is left of `patience`. None, without waiting, when
    /// that would take longer.
    pub async fn turn(&self, patience: Duration) -> Option<Duration> {
        let mut next = self.next.lock().await;
        let wait = next.map_or(Duration::ZERO, |next| next.saturating_duration_since(Instant::now()));
        let left = patience.checked_sub(wait)?;
        sleep(wait).await;
        *next = Some(Instant::now() + self.distance);
        Some(left)
    }

    /// A message was posted just now: the next one keeps its distance from that.
    pub async fn posted(&self) {
        self.hold(self.distance).await;
    }

    /// Slack asked to wait: no message is sent before that.
    pub async fn hold(&self, wait: Duration) {
        let mut next = self.next.lock().await;
        let until = Instant::now() + wait;
        *next = Some(next.map_or(until, |next| next.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_second_message_keeps_its_distance() {
        let pace = Pace::new(Duration::from_secs(1));
        let start = Instant::now();
        assert_eq!(pace.turn(Duration::from_secs(3)).await, Some(Duration::from_secs(3)));
        assert_eq!(pace.turn(Duration::from_secs(3)).await, Some(Duration::from_secs(2)));
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_wait_that_slack_asked_for_holds_for_the_messages_after_it() {
        let pace = Pace::new(Duration::ZERO);
        assert!(pace.turn(Duration::ZERO).await.is_some());
        pace.hold(Duration::from_hours(1)).await;
        assert_eq!(pace.turn(Duration::from_mins(59)).await, None);
        pace.hold(Duration::from_mins(1)).await;
        assert_eq!(pace.turn(Duration::from_mins(59)).await, None, "a shorter wait ends none");
    }

    #[tokio::test(start_paused = true)]
    async fn the_distance_counts_from_when_the_last_message_was_posted() {
        let pace = Pace::new(Duration::from_secs(1));
        assert!(pace.turn(Duration::ZERO).await.is_some());
        advance(Duration::from_secs(2)).await;
        pace.posted().await;
        assert_eq!(pace.turn(Duration::from_millis(999)).await, None);
    }

    #[tokio::test]
    async fn without_patience_nobody_waits() {
        let pace = Pace::new(Duration::from_hours(1));
        assert!(pace.turn(Duration::ZERO).await.is_some());
        assert_eq!(pace.turn(Duration::from_mins(59)).await, None);
    }
}
