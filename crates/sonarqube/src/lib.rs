//! A real SonarQube server on this machine: fetched once, started, set up by its own web API, shared by concurrent
//! runs, and gone when the last of them is done.
//!
//! [`acquire`] is what demo and tests call; [`start`], [`status`] and [`stop`] keep a server between runs; [`prepare`] and
//! [`dismiss`] let one start while the program that will use it is still being built. That is why this is a crate of its
//! own: it is built in half a minute, the local world with its SDKs in some.
//!
//! ```text
//! <cache>/sonarqube/lock               held while a server is looked for, started or stopped: never two at once
//! <cache>/sonarqube/users              a shared lock for each run that uses the server
//! <cache>/sonarqube/server.json        the running server and its tokens, readable by its owner only
//! <cache>/sonarqube/<version>/         the distribution as it was unpacked, and its Java in `jre`
//! <cache>/sonarqube/run-…/             one server's own files; removed with it
//! <cache>/build-home/                  the home folder of builds, with the scanner in its Maven repository
//! ```

pub mod cache;
mod distribution;
mod interruption;
mod launch;
mod maven;
mod process;
mod provision;
mod requirements;
mod scanner;
mod state;
mod web_api;

use std::{fmt, path::PathBuf, sync::Mutex};

use anyhow::Context as _;

use crate::cache::{Lock, Progress};

pub use interruption::interrupted;
pub use requirements::{Maven, find_maven, missing_for_a_server};
pub use scanner::build_home;
pub use state::Status;

/// What to use as the SonarQube server.
#[derive(Debug)]
pub enum Source {
    /// One on this machine: the running one, or a new one.
    Local,
    /// One that is already somewhere, with the gate and the tokens that its administrator gave it.
    External { url: String, scanner_token: String, reader_token: String },
}

/// A server that answers. [`Server::release`] when done with it; dropping it does the same, and blocks meanwhile.
pub struct Server {
    /// Without a slash at the end.
    pub url: String,
    /// For builds: may create projects and upload analyses, may read nothing.
    pub scanner_token: String,
    /// For CheckBuildStatus: may read projects and analysis tasks.
    pub reader_token: String,
    /// `None` for a server that is not ours. Taken by the release.
    in_use: Mutex<Option<InUse>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The tokens are secrets, and `{:?}` is everywhere.
        formatter.debug_struct("Server").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A server from `source`, started and set up if need be. Several processes may ask at the same time: they share one.
///
/// # Errors
/// The server cannot be fetched or started, or does not answer within five minutes: with the last lines of its log.
pub async fn acquire(source: Source, progress: Progress<'_>) -> anyhow::Result<Server> {
    match source {
        Source::External { url, scanner_token, reader_token } => Ok(Server {
            url: url.trim_end_matches('/').to_owned(),
            scanner_token,
            reader_token,
            in_use: Mutex::new(None),
        }),
        Source::Local => {
            let place = Place::find()?;
            let _lock = place.lock(progress).await?;
            let state = place.running_or_new(false, progress).await?;
            let mark = Lock::shared(&place.users())?
                .context("the server is being stopped by a program that does not take turns")?;
            Ok(Server {
                url: state.url,
                scanner_token: state.scanner_token,
                reader_token: state.reader_token,
                in_use: Mutex::new(Some(InUse { place, mark })),
            })
        }
    }
}

impl Server {
    /// Stops the server, unless it is not ours, somebody else uses it, or [`start`] said to keep it.
    ///
    /// # Errors
    /// The server does not end, even when it is killed.
    pub async fn release(self) -> anyhow::Result<()> {
        match self.take() {
            None => Ok(()),
            Some(in_use) => tokio::task::spawn_blocking(move || in_use.end()).await.context("stop SonarQube")?,
        }
    }

    fn take(&self) -> Option<InUse> {
        self.in_use.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(in_use) = self.take() {
            // A panic or an early return: nobody is left to tell, and the next run cleans up what remains.
            let _ = in_use.end();
        }
    }
}

/// Starts a server that stays for later runs, or keeps the one that is running.
///
/// # Errors
/// As [`acquire`].
pub async fn start(progress: Progress<'_>) -> anyhow::Result<Status> {
    get_ready(true, progress).await
}

/// Starts a server for the next [`acquire`], unless there is one. It ends with its last user; if nobody comes to use it,
/// [`dismiss`] it.
///
/// # Errors
/// As [`acquire`].
pub async fn prepare(progress: Progress<'_>) -> anyhow::Result<Status> {
    get_ready(false, progress).await
}

async fn get_ready(keep: bool, progress: Progress<'_>) -> anyhow::Result<Status> {
    let place = Place::find()?;
    let _lock = place.lock(progress).await?;
    let state = place.running_or_new(keep, progress).await?;
    Ok(Status::of(&state, place.state_file(), true, place.in_use()?))
}

/// Ends the server that was [prepared](prepare), unless somebody uses it or it is to be kept.
///
/// # Errors
/// The server does not end, even when it is killed.
pub async fn dismiss() -> anyhow::Result<()> {
    let place = Place::find()?;
    tokio::task::spawn_blocking(move || {
        let _lock = Lock::exclusive_blocking(&place.lock_file())?;
        place.end_if_unused()
    })
    .await
    .context("stop SonarQube")?
}

/// The server that is running, if any. Does not wait for one that is being started.
///
/// # Errors
/// The record of the server is not readable.
pub async fn status() -> anyhow::Result<Option<Status>> {
    let place = Place::find()?;
    let Some(state) = place.state()? else { return Ok(None) };
    let answers = web_api::is_up(&state.url).await;
    Ok(Some(Status::of(&state, place.state_file(), answers, place.in_use()?)))
}

/// What [`stop`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Ended, and its files removed.
    Now,
    /// Somebody uses it: it ends with the last of them.
    WithItsLastUser,
    /// There was none.
    WasNotRunning,
}

impl fmt::Display for Stopped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Now => "SonarQube has ended and its data is gone",
            Self::WithItsLastUser => "SonarQube is in use: it ends with the run that uses it",
            Self::WasNotRunning => "SonarQube was not running",
        })
    }
}

/// Ends the server and removes its data.
///
/// # Errors
/// The server does not end, even when it is killed.
pub async fn stop(progress: Progress<'_>) -> anyhow::Result<Stopped> {
    let place = Place::find()?;
    let _lock = place.lock(progress).await?;
    let Some(mut state) = place.state()? else {
        place.remove_leftovers()?;
        return Ok(Stopped::WasNotRunning);
    };
    let Some(_alone) = Lock::alone(&place.users())? else {
        state.kept = false;
        state.write(&place.state_file())?;
        return Ok(Stopped::WithItsLastUser);
    };
    progress("Stopping SonarQube");
    tokio::task::spawn_blocking(move || place.end(&state)).await.context("stop SonarQube")??;
    Ok(Stopped::Now)
}

/// The files of the servers of this machine and user.
#[derive(Debug, Clone)]
struct Place {
    cache: PathBuf,
}

impl Place {
    fn find() -> anyhow::Result<Self> {
        Ok(Self { cache: cache::folder()? })
    }

    fn folder(&self) -> PathBuf {
        self.cache.join("sonarqube")
    }

    fn state_file(&self) -> PathBuf {
        self.folder().join("server.json")
    }

    fn users(&self) -> PathBuf {
        self.folder().join("users")
    }

    fn lock_file(&self) -> PathBuf {
        self.folder().join("lock")
    }

    async fn lock(&self, progress: Progress<'_>) -> anyhow::Result<Lock> {
        Lock::exclusive(&self.lock_file(), "getting SonarQube ready", progress).await
    }

    fn state(&self) -> anyhow::Result<Option<state::State>> {
        state::State::read(&self.state_file())
    }

    fn in_use(&self) -> anyhow::Result<bool> {
        Ok(Lock::alone(&self.users())?.is_none())
    }

    /// The server on record if it answers, otherwise a new one. The caller holds the lock.
    async fn running_or_new(&self, keep: bool, progress: Progress<'_>) -> anyhow::Result<state::State> {
        if let Some(mut state) = self.state()? {
            if process::is_alive(state.process_id, &state.folder) && web_api::is_up(&state.url).await {
                progress(&format!("SonarQube {} is running at {}", state.version, state.url));
                if keep && !state.kept {
                    state.kept = true;
                    state.write(&self.state_file())?;
                }
                return Ok(state);
            }
            progress("The SonarQube server of an earlier run does not answer any more: removing it");
            let place = self.clone();
            tokio::task::spawn_blocking(move || place.end(&state)).await.context("remove a dead server")??;
        }
        self.remove_leftovers()?;
        let state = launch::launch(&self.folder(), keep, progress).await?;
        state.write(&self.state_file())?;
        Ok(state)
    }

    /// Stops the server on record, unless somebody uses it or it is to be kept. The caller holds the lock.
    fn end_if_unused(&self) -> anyhow::Result<()> {
        match (self.state()?, Lock::alone(&self.users())?) {
            (Some(state), Some(_alone)) if !state.kept => self.end(&state),
            _ => Ok(()),
        }
    }

    /// Stops the server on record and forgets it.
    fn end(&self, state: &state::State) -> anyhow::Result<()> {
        process::stop(state.process_id, &state.folder)?;
        self.remove_leftovers()?;
        state::remove(&self.state_file())
    }

    /// Removes the folders of servers that are no more, which killed runs leave, and ends what still runs in them.
    fn remove_leftovers(&self) -> anyhow::Result<()> {
        launch::run_folders(&self.folder())?.iter().try_for_each(|folder| launch::remove(folder))
    }
}

/// Our share in the server on record.
#[derive(Debug)]
struct InUse {
    place: Place,
    mark: Lock,
}

impl InUse {
    fn end(self) -> anyhow::Result<()> {
        let Self { place, mark } = self;
        let _lock = Lock::exclusive_blocking(&place.lock_file())?;
        drop(mark);
        place.end_if_unused()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of a server whose process is long gone.
    fn server(kept: bool) -> (tempfile::TempDir, Place) {
        let cache = tempfile::tempdir().unwrap();
        let place = Place { cache: cache.path().to_owned() };
        let folder = place.folder().join("run-1");
        std::fs::create_dir_all(&folder).unwrap();
        let state = state::State {
            url: "http://127.0.0.1:1".to_owned(),
            version: "1".to_owned(),
            process_id: i32::MAX,
            folder,
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            kept,
            administrator_password: String::new(),
            scanner_token: String::new(),
            reader_token: String::new(),
        };
        state.write(&place.state_file()).unwrap();
        (cache, place)
    }

    #[test]
    fn what_nobody_came_to_use_is_ended_and_removed() {
        let (_cache, place) = server(false);
        place.end_if_unused().unwrap();
        assert!(place.state().unwrap().is_none());
        assert!(!place.folder().join("run-1").exists());
        place.end_if_unused().unwrap();
    }

    #[test]
    fn a_kept_server_and_one_in_use_stay() {
        let (_cache, place) = server(true);
        place.end_if_unused().unwrap();
        assert!(place.state().unwrap().is_some());

        let (_cache, place) = server(false);
        let user = Lock::shared(&place.users()).unwrap().unwrap();
        place.end_if_unused().unwrap();
        assert!(place.state().unwrap().is_some());
        drop(user);
        place.end_if_unused().unwrap();
        assert!(place.state().unwrap().is_none());
    }
}
