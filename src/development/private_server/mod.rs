//! A private PostgreSQL shaped like a Supabase project, for `cargo run` without configuration and for the tests.
//!
//! It lives in one folder (see `home.rs`), listens on the loopback only, and lets nobody in without a password that
//! only the folder's owner can read. It runs as long as its [`PrivateServer`]; its data stay. Its start copes with
//! whatever a `kill -9` has left.

mod account;
mod binaries;
mod bootstrap;
mod cluster;
mod error;
#[cfg(feature = "fetch-postgres")]
mod fetch;
mod home;
mod lock;
mod orphan;
mod port;
mod postmaster;
mod secret;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use binaries::{Binaries, Search};
pub use error::Error;
use home::Home;
use lock::FolderLock;
pub use postmaster::Durability;
use postmaster::Postmaster;
use secret::Secret;

/// The bootstrap superuser, as on Supabase.
const SUPERUSER: &str = "supabase_admin";
/// The role that owns the databases and runs the migrations. No superuser.
const OWNER: &str = "postgres";
/// The login of Supabase's REST API.
const AUTHENTICATOR: &str = "authenticator";
/// The database that every server has; commands that concern the server go there.
const MAINTENANCE: &str = "postgres";
/// Another program may take the port between our choice and PostgreSQL's start.
const PORT_ATTEMPTS: u32 = 5;

/// What new objects in schema `public` grant to `anon`, `authenticated` and `service_role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultGrants {
    /// Everything, as on projects made before 2026-05-30.
    Legacy,
    /// Nothing that Supabase's REST API uses, as on projects made since.
    Explicit,
}

/// A running private server. [`PrivateServer::stop`] waits for its orderly end; dropping it only asks for that.
pub struct PrivateServer {
    postmaster: Postmaster,
    port: u16,
    secret: Secret,
    is_new: bool,
}

impl PrivateServer {
    /// Starts the server of `dir` (`.blockyard/`), which is created and initialised on first use.
    ///
    /// As root PostgreSQL runs as an unprivileged account; where that cannot enter `dir`, everything lies below
    /// `/var/lib/blockyard` and a link in `dir` says where. A test that removes its folder makes it enterable first.
    ///
    /// # Errors
    /// See [`Error`]: no usable PostgreSQL, a folder in use or out of reach, a server that does not come up.
    pub async fn start(dir: &Path, durability: Durability) -> Result<Self, Error> {
        let dir = dir.to_path_buf();
        let (home, lock, search) = blocking(move || {
            let home = Home::open(&dir)?;
            let lock = FolderLock::take(home.path())?;
            let search = Binaries::search(&home)?;
            Ok((home, lock, search))
        })
        .await?;
        let binaries = match search {
            Search::Found(binaries) => binaries,
            Search::Nothing { rejected } => elsewhere(&home, rejected).await?,
        };
        let (home, binaries, secret, is_new) = blocking(move || {
            cluster::sweep(&home)?;
            let is_new = !home.data().exists();
            let secret = Secret::open(&home.secret(), !is_new)?;
            if is_new {
                cluster::initialise(&home, &binaries, &secret, durability)?;
            } else {
                orphan::clear(&home.data())?;
            }
            Ok((home, binaries, secret, is_new))
        })
        .await?;
        let (postmaster, port) = launch(&home, &binaries, durability, Arc::new(lock)).await?;
        let server = Self { postmaster, port, secret, is_new };
        server.admit().await?;
        Ok(server)
    }

    /// How the owner logs in to the server of `dir` that another process has started; `None` if none runs.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::SecretLost`].
    pub async fn owner_of_running(
        dir: &Path,
        database: &str,
    ) -> Result<Option<PgConnectOptions>, Error> {
        let dir = dir.to_path_buf();
        let running = blocking(move || {
            let home = Home::open(&dir)?;
            match FolderLock::take(home.path()) {
                Ok(_) => Ok(None),
                Err(Error::InUse { .. }) => {
                    let port = port::remembered(&home.port())?;
                    Ok(Some((port, Secret::open(&home.secret(), true)?)))
                }
                Err(error) => Err(error),
            }
        })
        .await?;
        Ok(running.map(|(port, secret)| credentials(port, &secret, OWNER, database)))
    }

    /// PostgreSQL's own programs that belong to the server of `dir`, if they are on this machine.
    ///
    /// # Errors
    /// As [`PrivateServer::start`].
    pub async fn programs(dir: &Path) -> Result<Option<PathBuf>, Error> {
        let dir = dir.to_path_buf();
        let search = blocking(move || Binaries::search(&Home::open(&dir)?)).await?;
        Ok(match search {
            Search::Found(binaries) => Some(binaries.bin),
            Search::Nothing { .. } => None,
        })
    }

    /// Whether this start has made the data directory.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// How to log in as `supabase_admin`, the superuser.
    pub fn superuser(&self, database: &str) -> PgConnectOptions {
        self.login(SUPERUSER, database)
    }

    /// How to log in as `postgres`, which owns the databases, bypasses RLS and is no superuser: the migrations' login.
    pub fn owner(&self, database: &str) -> PgConnectOptions {
        self.login(OWNER, database)
    }

    /// How to log in as any role that has been let in with [`PrivateServer::allow_login`]; `postgres` and
    /// `authenticator` have been. `ConnectOptions::to_url_lossy` makes a URL of it.
    pub fn login(&self, role: &str, database: &str) -> PgConnectOptions {
        credentials(self.port, &self.secret, role, database)
    }

    /// Lets a role that exists (`blockyard_api`, after the migrations) log in, as [`PrivateServer::login`] does.
    ///
    /// # Errors
    /// [`Error::Sql`], if there is no such role.
    pub async fn allow_login(&self, role: &str) -> Result<(), Error> {
        let password = self.secret.password(role);
        let command = "alter role %I with login password %L";
        self.command("allowing a login", command, &[role, &password]).await
    }

    /// Makes a database shaped like a fresh Supabase project, owned by `postgres`. If there is one of that name, its
    /// shape is completed, so a start that was interrupted can be repeated.
    ///
    /// # Errors
    /// [`Error::Sql`].
    pub async fn create_database(&self, name: &str, grants: DefaultGrants) -> Result<(), Error> {
        const WHAT: &str = "creating a database";
        let mut server = self.connect(MAINTENANCE, WHAT).await?;
        let exists: bool =
            sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
                .bind(name)
                .fetch_one(&mut server)
                .await
                .map_err(Error::sql(WHAT))?;
        if !exists {
            let command = "create database %I with owner %I template template0";
            bootstrap::execute(&mut server, command, &[name, OWNER])
                .await
                .map_err(Error::sql(WHAT))?;
        }
        close(server).await;
        let mut database = self.connect(name, WHAT).await?;
        bootstrap::database(&mut database, grants).await.map_err(Error::sql(WHAT))?;
        close(database).await;
        Ok(())
    }

    /// Copies a database to which nobody is connected: the quick way to a fresh, migrated one for each test.
    ///
    /// # Errors
    /// [`Error::Sql`], if the template does not exist or is in use, or the name is taken.
    pub async fn clone_database(&self, template: &str, name: &str) -> Result<(), Error> {
        let command = "create database %I with owner %I template %I";
        self.command("copying a database", command, &[name, OWNER, template]).await
    }

    /// Removes a database, if it is there, and ends the sessions in it.
    ///
    /// # Errors
    /// [`Error::Sql`].
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        let command = "drop database if exists %I with (force)";
        self.command("removing a database", command, &[name]).await
    }

    /// Ends all sessions and stops the server; the data stay. When this returns, the folder is free again.
    ///
    /// # Errors
    /// [`Error::Stop`].
    pub async fn stop(self) -> Result<(), Error> {
        self.postmaster.stop().await
    }

    /// Makes the roles of a project, and lets in those that the service and its tests log in as.
    async fn admit(&self) -> Result<(), Error> {
        const WHAT: &str = "creating the roles";
        let mut server = self.connect(MAINTENANCE, WHAT).await?;
        bootstrap::roles(&mut server).await.map_err(Error::sql(WHAT))?;
        let strangers: Vec<String> = sqlx::query_scalar(
            "select rolname::text from pg_authid where rolname = any ($1) and rolpassword is null",
        )
        .bind(&[OWNER, AUTHENTICATOR][..])
        .fetch_all(&mut server)
        .await
        .map_err(Error::sql(WHAT))?;
        close(server).await;
        for role in strangers {
            self.allow_login(&role).await?;
        }
        Ok(())
    }

    async fn command(
        &self,
        what: &'static str,
        command: &'static str,
        words: &[&str],
    ) -> Result<(), Error> {
        let mut server = self.connect(MAINTENANCE, what).await?;
        bootstrap::execute(&mut server, command, words).await.map_err(Error::sql(what))?;
        close(server).await;
        Ok(())
    }

    async fn connect(&self, database: &str, what: &'static str) -> Result<PgConnection, Error> {
        self.superuser(database).connect().await.map_err(Error::sql(what))
    }
}

fn credentials(port: u16, secret: &Secret, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&port::ADDRESS.to_string())
        .port(port)
        .ssl_mode(PgSslMode::Disable)
        .username(role)
        .password(&secret.password(role))
        .database(database)
}

/// Says goodbye to the server, so that the database is free for whoever copies it next.
async fn close(connection: PgConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!("closing a connection: {error}");
    }
}

/// Starts PostgreSQL on a free port, and on another one if that was taken meanwhile.
async fn launch(
    home: &Home,
    binaries: &Binaries,
    durability: Durability,
    lock: Arc<FolderLock>,
) -> Result<(Postmaster, u16), Error> {
    let mut attempt = 1;
    loop {
        let port = port::choose(&home.port())?;
        let postmaster =
            Postmaster::launch(home, binaries, port, durability, Arc::clone(&lock)).await?;
        match postmaster.ready(home).await {
            Ok(()) => return Ok((postmaster, port)),
            Err(_) if attempt < PORT_ATTEMPTS && !port::is_free(port) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// PostgreSQL from somewhere else than this machine.
#[cfg(feature = "fetch-postgres")]
async fn elsewhere(home: &Home, rejected: String) -> Result<Binaries, Error> {
    let major = home.major()?;
    fetch::fetch(home, major).await.map_err(|reason| match major {
        Some(major) => other_major(home, major, format!(" ({reason}){rejected}")),
        None => Error::Download { reason, rejected },
    })
}

/// PostgreSQL from somewhere else than this machine: not in this build.
#[cfg(not(feature = "fetch-postgres"))]
async fn elsewhere(home: &Home, rejected: String) -> Result<Binaries, Error> {
    Err(match home.major()? {
        Some(major) => other_major(home, major, rejected),
        None => Error::NotInstalled { rejected },
    })
}

fn other_major(home: &Home, major: u32, found: String) -> Error {
    Error::OtherMajor { data: home.data(), major, found }
}

/// Runs what waits for files and processes away from the threads that serve others.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(Error::Io {
                what: "waiting for",
                path: "the start of PostgreSQL".into(),
                source: std::io::Error::other(cancelled),
            }),
        },
    }
}
