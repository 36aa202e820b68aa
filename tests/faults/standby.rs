//! A streaming replica of a [`Cluster`], to be held up, stopped and promoted.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::cluster::{Cluster, postmaster, signal_server};
use crate::support::{connect, folder};

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Standby {
    folder: PathBuf,
    superuser: PgConnectOptions,
    primary: PgConnectOptions,
    service: PgConnectOptions,
    _undertaker: Child,
}

impl Standby {
    pub async fn of(cluster: &Cluster) -> Self {
        let (folder, undertaker) = folder();
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = free.expect("a free port").port();
        let standby = Self {
            folder,
            superuser: cluster.superuser().clone().port(port),
            primary: cluster.superuser().clone(),
            service: cluster.service().clone().port(port),
            _undertaker: undertaker,
        };
        // libpq does not know the parameters of sqlx.
        let mut source = cluster.superuser().to_url_lossy();
        source.set_query(None);
        standby.run("standby", &[source.as_str()]);
        standby.start();
        standby.until_level().await;
        standby
    }

    /// How the service logs in to it.
    pub fn service(&self) -> &PgConnectOptions {
        &self.service
    }

    pub fn url(&self) -> String {
        self.service.to_url_lossy().to_string()
    }

    /// Starts it (again), at the same address.
    pub fn start(&self) {
        // Not fewer connections than the primary has.
        self.run("start", &[&self.superuser.get_port().to_string(), "max_connections=200"]);
    }

    pub fn stop(&self) {
        self.run("stop", &["immediate"]);
    }

    /// Freezes all of it, or lets it go on.
    pub fn signal(&self, signal: Signal) {
        signal_server(postmaster(&self.folder), signal);
    }

    pub async fn tell(&self, statement: &'static str) {
        let mut superuser = connect(&self.superuser).await;
        sqlx::raw_sql(statement).execute(&mut superuser).await.expect("a standby that obeys");
        superuser.close().await.expect("the end of it");
    }

    /// From now on it has nothing new.
    pub async fn hold_up(&self) {
        self.tell("select pg_wal_replay_pause()").await;
        self.until("select pg_get_wal_replay_pause_state() = 'paused'").await;
    }

    /// It catches up, and goes on.
    pub async fn go_on(&self) {
        self.tell("select pg_wal_replay_resume()").await;
        self.until_level().await;
    }

    pub async fn promote(&self) {
        self.tell("select pg_promote()").await;
        self.until("select not pg_is_in_recovery()").await;
    }

    /// Waits until it has all that the primary has now.
    pub async fn until_level(&self) {
        let mut primary = connect(&self.primary).await;
        let position: String = sqlx::query_scalar("select pg_current_wal_flush_lsn()::text")
            .fetch_one(&mut primary)
            .await
            .expect("a position");
        self.until(&format!("select pg_last_wal_replay_lsn() >= '{position}'")).await;
    }

    async fn until(&self, question: &str) {
        let mut superuser = connect(&self.superuser).await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let question = sqlx::AssertSqlSafe(question.to_owned());
            let is_so: Option<bool> =
                sqlx::query_scalar(question).fetch_one(&mut superuser).await.expect("an answer");
            if is_so == Some(true) {
                return;
            }
            assert!(Instant::now() < deadline, "never true of the standby");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn run(&self, command: &str, arguments: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/postgres");
        let output = Command::new(script)
            .arg(command)
            .arg(&self.folder)
            .args(arguments)
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
