//! Keeps the lines that a function writes as metrics.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that reads something else fails")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Where the metrics go. Clones share what was written.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Each line so far.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The counters of all lines so far, summed up by name. What is measured and not counted has 0.
    #[must_use]
    pub fn sums(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for line in self.all() {
            for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                let value = line[name].as_f64().unwrap_or_default();
                *sums.entry(name.to_owned()).or_default() += format!("{value:.0}").parse::<u64>().unwrap();
            }
        }
        sums
    }

    /// The sum of one counter.
    #[must_use]
    pub fn sum(&self, name: &str) -> u64 {
        self.sums().get(name).copied().unwrap_or_default()
    }
}
