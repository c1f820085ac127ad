//! Starting one server in a folder of its own, and removing that folder.

use std::{
    fmt::Write as _,
    fs, io,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use crate::{
    cache::{self, Progress},
    distribution::{self, Distribution},
    process, provision,
    state::State,
    web_api,
};

/// `nobody` on all systems that we know: Elasticsearch, a part of SonarQube, refuses to run as the superuser.
const NOBODY: u32 = 65534;
const PREFIX: &str = "run-";
/// 45 s on two quiet cores. Everything else is a machine that has much to do.
const UNTIL_UP: Duration = Duration::from_mins(5);
const LOOK_EVERY: Duration = Duration::from_millis(500);
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Beside SonarQube's `temp`, which it empties when it starts.
const SEARCH_TEMP: &str = "search-temp";
/// Heaps for a laptop: about 2 GB resident in all, and enough for projects of some hundred files.
const HEAPS: [(&str, &str); 3] = [
    ("sonar.web.javaOpts", "-Xmx512m -Xms128m"),
    ("sonar.ce.javaOpts", "-Xmx512m -Xms128m"),
    ("sonar.search.javaOpts", "-Xmx512m -Xms512m"),
];

/// Starts a new server and sets it up. The caller holds the lock and writes the record.
pub(crate) async fn launch(servers: &Path, keep: bool, progress: Progress<'_>) -> anyhow::Result<State> {
    let distribution = distribution::get(servers, progress).await?;
    let folder = make_folder(servers, &distribution)?;
    let unfinished = Unfinished(Some(folder.clone()));
    let state = start_in(&folder, &distribution, keep, progress).await?;
    unfinished.finish();
    Ok(state)
}

/// A server that is being started. Dropped by an error, or because somebody does not wait any longer, it is ended and
/// removed: nobody will look at it, and an error has the end of its logs.
struct Unfinished(Option<PathBuf>);

impl Unfinished {
    fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // The next run tries again.
            let _ = remove(folder);
        }
    }
}

async fn start_in(
    folder: &Path,
    distribution: &Distribution,
    keep: bool,
    progress: Progress<'_>,
) -> anyhow::Result<State> {
    let ports = free_ports()?;
    let mut child = spawn(folder, &distribution.java, ports)?;
    let process_id = i32::try_from(child.id()).context("a process number out of range")?;
    fs::write(folder.join("process"), process_id.to_string()).context("note the server's process")?;
    let url = format!("http://127.0.0.1:{}", ports[0]);
    progress(&format!("Starting SonarQube {} at {url}", distribution::VERSION));
    wait_until_up(&mut child, &url, folder, progress).await?;
    progress("Setting up SonarQube: quality gate, users, tokens");
    let provisioned = provision::provision(&url)
        .await
        .map_err(|error| anyhow!("set up SonarQube: {error:#}. The end of its logs:\n{}", last_words(folder)))?;
    Ok(State {
        url,
        version: distribution::VERSION.to_owned(),
        process_id,
        folder: folder.to_owned(),
        since: Timestamp::now(),
        kept: keep,
        administrator_password: provisioned.administrator_password,
        scanner_token: provisioned.scanner_token,
        reader_token: provisioned.reader_token,
    })
}

/// A tree like the distribution's, made of folders of its own and of links to the distribution's files: a server wants
/// to write beside its programs. Owned by the user that the server runs as.
fn make_folder(servers: &Path, distribution: &Distribution) -> anyhow::Result<PathBuf> {
    let folder = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(servers)
        .with_context(|| format!("make a folder in {}", servers.display()))?;
    link_tree(&distribution.home, folder.path())
        .with_context(|| format!("make a server's folder in {}", servers.display()))?;
    fs::create_dir(folder.path().join(SEARCH_TEMP)).context("make a folder for the search engine")?;
    if cache::is_root() {
        check_others_reach(servers)?;
        give_folders(folder.path(), NOBODY).context("give the server its folder")?;
    }
    Ok(folder.keep())
}

fn link_tree(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            link_tree(&entry.path(), &target)?;
        } else {
            fs::hard_link(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The folders only: the files are links, and belong to the distribution too.
fn give_folders(folder: &Path, user: u32) -> io::Result<()> {
    std::os::unix::fs::chown(folder, Some(user), Some(user))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give_folders(&entry.path(), user)?;
        }
    }
    Ok(())
}

fn check_others_reach(folder: &Path) -> anyhow::Result<()> {
    for ancestor in folder.ancestors() {
        let mode =
            fs::metadata(ancestor).with_context(|| format!("look at {}", ancestor.display()))?.permissions().mode();
        if mode & 0o001 == 0 {
            bail!(
                "SonarQube does not run as root, and the user nobody cannot enter {}: \
                 set SECURITY_CHATOPS_CACHE to a folder that everybody can enter",
                ancestor.display()
            );
        }
    }
    Ok(())
}

/// Free ports on loopback for the web server, the search engine and the database.
fn free_ports() -> anyhow::Result<[u16; 3]> {
    // All three are held until all three are known: otherwise they could be the same.
    let listener = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port");
    let listeners = [listener()?, listener()?, listener()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr().context("find a free port")?.port();
    }
    Ok(ports)
}

fn settings([web, search, database]: [u16; 3]) -> Vec<String> {
    let mut settings = vec![
        "-Dsonar.web.host=127.0.0.1".to_owned(),
        format!("-Dsonar.web.port={web}"),
        "-Dsonar.search.host=127.0.0.1".to_owned(),
        format!("-Dsonar.search.port={search}"),
        format!("-Dsonar.embeddedDatabase.port={database}"),
        // Nothing leaves this machine.
        "-Dsonar.telemetry.enable=false".to_owned(),
        "-Dsonar.updatecenter.activate=false".to_owned(),
    ];
    settings.extend(HEAPS.map(|(name, value)| format!("-D{name}={value}")));
    settings
}

fn spawn(folder: &Path, java: &Path, ports: [u16; 3]) -> anyhow::Result<Child> {
    let log = fs::File::create(folder.join("logs/start.log")).context("make the server's log")?;
    // A kept server outlives the terminal; `nohup` becomes java and keeps its process number.
    let mut command = Command::new("nohup");
    command
        .arg(java)
        // The absolute path puts the folder's name into the command line, by which we know the process again.
        .args(["-Xmx64m", "-jar"])
        .arg(folder.join(format!("lib/sonar-application-{}.jar", distribution::VERSION)))
        .args(settings(ports))
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder.join("temp"))
        // The search engine takes its Java from here, and would leave a folder in /tmp.
        .env("SONAR_JAVA_PATH", java)
        .env("ES_TMPDIR", folder.join(SEARCH_TEMP))
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("share the server's log")?)
        .stderr(log)
        .process_group(0);
    if cache::is_root() {
        // Also drops the superuser's other groups.
        command.uid(NOBODY).gid(NOBODY);
    }
    command.spawn().context("start SonarQube")
}

async fn wait_until_up(child: &mut Child, url: &str, folder: &Path, progress: Progress<'_>) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut told = start;
    loop {
        if let Some(status) = child.try_wait().context("look after SonarQube")? {
            bail!("SonarQube ended while it was starting ({status}). The end of its logs:\n{}", last_words(folder));
        }
        if web_api::is_up(url).await {
            return Ok(());
        }
        if start.elapsed() > UNTIL_UP {
            bail!("SonarQube is not up after {} s. The end of its logs:\n{}", UNTIL_UP.as_secs(), last_words(folder));
        }
        if told.elapsed() > TELL_EVERY {
            told = Instant::now();
            progress(&format!("SonarQube is starting: {} s", start.elapsed().as_secs()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The last lines of each log that has any. Enough for an exception and its causes.
fn last_words(folder: &Path) -> String {
    const LINES: usize = 30;
    let mut words = String::new();
    for log in ["start.log", "web.log", "es.log", "ce.log"] {
        let Ok(text) = fs::read(folder.join("logs").join(log)) else { continue };
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for line in lines.iter().skip(lines.len().saturating_sub(LINES)) {
            // Writing to a string cannot fail.
            let _ = writeln!(words, "  {log}: {line}");
        }
    }
    words
}

/// The folders of servers, running or not.
pub(crate) fn run_folders(servers: &Path) -> anyhow::Result<Vec<PathBuf>> {
    match fs::read_dir(servers) {
        Ok(entries) => Ok(entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
            .map(|entry| entry.path())
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("list {}", servers.display())),
    }
}

/// Ends the server of `folder` at once if it runs, and removes the folder.
pub(crate) fn remove(folder: &Path) -> anyhow::Result<()> {
    if let Some(id) = fs::read_to_string(folder.join("process")).ok().and_then(|id| id.trim().parse().ok()) {
        process::kill(id, folder)?;
    }
    fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))
}
