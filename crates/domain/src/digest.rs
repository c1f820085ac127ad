//! A burst of findings: the first few and the worst are shown one by one, the others are noted and shown as a digest.
//!
//! Everything is a record in the quarantine bucket that can only be created, so that functions that run side by side
//! need nothing but S3 to agree:
//!
//! ```text
//! digests/<digest id>/slots/<n>.json, slots/high-<n>.json   a message of its own, taken by one finding
//! digests/<digest id>/noted/<kind>/<severity>/<type>/<finding id>.json
//! digests/<digest id>/listed/…                              the same path, once somebody was shown the finding
//! digests/<digest id>/announced.json, closing.json, closed.json
//! ```
//!
//! A digest holds what came within one window of the clock, and is named by its beginning.

mod entry;
mod progress;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::finding::Severity;

pub use entry::{Entry, Kind};
pub use progress::{Closed, Count, PAGE, Progress};

/// The id of a digest: `20261120T1010Z`, the minute in which its window begins, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DigestId(String);

/// The name of a digest that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no digest's id, such as 20261120T1010Z")]
pub struct InvalidDigestId;

/// A stretch of the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub digest: DigestId,
    pub start: Timestamp,
    pub end: Timestamp,
}

const ID_FORMAT: &str = "%Y%m%dT%H%MZ";

impl Window {
    /// The window of this many minutes that `now` lies in. Every function finds the same one.
    #[must_use]
    pub fn of(now: Timestamp, minutes: u8) -> Self {
        let length = i64::from(minutes.max(1)) * 60;
        let start = now.as_second() - now.as_second().rem_euclid(length);
        let start = Timestamp::from_second(start).unwrap_or(now);
        let end = start.checked_add(SignedDuration::from_secs(length)).unwrap_or(start);
        Self { digest: DigestId(start.strftime(ID_FORMAT).to_string()), start, end }
    }
}

impl DigestId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When its window began.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        start_of(&self.0).unwrap_or_default()
    }

    /// What all its records begin with.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("digests/{}/", self.0)
    }

    /// Where the messages of its window that are taken lie.
    #[must_use]
    pub fn slots_prefix(&self) -> String {
        format!("{}slots/", self.prefix())
    }

    /// Where its findings lie.
    #[must_use]
    pub fn noted_prefix(&self) -> String {
        format!("{}noted/", self.prefix())
    }

    /// The same in parts, the worst first: S3 lists them in the order of the pages.
    pub fn noted_prefixes(&self) -> impl Iterator<Item = String> {
        entry::places().map(|place| format!("{}{place}/", self.noted_prefix()))
    }

    /// Where the names of those lie that somebody was shown.
    #[must_use]
    pub fn listed_prefix(&self) -> String {
        format!("{}listed/", self.prefix())
    }

    /// The finding whose record of this digest, under `noted/` or `listed/`, has this name.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<Entry> {
        let path = key.strip_prefix(&self.prefix())?;
        Entry::parse(path.strip_prefix("noted/").or_else(|| path.strip_prefix("listed/"))?)
    }

    /// Created by whoever tells the channel that a digest was begun.
    #[must_use]
    pub fn announced_key(&self) -> String {
        format!("{}announced.json", self.prefix())
    }

    /// Created once the message that closes the digest is in the queue.
    #[must_use]
    pub fn closing_key(&self) -> String {
        format!("{}closing.json", self.prefix())
    }

    /// Created once the channel was told the final counts.
    #[must_use]
    pub fn closed_key(&self) -> String {
        format!("{}closed.json", self.prefix())
    }

    /// The messages of its window that a finding of this severity may still take, given the keys under
    /// [`DigestId::slots_prefix`] that exist: `individual` for all findings, and as many more for HIGH ones.
    #[must_use]
    pub fn free_slots(&self, taken: &[String], severity: Option<Severity>, individual: u16) -> Vec<String> {
        let prefix = self.slots_prefix();
        let for_all = (1..=individual).map(|number| format!("{prefix}{number:04}.json"));
        let for_high = (1..=individual).map(|number| format!("{prefix}high-{number:04}.json"));
        let for_high = for_high.filter(|_| severity == Some(Severity::High));
        for_all.chain(for_high).filter(|slot| !taken.contains(slot)).collect()
    }
}

impl TryFrom<String> for DigestId {
    type Error = InvalidDigestId;

    fn try_from(text: String) -> Result<Self, InvalidDigestId> {
        let start = start_of(&text).ok_or(InvalidDigestId)?;
        // Only in the one spelling: the id becomes part of keys.
        if start.strftime(ID_FORMAT).to_string() == text { Ok(Self(text)) } else { Err(InvalidDigestId) }
    }
}

impl From<DigestId> for String {
    fn from(id: DigestId) -> Self {
        id.0
    }
}

fn start_of(id: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime(ID_FORMAT, id).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests;
