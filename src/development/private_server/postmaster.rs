//! The running postmaster, and the thread that keeps it.
//!
//! The thread spawns the postmaster, waits for its end and holds the folder's lock until then. On Linux the kernel
//! tells the postmaster when that thread ends, hence also when this process is killed.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::binaries::Binaries;
use super::error::Error;
use super::home::Home;
use super::lock::FolderLock;
use super::port::ADDRESS;

/// How much a server does for its data when the machine crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything: the data are somebody's.
    Full,
    /// Nothing, for the sake of speed: the data are a test's.
    Relaxed,
}

/// Crash recovery of a developer's database is a matter of seconds; a sick disk may need longer.
const START: Duration = Duration::from_mins(2);
/// How long an orderly shutdown may take before it is made an abrupt one.
const ORDERLY: Duration = Duration::from_secs(30);
const ABRUPT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);
/// The line of `postmaster.pid` that says how far the postmaster is.
const STATUS_LINE: usize = 7;

/// Settings that hold for every private server; given on the command line, they win over `postgresql.conf`.
const SETTINGS: [(&str, &str); 10] = [
    // TCP on the loopback is enough; a socket's path may not be longer than some 100 characters.
    ("unix_socket_directories", ""),
    ("max_connections", "200"),
    ("shared_buffers", "64MB"),
    ("password_encryption", "scram-sha-256"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("wal_level", "logical"),
];

/// Settings for data that nobody will miss.
const RELAXED: [(&str, &str); 4] = [
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_init_zero", "off"),
];

/// A postmaster that this process has started. Dropping it asks it to stop, without waiting.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    gone: watch::Receiver<bool>,
    /// What it is told when nobody has the time to wait for it.
    farewell: Signal,
}

impl Postmaster {
    /// Starts PostgreSQL on the home's data. It does not take connections yet: see [`Postmaster::ready`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn launch(
        home: &Home,
        binaries: &Binaries,
        port: u16,
        durability: Durability,
        lock: Arc<FolderLock>,
    ) -> Result<Self, Error> {
        let program = binaries.postgres();
        let farewell = match durability {
            Durability::Full => Signal::SIGINT,
            Durability::Relaxed => Signal::SIGQUIT,
        };
        let log = home.new_log()?;
        let same_log = log.try_clone().map_err(Error::io("opening", &home.log()))?;
        let mut command = home.account().command(&program, farewell);
        command
            .arg("-D")
            .arg(home.data())
            .args(settings(port, durability))
            .current_dir(home.path())
            .stdout(log)
            .stderr(same_log)
            // Ctrl-C goes to the terminal's process group; the service stops PostgreSQL when its own work is done.
            .process_group(0);
        let (pid, gone) =
            keep(command, farewell, lock).await.map_err(Error::io("running", &program))?;
        Ok(Self { pid, gone, farewell })
    }

    /// Waits until PostgreSQL takes connections.
    ///
    /// # Errors
    /// [`Error::Startup`] with the end of the log.
    pub async fn ready(&self, home: &Home) -> Result<(), Error> {
        let file = home.data().join("postmaster.pid");
        let deadline = Instant::now() + START;
        let what = loop {
            if *self.gone.borrow() {
                break "it ended";
            }
            if is_ready(&file, self.pid) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                break "it is not ready after two minutes";
            }
            sleep(PAUSE).await;
        };
        Err(Error::Startup { what, log: home.log(), tail: home.log_tail() })
    }

    /// Ends all sessions, shuts down and waits for the end.
    ///
    /// # Errors
    /// [`Error::Stop`] if it outlives even the abrupt shutdown.
    pub async fn stop(mut self) -> Result<(), Error> {
        for (signal, patience) in [(Signal::SIGINT, ORDERLY), (Signal::SIGQUIT, ABRUPT)] {
            self.tell(signal);
            // An error of `wait_for` means that the keeper is gone, which it is only after the postmaster.
            if timeout(patience, self.gone.wait_for(|gone| *gone)).await.is_ok() {
                return Ok(());
            }
            tracing::warn!("PostgreSQL process {} ignores {signal}", self.pid);
        }
        Err(Error::Stop { pid: self.pid })
    }

    fn tell(&self, signal: Signal) {
        if !*self.gone.borrow()
            && let Err(error) = kill(self.pid, signal)
        {
            tracing::debug!("{signal} to PostgreSQL process {}: {error}", self.pid);
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.tell(self.farewell);
    }
}

/// Runs the command on a thread of its own that lives exactly as long as the process does.
async fn keep(
    mut command: Command,
    farewell: Signal,
    lock: Arc<FolderLock>,
) -> io::Result<(Pid, watch::Receiver<bool>)> {
    let (started, start) = oneshot::channel();
    let (end, gone) = watch::channel(false);
    thread::Builder::new().name("postgres-keeper".to_owned()).spawn(move || {
        match command.spawn() {
            Ok(mut child) => {
                let pid = Pid::from_raw(child.id().cast_signed());
                if started.send(Ok(pid)).is_err() {
                    // Whoever wanted it has given up meanwhile. An error means that it has ended already.
                    kill(pid, farewell).ok();
                }
                match child.wait() {
                    Ok(status) => tracing::debug!("PostgreSQL process {pid} ended: {status}"),
                    Err(error) => tracing::warn!("PostgreSQL process {pid}: {error}"),
                }
            }
            Err(error) => {
                started.send(Err(error)).ok();
            }
        }
        drop(lock);
        end.send_replace(true);
    })?;
    let pid = start.await.map_err(io::Error::other)??;
    Ok((pid, gone))
}

fn settings(port: u16, durability: Durability) -> Vec<String> {
    let relaxed: &[_] = match durability {
        Durability::Full => &[],
        Durability::Relaxed => &RELAXED,
    };
    let own = [("port", port.to_string()), ("listen_addresses", ADDRESS.to_string())];
    own.into_iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .chain(SETTINGS.iter().chain(relaxed).map(|(name, value)| format!("--{name}={value}")))
        .collect()
}

/// Whether the pid file is the one of this postmaster and says that it takes connections.
fn is_ready(file: &Path, pid: Pid) -> bool {
    let Ok(text) = fs::read_to_string(file) else {
        return false;
    };
    let line = |number| text.lines().nth(number).map(str::trim);
    line(0) == Some(pid.to_string().as_str()) && line(STATUS_LINE) == Some("ready")
}
