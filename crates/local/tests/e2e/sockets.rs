//! Nothing but this machine is reached, and nothing but this machine can reach us, while the tests run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, ensure};

/// Between two looks. A build and a function live longer.
const PAUSE: Duration = Duration::from_millis(500);

/// Looks at the TCP sockets of this process, of all that it started, and of the SonarQube server, again and again.
pub(crate) struct Watch {
    end: Sender<()>,
    looking: JoinHandle<io::Result<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// `address process`.
    listening: BTreeSet<String>,
    connections: BTreeSet<String>,
    /// Those with another machine, or open to it.
    elsewhere: BTreeSet<String>,
}

impl Watch {
    /// `server`: a folder that the command lines of the SonarQube server name. `None` where the system has no `/proc`.
    pub(crate) fn start(server: Option<PathBuf>) -> Option<Self> {
        if !PathBuf::from("/proc/net/tcp").exists() {
            return None;
        }
        let (end, ended) = mpsc::channel();
        let looking = thread::spawn(move || {
            let mut seen = Seen::default();
            loop {
                seen.look(server.as_deref().and_then(|folder| folder.to_str()))?;
                if ended.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                    return Ok(seen);
                }
            }
        });
        Some(Self { end, looking })
    }

    /// What was seen, in a sentence; an error if any of it was with another machine.
    pub(crate) fn end(self) -> anyhow::Result<String> {
        let _ = self.end.send(());
        let seen = self.looking.join().ok().context("the look at the sockets has failed")?.context("read /proc")?;
        ensure!(seen.elsewhere.is_empty(), "not only on this machine: {:#?}", seen.elsewhere);
        let (listening, connections) = (seen.listening.len(), seen.connections.len());
        // The local cloud and the Slack stand-in, at least.
        ensure!(listening >= 2 && connections > 0, "too little was seen: {:#?}", seen.listening);
        Ok(format!("{listening} sockets listened and {connections} were connected, all of them on this machine only"))
    }
}

impl Seen {
    fn look(&mut self, server: Option<&str>) -> io::Result<()> {
        let owners = owners(server)?;
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            // Without IPv6, there is no second one.
            for socket in fs::read_to_string(table).unwrap_or_default().lines().skip(1).filter_map(Socket::read) {
                let Some(process) = owners.get(&socket.inode) else { continue };
                let Socket { here, there, listens, .. } = &socket;
                // Neither listens nor is connected: it is just being made.
                if !listens && there.0.is_unspecified() {
                    continue;
                }
                let (list, other) = if *listens { (&mut self.listening, here) } else { (&mut self.connections, there) };
                let words = format!("{}:{} {process}", other.0, other.1);
                if !other.0.is_loopback() {
                    self.elsewhere.insert(words.clone());
                }
                list.insert(words);
            }
        }
        Ok(())
    }
}

/// A line of `/proc/net/tcp` (<https://docs.kernel.org/networking/proc_net_tcp.html>).
struct Socket {
    here: (IpAddr, u16),
    there: (IpAddr, u16),
    listens: bool,
    inode: u64,
}

impl Socket {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        let (here, there) = (address(words.next()?)?, address(words.next()?)?);
        let listens = words.next()? == "0A";
        Some(Self { here, there, listens, inode: words.nth(5)?.parse().ok()? })
    }
}

/// `0100007F:1F90`: the address in words of this machine's byte order, the port as a number.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let words = address.as_bytes().chunks(8).map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok());
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)).to_canonical(),
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

/// The command lines of our processes, by the sockets that they have open.
fn owners(server: Option<&str>) -> io::Result<BTreeMap<u64, String>> {
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // It may end between two lines of this.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        processes.insert(id, (parent.unwrap_or_default(), line, entry.path()));
    }
    let ours = |mut id: u32| {
        while let Some((parent, line, _)) = processes.get(&id) {
            if id == std::process::id() || server.is_some_and(|folder| line.contains(folder)) {
                return true;
            }
            id = *parent;
        }
        false
    };
    let mut owners = BTreeMap::new();
    for (id, (_, line, folder)) in &processes {
        if !ours(*id) {
            continue;
        }
        for file in fs::read_dir(folder.join("fd")).into_iter().flatten().flatten() {
            let link = fs::read_link(file.path()).unwrap_or_default();
            let inode = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode {
                owners.insert(inode, line.chars().take(120).collect());
            }
        }
    }
    Ok(owners)
}
