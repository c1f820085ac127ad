//! The circuit breaker of automatic remediation: above a number of objects in an hour, people decide.
//!
//! A wrong identifier in Macie, or a job over the wrong bucket, must not move a whole data lake overnight. Each
//! automatic remediation is a record of its hour, `auto/<hour>/<case id>.json`; the hour is one of the clock, in UTC.

use jiff::Timestamp;

/// What the records of this hour begin with.
#[must_use]
pub fn started_prefix(now: Timestamp) -> String {
    format!("auto/{}/", hour(now))
}

/// The record that an automatic remediation of this case was begun in this hour.
#[must_use]
pub fn started_key(now: Timestamp, case_id: &str) -> String {
    format!("{}{case_id}.json", started_prefix(now))
}

/// The record that the channel was told about this hour's limit.
#[must_use]
pub fn told_key(now: Timestamp) -> String {
    format!("breaker/{}.json", hour(now))
}

/// Whether one more automatic remediation would be above the limit. `started` are the records of the hour; a case that
/// is one of them is only tried again. A limit of 0 holds everything back.
#[must_use]
pub fn holds(started: &[String], key: &str, limit: u16) -> bool {
    started.len() >= usize::from(limit) && !started.iter().any(|other| other == key)
}

fn hour(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%HZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_the_cases_of_one_hour() {
        let now: Timestamp = "2026-11-20T10:59:59Z".parse().unwrap();
        assert_eq!(started_key(now, "c1"), "auto/20261120T10Z/c1.json");
        assert_eq!(told_key(now), "breaker/20261120T10Z.json");
        let started = ["c1", "c2"].map(|case| started_key(now, case));
        let holds = |case, limit| holds(&started, &started_key(now, case), limit);
        assert!(!holds("c3", 3));
        assert!(holds("c3", 2));
        assert!(!holds("c2", 2), "a case that was begun may be tried again");
        assert!(super::holds(&[], &started_key(now, "c1"), 0));
    }
}
