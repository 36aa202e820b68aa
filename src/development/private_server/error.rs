//! What can go wrong with the private server, in words that say what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{Pid, Uid};
use thiserror::Error;

/// Supabase still runs this one; older ones lack what the migrations use.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// How to get PostgreSQL on the machines that people have; ends every message about its absence.
const INSTALL: &str = "\
Install it:
  Debian, Ubuntu   sudo apt install postgresql
  Fedora, RHEL     sudo dnf install postgresql-server
  Alpine           apk add postgresql
  macOS            brew install postgresql@17
or set BLOCKYARD_PG_BIN to the folder that holds `initdb` and `postgres`,
or set DATABASE_URL to use a database that runs elsewhere.";

/// Why the private server could not be started, used or stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing usable on this machine, and downloads were compiled out.
    #[error(
        "no PostgreSQL {minimum} or newer was found on this machine.{rejected}\n{INSTALL}",
        minimum = OLDEST_MAJOR
    )]
    NotInstalled { rejected: String },

    /// Nothing usable on this machine, and the download failed.
    #[error(
        "no PostgreSQL {minimum} or newer was found on this machine, \
         and downloading it failed: {reason}.{rejected}\n{INSTALL}",
        minimum = OLDEST_MAJOR
    )]
    Download { reason: String, rejected: String },

    /// `BLOCKYARD_PG_BIN` is an order, so nothing else is tried.
    #[error("BLOCKYARD_PG_BIN points to {}, which cannot be used: {reason}.\n\
             Set it to the folder that holds `initdb` and `postgres` (`pg_config --bindir` prints it), \
             or unset it to let Blockyard search.", .bin.display())]
    UnusableBin { bin: PathBuf, reason: String },

    /// The data were written by another major version.
    #[error("the data in {} were written by PostgreSQL {major}, which is not on this machine{found}.\n\
             Install PostgreSQL {major}, or delete that folder to begin with an empty database.", .data.display())]
    OtherMajor { data: PathBuf, major: u32, found: String },

    /// Somebody else's server runs in the same folder.
    #[error("the private server in {} is in use by process {holder}.\n\
             Stop that process first (Ctrl-C in its terminal, or `kill {holder}`), \
             or work in another folder.", .home.display())]
    InUse { home: PathBuf, holder: String },

    /// The folder was made by another account.
    #[error("{} belongs to user id {owner}, and this process runs as user id {me}.\n\
             Run Blockyard as that user, or remove the folder (its data are lost): sudo rm -r {}",
             .home.display(), .home.display())]
    OtherOwner { home: PathBuf, owner: Uid, me: Uid },

    /// PostgreSQL refuses root, and the account it runs as cannot reach the data.
    #[error("PostgreSQL does not run as root, and the account it runs as (user id {account}) cannot enter {}.\n\
             Make the folder and those above it enterable for that account (chmod o+x), \
             or work in another folder.", .home.display())]
    Unreachable { home: PathBuf, account: Uid },

    /// The passwords are gone while the data are still there.
    #[error("{} is missing or damaged, and without it nobody can log in to the data beside it.\n\
             Restore that file, or delete the folder {} to begin with an empty database.",
             .file.display(), .file.parent().unwrap_or(.file).display())]
    SecretLost { file: PathBuf },

    /// `initdb` failed.
    #[error("creating a PostgreSQL data directory in {} failed:\n{output}", .data.display())]
    Initdb { data: PathBuf, output: String },

    /// The postmaster ended, or did not become ready.
    #[error("PostgreSQL did not start ({what}). The end of {}:\n{tail}", .log.display())]
    Startup { what: &'static str, log: PathBuf, tail: String },

    /// A process left by a killed service does not go away.
    #[error("PostgreSQL process {pid} of a former start still works on {} and does not stop.\n\
             End it with `kill -QUIT {pid}` and start again.", .data.display())]
    Orphan { pid: Pid, data: PathBuf },

    /// The postmaster did not end in time.
    #[error("PostgreSQL process {pid} does not stop; end it with `kill -QUIT {pid}`")]
    Stop { pid: Pid },

    /// The server refused a statement.
    #[error("{what} on the private server failed")]
    Sql { what: &'static str, source: sqlx::Error },

    /// A file or a process could not be handled.
    #[error("{what} {} failed", .path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    /// Names the deed and the file of an I/O error, for `map_err`.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { what, path, source }
    }

    /// Names the deed of an SQL error, for `map_err`.
    pub(super) fn sql(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Sql { what, source }
    }
}
