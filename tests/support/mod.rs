//! A database of its own for every test.
//!
//! The first test of a process starts a private server in a temporary folder and migrates a template; a test's
//! database is a copy of that (some 45 ms). The server ends and its folder goes with the process, however it ends.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod people;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use blockyard::development::private_server::{DefaultGrants, Durability, PrivateServer};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::OnceCell;

/// The migrated copy of a template that belongs to one test. Dropping it removes the database.
pub struct Database {
    server: &'static Server,
    name: String,
}

impl Database {
    /// A migrated database on a project with open default grants: the kind on which a forgotten REVOKE shows.
    pub async fn new() -> Self {
        Self::with(DefaultGrants::Legacy).await
    }

    /// A migrated database on the kind of project that is meant.
    pub async fn with(grants: DefaultGrants) -> Self {
        let server = Server::running().await;
        let template = server.template(grants).await;
        let name = server.new_name();
        server.postgres.clone_database(template, &name).await.expect("a copy of the template");
        Self { server, name }
    }

    /// A database as a fresh project has it, before the first migration.
    pub async fn unmigrated(grants: DefaultGrants) -> Self {
        let server = Server::running().await;
        let name = server.new_name();
        server.postgres.create_database(&name, grants).await.expect("a new database");
        Self { server, name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to log in as `postgres`, which owns everything and is no superuser.
    pub fn owner(&self) -> PgConnectOptions {
        self.server.postgres.owner(&self.name)
    }

    /// How to log in as `supabase_admin`.
    pub fn superuser(&self) -> PgConnectOptions {
        self.server.postgres.superuser(&self.name)
    }

    /// How to log in as a role: `blockyard_api`, which may, or another after [`Database::allow_login`].
    pub fn login(&self, role: &str) -> PgConnectOptions {
        self.server.postgres.login(role, &self.name)
    }

    /// What the service logs in with.
    pub fn service(&self) -> PgConnectOptions {
        self.login("blockyard_api")
    }

    pub async fn allow_login(&self, role: &str) {
        self.server.postgres.allow_login(role).await.expect("a role that exists");
    }

    /// The same as a URL, for what is configured with one.
    pub fn url(options: &PgConnectOptions) -> String {
        options.to_url_lossy().to_string()
    }

    /// A connection as `postgres`.
    pub async fn connect(&self) -> PgConnection {
        connect(&self.owner()).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // An error means that the process is ending, and the whole server with it.
        self.server.unwanted.send(self.name.clone()).ok();
    }
}

pub async fn connect(options: &PgConnectOptions) -> PgConnection {
    options.connect().await.expect("a connection")
}

struct Server {
    postgres: PrivateServer,
    legacy: OnceCell<&'static str>,
    explicit: OnceCell<&'static str>,
    databases: AtomicU32,
    unwanted: mpsc::Sender<String>,
    /// Removes the folder when this process is gone.
    _undertaker: Child,
}

impl Server {
    async fn running() -> &'static Self {
        static SERVER: OnceCell<Server> = OnceCell::const_new();
        SERVER.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let (folder, undertaker) = folder();
        let postgres =
            PrivateServer::start(&folder, Durability::Relaxed).await.expect("a private server");
        Self {
            postgres,
            legacy: OnceCell::new(),
            explicit: OnceCell::new(),
            databases: AtomicU32::new(0),
            unwanted: sweeper(),
            _undertaker: undertaker,
        }
    }

    fn new_name(&self) -> String {
        format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed))
    }

    async fn template(&self, grants: DefaultGrants) -> &'static str {
        let (cell, name) = match grants {
            DefaultGrants::Legacy => (&self.legacy, "template_legacy"),
            DefaultGrants::Explicit => (&self.explicit, "template_explicit"),
        };
        cell.get_or_init(async || {
            self.postgres.create_database(name, grants).await.expect("a template");
            // Where the programs have pgvector, so have all databases, as a Supabase project's would.
            let mut administrator = connect(&self.postgres.superuser(name)).await;
            let has_pgvector =
                "select exists (select from pg_available_extensions where name = 'vector')";
            if sqlx::query_scalar(has_pgvector).fetch_one(&mut administrator).await.expect("a list")
            {
                sqlx::raw_sql("create extension vector schema extensions")
                    .execute(&mut administrator)
                    .await
                    .expect("pgvector");
            }
            administrator.close().await.expect("nobody in the template");
            let mut owner = connect(&self.postgres.owner(name)).await;
            sqlx::migrate!("./migrations").run(&mut owner).await.expect("the migrations");
            owner.close().await.expect("nobody in the template");
            self.postgres.allow_login("blockyard_api").await.expect("the service's role");
            name
        })
        .await
    }
}

/// A folder for a PostgreSQL, and the process that stops that and removes the folder when its handle is dropped.
pub fn folder() -> (PathBuf, Child) {
    let folder = tempfile::Builder::new()
        .prefix("blockyard-test-")
        .tempdir()
        .expect("a temporary folder")
        .keep();
    let undertaker = undertaker(&folder);
    // Root's PostgreSQL runs as another account, which must be able to enter.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))
        .expect("the temporary folder is ours");
    (folder, undertaker)
}

/// Drops databases away from the tests, which need not wait for it.
fn sweeper() -> mpsc::Sender<String> {
    let (unwanted, names) = mpsc::channel::<String>();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = Server::running().await;
            for name in names {
                // It stays then, until the folder goes.
                server.postgres.drop_database(&name).await.ok();
            }
        });
    });
    unwanted
}

/// A process that waits until this one is gone, whatever ended it, and removes the folder then. It hears of that by
/// the end of its input, since nobody else holds the other side of the pipe.
fn undertaker(folder: &Path) -> Child {
    const LAST_RITES: &str = r#"
        cat >/dev/null
        kill -QUIT "$(head -n 1 "$0/data/postmaster.pid")"
        for second in 1 2 3 4 5; do
            rm -rf "$0" && break
            sleep 1
        done"#;
    Command::new("sh")
        .arg("-c")
        .arg(LAST_RITES)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Not stopped by the Ctrl-C that stops the tests.
        .process_group(0)
        .spawn()
        .expect("a shell")
}
