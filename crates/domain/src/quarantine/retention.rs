use std::num::NonZeroU16;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// The longest that the template takes, and S3 a lifecycle rule.
const MOST_DAYS: u16 = 36_500;

/// How long objects stay in quarantine before S3 deletes them for good; for ever without a number of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(Option<NonZeroU16>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of days from 0 to {MOST_DAYS}")]
pub struct NoRetention;

impl Retention {
    pub const FOR_EVER: Self = Self(None);

    /// Days; none for ever.
    #[must_use]
    pub fn days(self) -> Option<u16> {
        self.0.map(NonZeroU16::get)
    }

    /// Until when what came into quarantine at this time is there for certain: S3 counts whole days from the next
    /// midnight in UTC, so it goes a little later. None for ever.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>
    #[must_use]
    pub fn ends_at(self, since: Timestamp) -> Option<Timestamp> {
        let kept = SignedDuration::from_hours(i64::from(self.days()?) * 24);
        Some(since.checked_add(kept).unwrap_or(Timestamp::MAX))
    }
}

/// A number of days, as the template's parameter has it: 0 is for ever.
impl FromStr for Retention {
    type Err = NoRetention;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let days: u16 = text.parse().map_err(|_| NoRetention)?;
        if days > MOST_DAYS { Err(NoRetention) } else { Ok(Self(NonZeroU16::new(days))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_the_move_and_none_is_for_ever() {
        let moved: Timestamp = "2026-11-20T10:15:02Z".parse().unwrap();
        let ends = |text: &str| text.parse::<Retention>().unwrap().ends_at(moved);
        assert_eq!(ends("30"), Some("2026-12-20T10:15:02Z".parse().unwrap()));
        assert_eq!(ends("0"), None);
        assert!(ends("36500").is_some());
        assert_eq!("30".parse::<Retention>().unwrap().ends_at(Timestamp::MAX), Some(Timestamp::MAX));
    }

    #[test]
    fn what_is_no_number_of_days_is_refused() {
        for text in ["", "-1", "36501", "65536", "1.5", "thirty"] {
            assert_eq!(text.parse::<Retention>(), Err(NoRetention), "{text}");
        }
    }
}
