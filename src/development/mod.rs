//! Development: the service on a private database, ready without any configuration.
//!
//! Everything it needs lies in `BLOCKYARD_DIR` and stays there between starts: PostgreSQL and its
//! data, and the secret that signs the tokens.

pub mod private_server;

use std::fmt::Write as _;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::config::{Config, Secret};
use crate::db::migrate;
use crate::db::service_role::SERVICE_ROLE;
use crate::owner::enrolment::{self, NewAccount};
use crate::owner::{self, Owner};
use private_server::{DefaultGrants, Durability, PrivateServer};

const DATABASE: &str = "blockyard";
const ADMIN: &str = "admin";
const JWT_SECRET_FILE: &str = "jwt-secret";
/// The folder keeps passwords, so it never belongs into a repository.
const GITIGNORE: &str = "*\n";

/// Why the private database is not ready.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Server(#[from] private_server::Error),
    #[error(transparent)]
    Migration(#[from] migrate::Error),
    #[error("the first administrator could not be made")]
    Admin(#[from] enrolment::Error),
    #[error(transparent)]
    Owner(#[from] owner::Error),
    #[error("{} cannot be used", .path.display())]
    File { path: PathBuf, source: io::Error },
}

/// The private database, running, migrated, with an administrator.
pub struct Development {
    server: PrivateServer,
    password: Option<String>,
}

impl Development {
    /// Starts it, and makes whatever is not there yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(dir: &Path) -> Result<Self, Error> {
        let server = start_server(dir).await?;
        migrate::migrate(&server.owner(DATABASE)).await?;
        server.allow_login(SERVICE_ROLE).await?;
        let mut owner = Owner::connect(&server.owner(DATABASE)).await?;
        let password =
            if owner.has_admin().await? { None } else { Some(create_admin(&mut owner).await?) };
        owner.close().await;
        Ok(Self { server, password })
    }

    /// How the service logs in.
    pub fn login(&self) -> PgConnectOptions {
        self.server.login(SERVICE_ROLE, DATABASE)
    }

    /// What to know about this start. The administrator's password is in it only once: after the
    /// start that has made them.
    pub fn greeting(&self, address: SocketAddr, config: &Config) -> String {
        let dir = &config.blockyard_dir;
        let minutes = config.access_token_seconds / 60;
        let url = format!("http://{address}");
        let mut text = format!(
            "\nThe console: {url}/console (sample data: blockyard demo)\n\
             Blockyard listens on {url} (documentation: {url}/docs).\n\
             Its private PostgreSQL lives in {}; Ctrl-C stops both, the data stay.\n",
            dir.display()
        );
        // Writing to a string does not fail.
        let Some(password) = &self.password else {
            let _ = write!(
                text,
                "Lost the password? Ctrl-C, then give a user another (the first was called {ADMIN}):\n  \
                 printf %s \"$PASSWORD\" | blockyard user password {ADMIN} --password-stdin\n",
            );
            return text;
        };
        let _ = write!(
            text,
            r#"
  username  {ADMIN}
  password  {password}
            (shown this once)

Try:
  TOKEN=$(curl -s {url}/auth/login -H 'Content-Type: application/json' \
    -d '{{"username": "{ADMIN}", "password": "{password}"}}' | sed 's/.*"access_token" *: *"\([^"]*\)".*/\1/')
  curl -s {url}/blocks -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{{"name": "titanic", "block_type": "dataset", "metadata": {{"rows": 891}}}}'; echo
  curl -s {url}/blocks/titanic -H "Authorization: Bearer $TOKEN"; echo

A token ends after {minutes} minutes. An API key, for programs, does not:
  export BLOCKYARD_URL={url} BLOCKYARD_API_KEY=$(curl -s {url}/api-keys -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' -d '{{"name": "my programs", "role": "developer"}}' | sed 's/.*"key" *: *"\([^"]*\)".*/\1/')

With that key, sample data to look at; `blockyard demo --remove` archives them:
  blockyard demo

Next: the tour in README.md (five minutes), programs in examples/, every route at {url}/docs.
Lost the password? Ctrl-C, then: printf %s "$PASSWORD" | blockyard user password {ADMIN} --password-stdin
"#
        );
        text
    }

    /// Stops the database; its data stay.
    ///
    /// # Errors
    /// [`private_server::Error::Stop`].
    pub async fn stop(self) -> Result<(), private_server::Error> {
        self.server.stop().await
    }
}

/// The private server alone, for the owner's commands, and its owner's login.
///
/// # Errors
/// See [`Error`].
pub async fn server_for_owner(dir: &Path) -> Result<(PrivateServer, PgConnectOptions), Error> {
    let server = start_server(dir).await?;
    let login = server.owner(DATABASE);
    Ok((server, login))
}

/// The owner's login where the private server runs already, for another program beside it.
///
/// # Errors
/// See [`Error`].
pub async fn login_beside(dir: &Path) -> Result<Option<PgConnectOptions>, Error> {
    Ok(PrivateServer::owner_of_running(dir, DATABASE).await?)
}

async fn start_server(dir: &Path) -> Result<PrivateServer, Error> {
    protect(dir)?;
    let server = PrivateServer::start(dir, Durability::Full).await?;
    let ignored = dir.join(".gitignore");
    if !ignored.exists() {
        fs::write(&ignored, GITIGNORE).map_err(in_file(&ignored))?;
    }
    // A first start that was interrupted has left no database, or one that is not migrated.
    if server.is_new() || !is_reachable(&server.owner(DATABASE)).await {
        server.create_database(DATABASE, DefaultGrants::Explicit).await?;
    }
    Ok(server)
}

/// Whether the database exists and has its shape: `app` is what comes after that.
async fn is_reachable(owner: &PgConnectOptions) -> bool {
    let outcome = async {
        let mut connection = owner.connect().await?;
        sqlx::query_scalar("select to_regnamespace('app') is not null")
            .fetch_one(&mut connection)
            .await
    };
    outcome.await.unwrap_or(false)
}

async fn create_admin(owner: &mut Owner) -> Result<String, Error> {
    let password = random_text::<18>();
    let admin =
        NewAccount { user_id: None, username: ADMIN, email: "admin@localhost", role: "admin" };
    enrolment::enrol(owner, admin, &password).await?;
    Ok(password)
}

/// Gives the configuration the secret of this folder, unless it has one.
///
/// # Errors
/// [`Error::File`].
pub fn provide_secret(config: &mut Config) -> Result<(), Error> {
    if config.jwt_secret.is_none() {
        protect(&config.blockyard_dir)?;
        config.jwt_secret = Some(secret(&config.blockyard_dir.join(JWT_SECRET_FILE))?);
    }
    Ok(())
}

/// Leaves the files of the folder to their owner, whatever a copy or an archive has made of them: among
/// them are secrets and logs. (PostgreSQL looks after its own folder.)
fn protect(dir: &Path) -> Result<(), Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(in_file(dir)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(in_file(dir))?;
        let metadata = entry.metadata().map_err(in_file(&entry.path()))?;
        let mode = metadata.permissions().mode();
        if metadata.is_file() && mode & 0o077 != 0 {
            fs::set_permissions(entry.path(), Permissions::from_mode(mode & 0o700))
                .map_err(in_file(&entry.path()))?;
        }
    }
    Ok(())
}

/// The secret in a file that only its owner reads; made if it is not there.
fn secret(path: &Path) -> Result<Secret, Error> {
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned().into()),
        Ok(_) => fs::remove_file(path).map_err(in_file(path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(in_file(path)(error)),
    }
    let text = random_text::<48>();
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(in_file(path))?;
    Ok(text.into())
}

fn random_text<const BYTES: usize>() -> String {
    let mut bytes = [0_u8; BYTES];
    rand::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_everybody_could_read_are_their_owners_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let files = [
            (JWT_SECRET_FILE, 0o644),
            ("secret", 0o666),
            ("postgres.log.old", 0o604),
            ("x", 0o755),
        ];
        for (name, mode) in files {
            fs::write(dir.path().join(name), "what was there").expect("a file");
            fs::set_permissions(dir.path().join(name), Permissions::from_mode(mode)).expect("ours");
        }
        fs::create_dir(dir.path().join("data")).expect("a folder");
        let mut config = Config { blockyard_dir: dir.path().to_owned(), ..Config::default() };
        provide_secret(&mut config).expect("a secret");
        assert_eq!(config.jwt_secret.as_deref(), Some("what was there"));
        for (name, mode) in files {
            let metadata = fs::metadata(dir.path().join(name)).expect("a file");
            assert_eq!(metadata.permissions().mode() & 0o777, mode & 0o700, "{name}");
        }
    }
}
