//! What a machine must have to run SonarQube, checked before anything long begins.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Place, cache::Lock, distribution, process};

const GIB: u64 = 1 << 30;
/// About 2 GB resident, and room for the build that runs beside it.
const MEMORY: u64 = 3 * GIB;
/// The zip, what is in it, and the server's data. Later runs need the data only.
const DISK_FIRST: u64 = 3 * GIB;
const DISK_LATER: u64 = GIB / 2;
/// The server's search engine makes no index on a disk that is more than 90 % full, however large it is, or that has less
/// than 150 GB left (`cluster.routing.allocation.disk.watermark.high` and its `max_headroom`):
/// <https://www.elastic.co/guide/en/elasticsearch/reference/8.16/modules-cluster.html#disk-based-shard-allocation>.
const KEPT_FREE: u64 = 10;
const KEPT_FREE_AT_MOST: u64 = 150 * GIB;

/// The Maven of this machine, and the Java that it runs on. Builds get exactly this one: neither the PATH nor JAVA_HOME of
/// whoever started us reaches them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maven {
    /// The folder with `mvn` itself. What the PATH names may be a version manager's, which wants the person's home.
    pub programs: PathBuf,
    /// JAVA_HOME: a Java 17 or later.
    pub java_home: PathBuf,
}

/// Finds Maven, which fetches SonarQube and, in every build, the scanner.
///
/// # Errors
/// A sentence that says what is missing, and how to get it.
pub fn find_maven() -> Result<Maven, String> {
    run("mvn", &["-version"])
        .ok_or_else(|| {
            "Maven fetches SonarQube and its scanner: install it with `apt install maven` or `brew install maven`."
                .to_owned()
        })
        .and_then(|output| maven_of(&output))
}

/// Sentences that say what is missing, beside [`find_maven`], to run SonarQube here, and how to get it. Empty if nothing is.
#[must_use]
pub fn missing_for_a_server() -> Vec<String> {
    let mut missing = Vec::new();
    for program in ["tar", "nohup"] {
        if run(program, &["--version"]).is_none() && !Path::new("/usr/bin").join(program).exists() {
            missing.push(format!("The program `{program}` unpacks and starts SonarQube: it is not on the PATH."));
        }
    }
    let Ok(place) = Place::find() else {
        missing.push("SonarQube needs a place for its files: set SECURITY_CHATOPS_CACHE to a folder.".to_owned());
        return missing;
    };
    if !has_its_share(&place) {
        missing.extend(free_memory().and_then(too_little_memory));
        let need = if distribution::folder(&place.folder()).is_dir() { DISK_LATER } else { DISK_FIRST };
        missing.extend(disk_of(&place.cache).and_then(|disk| too_little_disk(disk, need, &place.cache)));
    }
    missing
}

/// Whether a server runs, or is being fetched or started: what it needs is not free any more, and need not be.
fn has_its_share(place: &Place) -> bool {
    place.state().ok().flatten().is_some_and(|state| process::is_alive(state.process_id, &state.folder))
        || matches!(Lock::alone(&place.lock_file()), Ok(None))
}

fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `mvn -version` says `Maven home: /usr/share/maven` and `Java version: 17.0.15, vendor: …, runtime: /usr/lib/jvm/…`.
fn maven_of(output: &str) -> Result<Maven, String> {
    let after = |beginning: &str| output.lines().find_map(|line| line.strip_prefix(beginning));
    let java = after("Java version: ").unwrap_or_default();
    let major = java.split(['.', ',', '-', '+']).next().and_then(|major| major.trim().parse::<u32>().ok());
    let folder = |text: &str| PathBuf::from(text.trim());
    let programs = after("Maven home: ").map(|home| folder(home).join("bin"));
    let java_home = java.split_once("runtime: ").map(|(_, home)| folder(home));
    match (major, programs, java_home) {
        (Some(17..), Some(programs), Some(java_home)) => Ok(Maven { programs, java_home }),
        (Some(old @ ..17), ..) => Err(format!(
            "Maven runs on Java {old} here and should on 17 or later: install one with `apt install \
             default-jdk-headless` (Ubuntu 22.04: `openjdk-17-jdk-headless`) or `brew install openjdk`, and let JAVA_HOME \
             name it."
        )),
        _ => Err("Maven does not start: `mvn -version` should name Maven's home and a Java version with its runtime. \
                  Does JAVA_HOME name a Java 17 or later?"
            .to_owned()),
    }
}

fn too_little_memory(free: u64) -> Option<String> {
    (free < MEMORY).then(|| format!("SonarQube needs 3 GiB of free memory: this machine has {} MiB.", free >> 20))
}

fn too_little_disk(disk: Disk, need: u64, folder: &Path) -> Option<String> {
    let kept_free = (disk.size / KEPT_FREE).min(KEPT_FREE_AT_MOST);
    let need = need.saturating_add(kept_free);
    (disk.free < need).then(|| {
        format!(
            "SonarQube needs {} MiB of free disk in {}, of which its search engine leaves {} MiB free: there are {} MiB. \
             Make room, or set SECURITY_CHATOPS_CACHE to a folder on another disk.",
            need >> 20,
            folder.display(),
            kept_free >> 20,
            disk.free >> 20
        )
    })
}

/// Bytes that programs can still get, the limit of a container included. `None` where that is not known (macOS).
fn free_memory() -> Option<u64> {
    let machine = available_of(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let number = |file: &str| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let container = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(most, now)| most.saturating_sub(now).saturating_add(reclaimable().unwrap_or_default()));
    Some(container.map_or(machine, |container| container.min(machine)))
}

/// What a container's limit counts as used, and gives back when somebody needs it: files that were read and are not used
/// (<https://docs.kernel.org/admin-guide/cgroup-v2.html>, `memory.stat`).
fn reclaimable() -> Option<u64> {
    inactive_files_of(&fs::read_to_string("/sys/fs/cgroup/memory.stat").ok()?)
}

fn inactive_files_of(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("inactive_file "))?.trim().parse().ok()
}

fn available_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Disk {
    size: u64,
    free: u64,
}

/// The disk of `folder`, which need not exist yet.
fn disk_of(folder: &Path) -> Option<Disk> {
    let there = folder.ancestors().find(|ancestor| ancestor.exists())?;
    read_df(&run("df", &["-Pk", &there.to_string_lossy()])?)
}

/// `df -Pk` has one line for a disk: name, size, used, available, …
fn read_df(df: &str) -> Option<Disk> {
    let mut numbers = df.lines().nth(1)?.split_whitespace().skip(1);
    let size = numbers.next()?.parse::<u64>().ok()?.checked_mul(1024)?;
    let free = numbers.nth(1)?.parse::<u64>().ok()?.checked_mul(1024)?;
    Some(Disk { size, free })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_maven_and_its_java_by_what_maven_says() {
        let with =
            |java: &str| format!("Apache Maven 3.8.7\nMaven home: /opt/maven\nJava version: {java}\nLocale: en\n");
        let found = maven_of(&with("17.0.15, vendor: Debian, runtime: /opt/java 17")).unwrap();
        assert_eq!((found.programs, found.java_home), ("/opt/maven/bin".into(), "/opt/java 17".into()));
        for new in ["25, vendor: Eclipse, runtime: /j", "22-ea, vendor: Oracle, runtime: /j"] {
            assert!(maven_of(&with(new)).is_ok(), "{new}");
        }
        for (old, major) in [("11.0.2, vendor: Debian, runtime: /j", "Java 11 "), ("1.8.0_312, runtime: /j", "Java 1 ")]
        {
            assert!(maven_of(&with(old)).unwrap_err().contains(major), "{old}");
        }
        assert!(maven_of(&with("17.0.15, vendor: Debian")).is_err());
        assert!(maven_of("The JAVA_HOME environment variable is not defined correctly").is_err());
    }

    #[test]
    fn a_server_that_is_being_started_has_its_memory_and_disk() {
        let cache = tempfile::tempdir().unwrap();
        let place = Place { cache: cache.path().to_owned() };
        assert!(!has_its_share(&place));
        let starting = Lock::alone(&place.lock_file()).unwrap().unwrap();
        assert!(has_its_share(&place));
        drop(starting);
        assert!(!has_its_share(&place));
    }

    #[test]
    fn files_that_were_read_are_not_in_the_way() {
        let stat = "anon 1048576\nfile 8388608\ninactive_anon 0\nactive_anon 1048576\ninactive_file 4194304\n";
        assert_eq!(inactive_files_of(stat), Some(4_194_304));
        assert_eq!(inactive_files_of("anon 1\n"), None);
    }

    #[test]
    fn reads_free_memory_and_disk() {
        let meminfo = "MemTotal:       24585532 kB\nMemFree:  1 kB\nMemAvailable:   2097152 kB\n";
        assert_eq!(available_of(meminfo), Some(2 * GIB));
        assert_eq!(available_of(""), None);
        let df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 263934 14 1048576 15% /\n";
        assert_eq!(read_df(df), Some(Disk { size: 263_934 << 10, free: GIB }));
        assert_eq!(read_df(""), None);
    }

    #[test]
    fn says_how_much_is_missing() {
        assert_eq!(too_little_memory(MEMORY), None);
        assert!(too_little_memory(GIB).unwrap().contains("1024 MiB"));
        let small = Disk { size: 10 * GIB, free: GIB };
        let sentence = too_little_disk(small, DISK_FIRST, Path::new("/cache")).unwrap();
        assert!(sentence.contains("4096 MiB") && sentence.contains("1024 MiB") && sentence.contains("/cache"));
        // Much is free, and yet it is more than 90 % full.
        let full = Disk { size: 252 * GIB, free: 21 * GIB };
        assert!(too_little_disk(full, DISK_LATER, Path::new("/cache")).is_some());
        assert_eq!(too_little_disk(Disk { free: 26 * GIB, ..full }, DISK_LATER, Path::new("/cache")), None);
        let huge = Disk { size: 4_000 * GIB, free: 160 * GIB };
        assert_eq!(too_little_disk(huge, DISK_FIRST, Path::new("/cache")), None);
        assert_eq!(too_little_disk(Disk { free: 2 * GIB, ..small }, DISK_LATER, Path::new("/cache")), None);
    }
}
