//! How many messages a webhook takes: one a second, and a few at once after a pause.
//!
//! Slack documents one message a second for each webhook, with short bursts above it allowed, and answers 429 with
//! `Retry-After` beyond that (<https://docs.slack.dev/apis/web-api/rate-limits>). It does not say how short a burst is.

use jiff::{SignedDuration, Timestamp};

const BURST: i64 = 3;
const ONE_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// What one webhook may still post.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    /// When all that was posted would have been posted at one a second.
    paid_until: Option<Timestamp>,
    refusals: usize,
}

impl Allowance {
    /// Takes one message, or says after how many seconds the next one is taken.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), u32> {
        let paid_until = self.paid_until.unwrap_or(now).max(now);
        let ahead = paid_until.duration_since(now);
        let most = ONE_EVERY.saturating_mul(i32::try_from(BURST - 1).unwrap_or_default());
        if ahead > most {
            self.refusals += 1;
            let millis = (ahead - most).as_millis();
            // Whole seconds, as in the header: too early would be refused again.
            return Err(u32::try_from((millis + 999) / 1_000).unwrap_or(u32::MAX));
        }
        self.paid_until = Some(paid_until.saturating_add(ONE_EVERY).unwrap_or(paid_until));
        Ok(())
    }

    pub(super) fn refusals(&self) -> usize {
        self.refusals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn one_a_second_is_taken_for_ever() {
        let mut allowance = Allowance::default();
        assert!((0..100).all(|second| allowance.take(at(second * 1_000)).is_ok()));
        assert_eq!(allowance.refusals(), 0);
    }

    #[test]
    fn three_at_once_are_taken_and_after_the_wait_one_more() {
        let mut allowance = Allowance::default();
        let answers: Vec<_> = (0..5).map(|_| allowance.take(at(0))).collect();
        assert_eq!(answers, [Ok(()), Ok(()), Ok(()), Err(1), Err(1)]);
        assert_eq!(allowance.take(at(999)), Err(1));
        assert_eq!((allowance.take(at(1_000)), allowance.take(at(1_000))), (Ok(()), Err(1)));
    }
}
