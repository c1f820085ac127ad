//! The record of the running server.

use std::{
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything that a later run needs to use the server, and to end it.
#[derive(Serialize, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State {
    pub(crate) url: String,
    pub(crate) version: String,
    pub(crate) process_id: i32,
    /// The server's own folder. Its name in the process's command line tells ours from a stranger with the same number.
    pub(crate) folder: PathBuf,
    pub(crate) since: Timestamp,
    /// Whether it stays when nobody uses it.
    pub(crate) kept: bool,
    pub(crate) administrator_password: String,
    pub(crate) scanner_token: String,
    pub(crate) reader_token: String,
}

impl State {
    /// The record, if there is one.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Option<Self>> {
        match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .with_context(|| format!("understand {}: remove it if nothing else helps", file.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {}", file.display())),
        }
    }

    /// Replaces the record in one step. Only its owner can read it: it holds the tokens.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let new = file.with_extension("new");
        // A file that is there keeps its mode, so it must not be there.
        remove(&new)?;
        let bytes = serde_json::to_vec_pretty(self).context("write the record of the server")?;
        fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut opened| opened.write_all(&bytes))
            .and_then(|()| fs::rename(&new, file))
            .with_context(|| format!("write {}", file.display()))
    }
}

/// Removes a file that may not be there.
pub(crate) fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// What a person wants to know about the running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub url: String,
    pub version: String,
    pub process_id: i32,
    pub since: Timestamp,
    /// Stays when nobody uses it.
    pub kept: bool,
    /// A run uses it at this moment.
    pub in_use: bool,
    /// Answered that it is up.
    pub answers: bool,
    /// Where its logs are.
    pub log_folder: PathBuf,
    /// The record, which has the administrator's password, for a look at the web pages.
    pub record: PathBuf,
}

impl Status {
    pub(crate) fn of(state: &State, record: PathBuf, answers: bool, in_use: bool) -> Self {
        Self {
            url: state.url.clone(),
            version: state.version.clone(),
            process_id: state.process_id,
            since: state.since,
            kept: state.kept,
            in_use,
            answers,
            log_folder: state.folder.join("logs"),
            record,
        }
    }

    /// The status in a few lines, `now` being the time to count from.
    #[must_use]
    pub fn describe(&self, now: Timestamp) -> String {
        let minutes = now.duration_since(self.since).max(SignedDuration::ZERO).as_mins();
        let answers = if self.answers { "answers" } else { "does not answer" };
        let kept = if self.kept { "stays until it is stopped" } else { "ends with its last user" };
        let used = if self.in_use { "in use" } else { "not in use" };
        format!(
            "SonarQube {} {answers} at {}\nprocess {}, up for {minutes} min (since {}), {used}, {kept}\n\
             logs in {}\nto look at its pages, sign in as admin with the administratorPassword in {}",
            self.version,
            self.url,
            self.process_id,
            self.since,
            self.log_folder.display(),
            self.record.display(),
        )
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password and the tokens.
        formatter
            .debug_struct("State")
            .field("url", &self.url)
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn state() -> State {
        State {
            url: "http://127.0.0.1:9000".into(),
            version: "25.12.0.117093".into(),
            process_id: 4711,
            folder: "/cache/sonarqube/run-1".into(),
            since: "2026-11-21T04:00:00Z".parse().unwrap(),
            kept: true,
            administrator_password: "password".into(),
            scanner_token: "sqa_1".into(),
            reader_token: "squ_1".into(),
        }
    }

    #[test]
    fn the_record_comes_back_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.json");
        assert!(State::read(&file).unwrap().is_none());
        state().write(&file).unwrap();
        state().write(&file).unwrap();
        let read = State::read(&file).unwrap().unwrap();
        assert_eq!((read.url.as_str(), read.scanner_token.as_str()), ("http://127.0.0.1:9000", "sqa_1"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn secrets_do_not_show_up_in_debug_output() {
        let text = format!("{:?}", state());
        assert!(!text.contains("sqa_1") && !text.contains("password"));
    }

    #[test]
    fn a_record_that_is_broken_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.json");
        fs::write(&file, "{").unwrap();
        assert!(State::read(&file).unwrap_err().to_string().contains("server.json"));
    }

    #[test]
    fn describes_the_server_in_words() {
        let status = Status::of(&state(), "/cache/sonarqube/server.json".into(), true, false);
        assert_eq!(
            status.describe("2026-11-21T04:05:30Z".parse().unwrap()),
            "SonarQube 25.12.0.117093 answers at http://127.0.0.1:9000\n\
             process 4711, up for 5 min (since 2026-11-21T04:00:00Z), not in use, stays until it is stopped\n\
             logs in /cache/sonarqube/run-1/logs\n\
             to look at its pages, sign in as admin with the administratorPassword in /cache/sonarqube/server.json"
        );
    }
}
