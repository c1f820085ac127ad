//! What `scripts/demo` leaves behind when it does not come to its end: nothing.
//!
//! The script, the demo and the program that starts SonarQube are the real ones, in a cache of their own. What is fetched
//! there is a server that starts and never answers: the demo is interrupted, or fails, before it has one.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use ::sonarqube::cache;
use anyhow::{Context as _, bail, ensure};
use local::{
    narrator::Narrator,
    stories::{self, Played, Story},
    until::until,
    world::World,
};
use rustix::process::{Pid, Signal, kill_process};

/// With an answer to `mvn -version`, which is all that is asked of it.
const MAVEN: &str = "#!/bin/sh\necho 'Maven home: /opt/maven'\necho 'Java version: 21, runtime: /opt/java'\n";
/// Waits for ever, without another program that would have to be ended.
const JAVA: &str = "#!/bin/sh\nmkfifo temp/never\nread -r line <temp/never\n";
const START: Duration = Duration::from_mins(3);
const END: Duration = Duration::from_mins(1);

pub(crate) async fn leaves_nothing_behind_when_it_is_interrupted(_: &World, _: &Narrator) -> anyhow::Result<()> {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new()?;
        symlink(cache::folder()?.join("python"), place.cache().join("python")).context("lend the local cloud")?;
        let mut demo = place.start()?;
        until(START, "a demo that waits for its server", async || {
            ensure!(demo.try_wait()?.is_none(), "the demo has ended by itself:\n{}", place.log());
            let waits = place.log().contains("Waiting for another run that is getting SonarQube ready");
            Ok((waits && place.runs("chatops_cloud")? && place.runs("sonar-application")?).then_some(()))
        })
        .await?;
        // To the script alone: a terminal's Ctrl-C reaches no more than that either, since all else is in other groups.
        let script = Pid::from_raw(i32::try_from(demo.id())?).context("the demo has no number")?;
        kill_process(script, signal).context("interrupt the demo")?;
        place.ends(&mut demo).await.with_context(|| format!("after {signal:?}"))?;
    }
    Ok(())
}

pub(crate) async fn leaves_nothing_behind_when_it_fails_early(_: &World, _: &Narrator) -> anyhow::Result<()> {
    let place = Place::new()?;
    // The local cloud cannot be installed there.
    fs::write(place.cache().join("python"), "").context("spoil the cache")?;
    let mut demo = place.start()?;
    let mut prepared = false;
    until(START, "the demo's failure", async || {
        prepared |= place.runs("sonar-application")?;
        Ok(demo.try_wait()?)
    })
    .await
    .with_context(|| place.log())?;
    ensure!(prepared, "no server was prepared, so nothing was to be ended:\n{}", place.log());
    place.ends(&mut demo).await
}

/// That it then exits non-zero is what the other tests here see of every error.
pub(crate) async fn a_story_that_fails_fails_the_demo(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    fn play<'a>(_: &'a World, _: &'a Narrator) -> Played<'a> {
        Box::pin(async { bail!("this step did not happen") })
    }
    let story = Story { name: "broken", sentence: "", needs_sonarqube: false, default: false, composed: false, play };
    let mut times = Vec::new();
    let told = stories::tell(&[&story], world, narrator, &mut times).await;
    let error = told.err().context("the demo went on")?;
    ensure!(format!("{error:#}") == "in the story broken: this step did not happen", "{error:#}");
    ensure!(times.is_empty(), "it has a time, as if it had been told: {times:?}");
    Ok(())
}

/// A cache, a folder for temporary files and a Maven for one demo.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> anyhow::Result<Self> {
        let place = Self(tempfile::tempdir().context("make a folder")?);
        // The superuser's server runs as somebody else, who has to get there.
        fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o755))?;
        for folder in [place.cache().join("build-home"), place.path("bin"), place.path("tmp")] {
            fs::create_dir_all(folder)?;
        }
        for name in names(&cache::folder()?.join("build-home"), "ready-")? {
            fs::write(place.cache().join("build-home").join(name), "")?;
        }
        let mut programs = vec![(place.path("bin/mvn"), MAVEN)];
        for name in names(&cache::folder()?.join("sonarqube"), "2")? {
            let distribution = place.cache().join("sonarqube").join(name);
            for folder in ["home/logs", "home/temp", "home/lib", "jre/jre-21/bin"] {
                fs::create_dir_all(distribution.join(folder))?;
            }
            programs.push((distribution.join("jre/jre-21/bin/java"), JAVA));
        }
        for (file, text) in programs {
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        Ok(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    fn start(&self) -> anyhow::Result<std::process::Child> {
        let log = fs::File::create(self.path("log")).context("make the demo's log")?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([self.path("bin")].into_iter().chain(std::env::split_paths(&path)))?;
        Command::new(local::checkout().join("scripts/demo"))
            .env("SECURITY_CHATOPS_CACHE", self.cache())
            .env("TMPDIR", self.path("tmp"))
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("start the demo")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Whether a process of this place runs, with `what` in its command line.
    fn runs(&self, what: &str) -> anyhow::Result<bool> {
        Ok(processes(self.0.path())?.iter().any(|line| line.contains(what)))
    }

    /// The demo ends with an error, and with it everything that was started and made.
    async fn ends(&self, demo: &mut std::process::Child) -> anyhow::Result<()> {
        let status = until(END, "the end of the demo", async || Ok(demo.try_wait()?)).await;
        let status = status.with_context(|| self.log())?;
        ensure!(!status.success(), "the demo says that all went well:\n{}", self.log());
        let mut left = Vec::new();
        until(END, "the end of what the demo started", async || {
            left = processes(self.0.path())?;
            Ok(left.is_empty().then_some(()))
        })
        .await
        .with_context(|| format!("still running: {left:#?}\n{}", self.log()))?;
        let servers = fs::read_dir(self.cache().join("sonarqube"))?;
        let files = servers.chain(fs::read_dir(self.path("tmp"))?);
        for file in files {
            let name = file?.file_name().to_string_lossy().into_owned();
            let stays = ["lock", "users"].contains(&name.as_str()) || name.starts_with('2');
            ensure!(stays, "{name} was left behind:\n{}", self.log());
        }
        Ok(())
    }
}

/// What begins so in `folder`, of each version that was ever used: which one counts now is not this test's to know.
fn names(folder: &Path, beginning: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with(beginning) {
            names.push(PathBuf::from(name));
        }
    }
    ensure!(!names.is_empty(), "{} has no {beginning}…", folder.display());
    Ok(names)
}

/// The command lines of the processes that have `folder` in it or, where the system shows that, in their environment.
fn processes(folder: &Path) -> anyhow::Result<Vec<String>> {
    let folder = folder.to_string_lossy();
    let mut found = Vec::new();
    if Path::new("/proc/self/environ").exists() {
        for process in fs::read_dir("/proc").context("list the processes")?.flatten() {
            // One that ends meanwhile, or has ended and waits for its parent, has neither.
            let read = |file| fs::read(process.path().join(file)).unwrap_or_default();
            let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            if line.contains(&*folder) || String::from_utf8_lossy(&read("environ")).contains(&*folder) {
                found.push(line);
            }
        }
    } else {
        let output = Command::new("ps").args(["-A", "-ww", "-o", "args="]).output().context("run ps")?;
        ensure!(output.status.success(), "ps ended with {}", output.status);
        let lines = String::from_utf8_lossy(&output.stdout);
        found.extend(lines.lines().filter(|line| line.contains(&*folder)).map(str::to_owned));
    }
    Ok(found)
}
