use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DigestId, Entry, Kind};
use crate::finding::{FindingType, Severity};

/// How many findings one click shows.
pub const PAGE: usize = 5;

/// What a digest holds, and how much of it was listed to people so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    counts: Vec<Count>,
    listed: usize,
    /// Worst first. Of a digest that is closed, as many as two clicks show.
    remaining: Vec<Entry>,
}

/// How many findings of a kind, severity and type there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    pub finding_type: FindingType,
    pub count: usize,
}

/// `digests/<digest id>/closed.json`: the channel was told the final counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    #[serde(default)]
    pub counts: Vec<Count>,
    pub at: Timestamp,
}

impl Closed {
    /// How many findings there were.
    #[must_use]
    pub fn total(&self) -> usize {
        total(&self.counts)
    }
}

impl Progress {
    /// Reads the names of all records under [`DigestId::prefix`].
    #[must_use]
    pub fn of<'a>(digest: &DigestId, keys: impl IntoIterator<Item = &'a str>) -> Self {
        let prefix = digest.prefix();
        let (mut noted, mut listed) = (Vec::new(), HashSet::new());
        for path in keys.into_iter().filter_map(|key| key.strip_prefix(&prefix)) {
            noted.extend(path.strip_prefix("noted/").and_then(Entry::parse));
            listed.extend(path.strip_prefix("listed/").and_then(Entry::parse));
        }
        noted.sort_by_cached_key(Entry::rank);
        let (counts, total) = (count(&noted), noted.len());
        noted.retain(|entry| !listed.contains(entry));
        Self { counts, listed: total - noted.len(), remaining: noted }
    }

    /// The progress of a closed digest, whose counts are known: `listed` were shown, and `remaining` come next, at least
    /// two pages of them or all there are.
    #[must_use]
    pub fn of_closed(closed: &Closed, listed: usize, remaining: Vec<Entry>) -> Self {
        Self { counts: closed.counts.clone(), listed, remaining }
    }

    /// A finding that was noted after the counts were made is counted once people come to it.
    #[must_use]
    pub fn total(&self) -> usize {
        total(&self.counts).max(self.listed + self.remaining.len())
    }

    /// How many were listed so far.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.listed
    }

    /// What the next click shows: the worst of those that nobody was shown.
    #[must_use]
    pub fn next_page(&self) -> &[Entry] {
        self.remaining.get(..PAGE).unwrap_or(&self.remaining)
    }

    /// The same after that page was listed.
    #[must_use]
    pub fn after_next_page(&self) -> Self {
        let remaining = self.remaining.get(PAGE..).unwrap_or_default().to_vec();
        Self { counts: self.counts.clone(), listed: self.listed + self.next_page().len(), remaining }
    }

    /// How many of each kind, severity and type, in the order of the pages.
    #[must_use]
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }
}

fn total(counts: &[Count]) -> usize {
    counts.iter().map(|count| count.count).sum()
}

fn count(noted: &[Entry]) -> Vec<Count> {
    let mut counts: Vec<Count> = Vec::new();
    let mut positions = BTreeMap::new();
    for Entry { kind, severity, finding_type, .. } in noted {
        let position = *positions.entry((*kind, *severity, finding_type.as_str())).or_insert_with(|| {
            counts.push(Count { kind: *kind, severity: *severity, finding_type: finding_type.clone(), count: 0 });
            counts.len() - 1
        });
        if let Some(count) = counts.get_mut(position) {
            count.count += 1;
        }
    }
    counts
}
