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
const GRACE: Duration = Duration::from_secs(40);
const AFTER_KILL: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// Whether process `id` is the server of `folder`. Numbers are used again: its command line must name the folder.
pub(super) fn is_alive(id: i32, folder: &Path) -> bool {
    command_line(id).is_some_and(|line| line.contains(&*folder.to_string_lossy()))
}

/// Ends the server of `folder` and all its processes; at once true if there is none. Blocks for some seconds.
pub(super) fn stop(id: i32, folder: &Path) -> anyhow::Result<()> {
    let Some(process) = Pid::from_raw(id).filter(|_| is_alive(id, folder)) else { return Ok(()) };
    // To the first process only: it tells the others, in the right order.
    let _ = kill_process(process, Signal::TERM);
    let gone = ends_within(GRACE, id, folder);
    // What did not listen, or lost its parent. The group is the server's own.
    let _ = kill_process_group(process, Signal::KILL);
    if !gone && !ends_within(AFTER_KILL, id, folder) {
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

/// The command line of a process that is alive. A process that has ended and waits for its parent has none.
fn command_line(id: i32) -> Option<String> {
    if Path::new("/proc/self/cmdline").exists() {
        let bytes = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " ")).filter(|line| !line.is_empty());
    }
    // macOS has no /proc. `-ww`: the whole line.
    let output = Command::new("ps").args(["-ww", "-o", "stat=,args=", "-p", &id.to_string()]).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Some(line).filter(|line| !line.is_empty() && !line.starts_with('Z'))
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
    fn ends_a_process_and_notices_its_end() {
        let mut child =
            Command::new("sh").args(["-c", "sleep 600; :", "/cache/run-test"]).process_group(0).spawn().unwrap();
        let id = i32::try_from(child.id()).unwrap();
        assert!(is_alive(id, Path::new("/cache/run-test")));
        stop(id, Path::new("/cache/run-test")).unwrap();
        assert!(!is_alive(id, Path::new("/cache/run-test")));
        child.wait().unwrap();
    }
}
