//! Programs that must not outlive us: each gets a process group of its own, and the group goes when its handle does.

use std::{io, path::Path, process::Stdio, time::Duration};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};

use crate::until::until;

/// How long a group may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(20);

/// A program and everything that it started.
///
/// A group of its own keeps the terminal's Ctrl-C away from the program, so that we stop things in our own order.
/// Dropped without [`Group::stop`], which a panic does, the group is killed at once.
#[derive(Debug)]
pub struct Group {
    name: String,
    child: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts `command`. Its output goes to the file `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let output = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("open the log {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("share the log")?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { name: name.to_owned(), child, id })
    }

    /// The exit status, if the program has ended by itself.
    pub fn exited(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Asks the group to end, then makes it.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM);
        let name = self.name.clone();
        let ended = until(GRACE, &format!("the end of {name}"), async || {
            // Reaps the leader: a zombie would count as a member of the group.
            let _ = self.child.try_wait();
            Ok(self.is_gone().then_some(()))
        })
        .await;
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
        self.id = None;
        ended
    }

    fn is_gone(&self) -> bool {
        self.id.is_none_or(|id| test_kill_process_group(id) == Err(rustix::io::Errno::SRCH))
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // It may have ended meanwhile: that is what we want.
            let _ = kill_process_group(id, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The last `lines` lines of a log, for a message about what went wrong.
#[must_use]
pub fn tail(log: &Path, lines: usize) -> String {
    let text = match std::fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return String::new(),
        Err(error) => return format!("(log not readable: {error})"),
    };
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    all.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stops_the_grandchildren_too() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; sleep 600 & echo $!; exec sleep 600"]);
        let group = Group::start("sleeper", command, &log).unwrap();
        let sleeper =
            until(Duration::from_secs(5), "the number", async || Ok(tail(&log, 1).trim().parse::<i32>().ok()))
                .await
                .unwrap();
        // The shell ignores SIGTERM and its sleeper inherits that: only SIGKILL ends them.
        drop(group);
        until(Duration::from_secs(5), "the sleeper's end", async || {
            let state = std::fs::read_to_string(format!("/proc/{sleeper}/stat")).unwrap_or_default();
            Ok((state.is_empty() || state.contains(") Z ")).then_some(()))
        })
        .await
        .unwrap();
    }
}
