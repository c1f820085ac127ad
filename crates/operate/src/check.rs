//! Checks, before a deployment and after it: one line each, and what to do about those that fail.

use std::fmt;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, in a few words.
    pub what: String,
    pub outcome: Outcome,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well; a few words of detail, or none.
    Well(String),
    /// Nothing is broken, and somebody should know it all the same.
    Note(String),
    /// What fails today, and what to do about it.
    Fails { why: String, remedy: String },
}

impl Check {
    #[must_use]
    pub fn well(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { what: what.into(), outcome: Outcome::Well(detail.into()) }
    }

    #[must_use]
    pub fn note(what: impl Into<String>, words: impl Into<String>) -> Self {
        Self { what: what.into(), outcome: Outcome::Note(words.into()) }
    }

    #[must_use]
    pub fn fails(what: impl Into<String>, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), outcome: Outcome::Fails { why: why.into(), remedy: remedy.into() } }
    }

    /// `well` if nothing is wrong, `fails` with all the reasons otherwise.
    #[must_use]
    pub fn that(what: &str, wrong: impl IntoIterator<Item = String>, remedy: &str) -> Self {
        let wrong: Vec<String> = wrong.into_iter().collect();
        if wrong.is_empty() { Self::well(what, "") } else { Self::fails(what, wrong.join("; "), remedy) }
    }

    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Fails { .. })
    }
}

/// One line, and a second one with the remedy.
impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match &self.outcome {
            Outcome::Well(detail) if detail.is_empty() => write!(formatter, "ok     {what}"),
            Outcome::Well(detail) => write!(formatter, "ok     {what}: {detail}"),
            Outcome::Note(words) => write!(formatter, "note   {what}: {words}"),
            Outcome::Fails { why, remedy } => write!(formatter, "FAILS  {what}: {why}\n       -> {remedy}"),
        }
    }
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut parts: Vec<String> = causes.map(ToString::to_string).collect();
    // An SDK error prints little itself, and its cause prints what the service said.
    parts.dedup();
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_do_about_a_failure() {
        let check = Check::fails("Macie", "it is off", "turn it on");
        assert_eq!(check.to_string(), "FAILS  Macie: it is off\n       -> turn it on");
        assert_eq!(Check::well("Macie", "").to_string(), "ok     Macie");
        let wrong = ["it is off", "it is gone"].map(str::to_owned);
        assert_eq!(Check::that("Macie", wrong, "do").to_string(), "FAILS  Macie: it is off; it is gone\n       -> do");
        assert_eq!(Check::that("Macie", None, "do"), Check::well("Macie", ""));
    }
}
