use std::collections::{BTreeMap, HashSet};

use super::{DigestId, Entry, Kind};
use crate::finding::{FindingType, Severity};

/// How many findings one click shows.
pub const PAGE: usize = 5;

/// What a digest holds, and how much of it was listed to people so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Worst first.
    noted: Vec<Entry>,
    listed: usize,
    remaining: Vec<Entry>,
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
        let remaining: Vec<Entry> = noted.iter().filter(|entry| !listed.contains(entry)).cloned().collect();
        Self { listed: noted.len() - remaining.len(), noted, remaining }
    }

    #[must_use]
    pub fn total(&self) -> usize {
        self.noted.len()
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
        Self { listed: self.noted.len() - remaining.len(), noted: self.noted.clone(), remaining }
    }

    /// How many of each kind, severity and type, in the order of the pages.
    #[must_use]
    pub fn counts(&self) -> Vec<(Kind, Option<Severity>, &FindingType, usize)> {
        let mut counts: Vec<(Kind, Option<Severity>, &FindingType, usize)> = Vec::new();
        let mut positions = BTreeMap::new();
        for entry in &self.noted {
            let position =
                positions.entry((entry.kind, entry.severity, entry.finding_type.as_str())).or_insert_with(|| {
                    counts.push((entry.kind, entry.severity, &entry.finding_type, 0));
                    counts.len() - 1
                });
            if let Some((.., count)) = counts.get_mut(*position) {
                *count += 1;
            }
        }
        counts
    }
}
