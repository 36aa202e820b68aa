//! Behind a real PgBouncer, where there is one.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use blockyard::db::pooler::{Pooling, probe};
use nix::unistd::{Uid, User};
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use super::support::Database;
use super::{Program, SECRET};

/// A PgBouncer in front of one database, which ends with this value.
struct Bouncer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Bouncer {
    /// `None`, with a line that says so, where PgBouncer is not installed.
    fn start(database: &PgConnectOptions, mode: &str) -> Option<Self> {
        let Some(program) = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .iter()
            .find(|path| Path::new(path).exists())
        else {
            println!("skipped: PgBouncer is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().port();
        let url = url::Url::parse(&Database::url(database)).unwrap();
        // The private server's passwords have no other character that a URL escapes.
        let password = url.password().unwrap();
        let password = password.replace("%2D", "-").replace("%5F", "_");
        let config = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={} password={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {mode}\nignore_startup_parameters = extra_float_digits\n",
            database.get_port(),
            database.get_username(),
            password
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(program);
        command.arg(&config).stderr(Stdio::null());
        if Uid::effective().is_root() {
            // PgBouncer refuses root as well.
            let nobody = User::from_name("nobody").unwrap().unwrap();
            command.uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw());
        }
        let process = command.spawn().unwrap();
        let bouncer = Self { process, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "PgBouncer does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(bouncer)
    }

    fn login(&self, through: PgConnectOptions) -> PgConnectOptions {
        through.port(self.port)
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test]
async fn without_a_pooler_there_is_none() {
    let database = Database::new().await;
    assert_eq!(probe(&database.owner()).await.unwrap(), Pooling::Session);
}

#[tokio::test]
async fn a_session_pooler_is_as_good_as_none() {
    let database = Database::new().await;
    let Some(bouncer) = Bouncer::start(&database.owner(), "session") else {
        return;
    };
    let login = bouncer.login(database.owner());
    assert_eq!(probe(&login).await.unwrap(), Pooling::Session);
    Program::new().with("MIGRATE_DATABASE_URL", Database::url(&login)).run(&["migrate"]).succeeds();
}

#[tokio::test]
async fn a_transaction_pooler_is_found_and_refused() {
    let database = Database::new().await;
    let Some(bouncer) = Bouncer::start(&database.owner(), "transaction") else {
        return;
    };
    let login = bouncer.login(database.owner());
    assert!(matches!(probe(&login).await.unwrap(), Pooling::Transaction { .. }));
    Program::new()
        .with("MIGRATE_DATABASE_URL", Database::url(&login))
        .run(&["migrate"])
        .refuses(&["transaction pooler", "5432"]);

    if probe(&login).await.unwrap() == (Pooling::Transaction { carries_statements: true }) {
        println!("skipped: this PgBouncer carries prepared statements along");
        return;
    }
    let Some(bouncer) = Bouncer::start(&database.service(), "transaction") else {
        return;
    };
    Program::new()
        .with("DATABASE_URL", Database::url(&bouncer.login(database.service())))
        .with("JWT_SECRET", SECRET)
        .with("HOST", "127.0.0.1")
        .with("PORT", "0")
        .run(&["serve"])
        .refuses(&["transaction pooler", "prepared statements", "5432"]);
}
