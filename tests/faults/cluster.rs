//! A PostgreSQL that keeps what it has acknowledged, to be broken.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use blockyard::db::migrate::migrate;
use blockyard::development::private_server::{DefaultGrants, Durability, PrivateServer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::support::people::people;
use crate::support::{connect, folder};

const DATABASE: &str = "faults";
const SERVICE_ROLE: &str = "blockyard_api";
/// Crash recovery on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How PostgreSQL ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `kill -9` of the postmaster and of all its children.
    Killed,
    /// `pg_ctl stop -m immediate`: no checkpoint, recovery at the next start.
    Immediate,
    /// `pg_ctl stop -m fast`: sessions are told, and ended.
    Fast,
    /// `kill -9` of one backend: the postmaster ends all others, recovers and goes on.
    OneBackend,
}

impl End {
    pub const ALL: [Self; 4] = [Self::Killed, Self::Immediate, Self::Fast, Self::OneBackend];
}

/// A server of its own for one test; with the people of all tests in its database.
pub struct Cluster {
    server: Option<PrivateServer>,
    folder: PathBuf,
    owner: PgConnectOptions,
    superuser: PgConnectOptions,
    service: PgConnectOptions,
    _undertaker: Child,
}

impl Cluster {
    pub async fn start() -> Self {
        let (folder, undertaker) = folder();
        let server =
            PrivateServer::start(&folder, Durability::Full).await.expect("a private server");
        server.create_database(DATABASE, DefaultGrants::Explicit).await.expect("a database");
        let owner = server.owner(DATABASE);
        migrate(&owner).await.expect("the migrations");
        server.allow_login(SERVICE_ROLE).await.expect("the service's role");
        people(&owner).await;
        Self {
            superuser: server.superuser(DATABASE),
            service: server.login(SERVICE_ROLE, DATABASE),
            server: Some(server),
            folder,
            owner,
            _undertaker: undertaker,
        }
    }

    /// How the service logs in.
    pub fn service(&self) -> &PgConnectOptions {
        &self.service
    }

    /// How the owner of the tables does.
    pub fn owner(&self) -> &PgConnectOptions {
        &self.owner
    }

    /// How its superuser does.
    pub fn superuser(&self) -> &PgConnectOptions {
        &self.superuser
    }

    /// Ends the server, and returns when nobody is served any more.
    pub async fn end(&self, end: End) {
        let mut witness = connect(&self.superuser).await;
        match end {
            End::Killed => self.signal_all(Signal::SIGKILL),
            End::Immediate => send(self.postmaster(), Signal::SIGQUIT),
            End::Fast => send(self.postmaster(), Signal::SIGINT),
            End::OneBackend => {
                let backend: i32 = sqlx::query_scalar(
                    "select pid from pg_stat_activity where usename = $1 order by random() limit 1",
                )
                .bind(SERVICE_ROLE)
                .fetch_one(&mut witness)
                .await
                .expect("a backend of the service");
                send(Pid::from_raw(backend), Signal::SIGKILL);
            }
        }
        let deadline = Instant::now() + PATIENCE;
        while sqlx::query("select").execute(&mut witness).await.is_ok() {
            assert!(Instant::now() < deadline, "{end:?}: it goes on");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Tells all processes of the server.
    pub fn signal_all(&self, signal: Signal) {
        signal_server(self.postmaster(), signal);
    }

    /// Tells the sessions of the service.
    pub async fn signal_sessions(&self, signal: Signal) {
        let mut superuser = connect(&self.superuser).await;
        let sessions: Vec<i32> =
            sqlx::query_scalar("select pid from pg_stat_activity where usename = $1")
                .bind(SERVICE_ROLE)
                .fetch_all(&mut superuser)
                .await
                .expect("the sessions");
        assert!(!sessions.is_empty());
        for session in sessions {
            send(Pid::from_raw(session), signal);
        }
    }

    /// Brings the server back on the same port; returns when it took the first connection.
    pub async fn bring_back(&mut self, end: End) -> Instant {
        let superuser = self.superuser.clone();
        let taken = tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            while superuser.connect().await.is_err() {
                assert!(Instant::now() < deadline, "it does not come back");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Instant::now()
        });
        if end != End::OneBackend {
            // The folder is free as soon as the old postmaster is gone.
            drop(self.server.take());
            let deadline = Instant::now() + PATIENCE;
            let server = loop {
                match PrivateServer::start(&self.folder, Durability::Full).await {
                    Ok(server) => break server,
                    Err(error) => assert!(Instant::now() < deadline, "{error}"),
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            assert_eq!(
                server.superuser(DATABASE).get_port(),
                self.superuser.get_port(),
                "another program took the port"
            );
            self.server = Some(server);
        }
        taken.await.expect("it comes back")
    }

    /// What the service's sessions do, when all that were cut off are gone.
    pub async fn settle(&self) {
        let mut superuser = connect(&self.superuser).await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let busy: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity where usename = $1 and state <> 'idle'",
            )
            .bind(SERVICE_ROLE)
            .fetch_one(&mut superuser)
            .await
            .expect("a count");
            if busy == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{busy} sessions stay busy");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn postmaster(&self) -> Pid {
        postmaster(&self.folder)
    }
}

/// The postmaster of the server in a folder.
pub fn postmaster(folder: &Path) -> Pid {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).expect("a pid file");
    let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
    Pid::from_raw(pid.expect("a pid"))
}

/// Tells all processes of a server.
pub fn signal_server(postmaster: Pid, signal: Signal) {
    for process in [postmaster].into_iter().chain(children(postmaster)) {
        send(process, signal);
    }
}

fn send(pid: Pid, signal: Signal) {
    // It may be gone already.
    kill(pid, signal).ok();
}

/// The processes whose parent `pid` is. Where there is no `/proc` none are found; they end by
/// themselves when they miss the postmaster.
fn children(pid: Pid) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|process| {
            let child: i32 = process.file_name().to_str()?.parse().ok()?;
            // "pid (name) state parent …"; a name may hold anything but its last bracket.
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            let (_, rest) = stat.rsplit_once(')')?;
            let parent: i32 = rest.split_whitespace().nth(1)?.parse().ok()?;
            (parent == pid.as_raw()).then(|| Pid::from_raw(child))
        })
        .collect()
}
