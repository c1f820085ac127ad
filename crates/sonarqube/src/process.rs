//! Server processes that outlive the program that started them, and so may be nobody's children.

use std::{
    fs,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::bail;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// SonarQube stops its four other processes one after the other.
const GRACE: Duration = Duration::from_secs(20);
const AFTER_KILL: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// Whether a process of the server of `folder`, which began as process `id`, is alive.
pub(crate) fn is_alive(id: i32, folder: &Path) -> bool {
    !members(id, folder).is_empty()
}

/// Ends the server of `folder` and all its processes, if it runs. Blocks for some seconds.
pub(crate) fn stop(id: i32, folder: &Path) -> anyhow::Result<()> {
    if let Some(process) = Pid::from_raw(id).filter(|_| members(id, folder).contains(&id)) {
        // To the first process only: it tells the others, in the right order.
        let _ = kill_process(process, Signal::TERM);
        ends_within(GRACE, id, folder);
    }
    kill(id, folder)
}

/// Ends all processes of the server of `folder` at once. It does not listen to less while it starts.
pub(crate) fn kill(id: i32, folder: &Path) -> anyhow::Result<()> {
    if let Some(group) = Pid::from_raw(id).filter(|_| is_alive(id, folder)) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    if !ends_within(AFTER_KILL, id, folder) {
        bail!("SonarQube (process {id}) cannot be stopped");
    }
    Ok(())
}

fn ends_within(time: Duration, id: i32, folder: &Path) -> bool {
    let start = Instant::now();
    while is_alive(id, folder) {
        if start.elapsed() > time {
            return false;
        }
        sleep(PAUSE);
    }
    true
}

/// The processes of `group` that are alive. Numbers are used again: their command lines must name the folder.
fn members(group: i32, folder: &Path) -> Vec<i32> {
    let folder = folder.to_string_lossy();
    let all = if Path::new("/proc/self/stat").exists() { from_proc() } else { from_ps() };
    all.into_iter()
        .filter(|process| process.group == group && process.line.contains(&*folder))
        .map(|process| process.id)
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Process {
    id: i32,
    group: i32,
    line: String,
}

/// A process that has ended and waits for its parent has no command line.
fn from_proc() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let group = group_of(&fs::read_to_string(entry.path().join("stat")).ok()?)?;
            Some(Process { id, group, line: String::from_utf8_lossy(&line).replace('\0', " ") })
        })
        .collect()
}

/// The group in `/proc/<id>/stat`, which is `id (name) state parent group …`, where the name may be anything.
fn group_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// The same for macOS, which has no /proc. `-ww`: whole lines.
fn from_ps() -> Vec<Process> {
    let Ok(output) = Command::new("ps").args(["-A", "-ww", "-o", "pid=,pgid=,stat=,args="]).output() else {
        return Vec::new();
    };
    parse_ps(&String::from_utf8_lossy(&output.stdout))
}

fn parse_ps(text: &str) -> Vec<Process> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let id = words.next()?.parse().ok()?;
            let group = words.next()?.parse().ok()?;
            let state = words.next()?;
            let line = words.collect::<Vec<_>>().join(" ");
            (!state.starts_with('Z')).then_some(Process { id, group, line })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;

    use super::*;

    #[test]
    fn a_stranger_with_the_same_number_is_left_alone() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(!is_alive(own, Path::new("/cache/sonarqube/run-none")));
        stop(own, Path::new("/cache/sonarqube/run-none")).unwrap();
    }

    #[test]
    fn ends_a_process_and_its_children() {
        let folder = Path::new("/cache/run-test");
        // The first process goes when it is told to; its child does not listen.
        let script = "sh -c 'trap \"\" TERM; sleep 60; :' /cache/run-test & sleep 60; :";
        let mut child = Command::new("sh").args(["-c", script, "/cache/run-test"]).process_group(0).spawn().unwrap();
        let id = i32::try_from(child.id()).unwrap();
        let start = Instant::now();
        while members(id, folder).len() < 2 {
            assert!(start.elapsed() < Duration::from_secs(10));
            sleep(PAUSE);
        }
        kill(id, folder).unwrap();
        assert!(!is_alive(id, folder));
        child.wait().unwrap();
    }

    #[test]
    fn reads_what_the_system_says_about_processes() {
        assert_eq!(group_of("71 (a) b (c) S 70 69 1 0 -1\n"), Some(69));
        assert_eq!(group_of("71"), None);
        let text = "  1     1 Ss   /sbin/launchd\n 71    70 S    /j/bin/java -Dx=/c/run-1\n 72    70 Z    (java)\n";
        let line = "/j/bin/java -Dx=/c/run-1".to_owned();
        assert_eq!(parse_ps(text).last(), Some(&Process { id: 71, group: 70, line }));
        assert_eq!(parse_ps(text).len(), 2);
    }
}
