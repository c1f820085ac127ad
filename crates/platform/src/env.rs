//! Configuration from environment variables, checked once at start.
//!
//! All problems are reported together, each naming its variable, so that a wrong deployment is mended in one step.

use std::fmt::Display;

/// Every problem found in the environment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the environment of this function is unusable: {}", .0.join("; "))]
pub struct EnvError(pub Vec<String>);

/// Reads variables through `lookup` and collects what is wrong with them.
///
/// The lookup is an argument so that tests need not touch the process environment.
pub struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Env<'a> {
    /// Starts reading. In `main` the lookup is `&|name| std::env::var(name).ok()`.
    #[must_use]
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    /// A variable that must be set and not blank. The empty string stands in until [`Env::finish`] fails.
    pub fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems.push(format!("`{name}` is not set"));
            String::new()
        })
    }

    /// A variable that may be missing. Blank counts as missing: a template passes an unset parameter as `""`.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A required variable turned into a `T`. A value that `parse` refuses is a problem that names the variable and
    /// the value, so do not use this for secrets.
    pub fn parsed<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let value = self.optional(name);
        let Some(value) = value else {
            self.problems.push(format!("`{name}` is not set"));
            return None;
        };
        parse(&value).map_err(|why| self.problems.push(format!("`{name}` is `{value}`: {why}"))).ok()
    }

    /// Ends reading: the value that `build` makes, or everything that was wrong.
    ///
    /// `build` answers `None` only when one of its parts was reported by [`Env::parsed`] already.
    ///
    /// # Errors
    /// [`EnvError`] with every problem, in the order of reading.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, EnvError> {
        if self.problems.is_empty()
            && let Some(value) = build()
        {
            return Ok(value);
        }
        Err(EnvError(self.problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "BUCKET" => Some(" evidence ".into()),
            "BLANK" => Some("  ".into()),
            "HOURS" => Some("many".into()),
            _ => None,
        }
    }

    #[test]
    fn reads_trimmed_values_and_takes_blank_for_missing() {
        let mut env = Env::new(&lookup);
        assert_eq!(env.required("BUCKET"), "evidence");
        assert_eq!(env.optional("BLANK"), None);
        assert_eq!(env.finish(|| Some(1)), Ok(1));
    }

    #[test]
    fn reports_every_problem_at_once_and_names_the_variables() {
        let mut env = Env::new(&lookup);
        env.required("TOPIC");
        env.required("BLANK");
        let hours = env.parsed("HOURS", str::parse::<u32>);
        let error = env.finish(|| hours).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment of this function is unusable: `TOPIC` is not set; `BLANK` is not set; \
             `HOURS` is `many`: invalid digit found in string"
        );
    }
}
