//! The folder of a private server and what lies where in it.
//!
//! ```text
//! lock          held by the running service; names its process
//! secret        the passwords follow from it; mode 0600
//! port          the port of the last start
//! postgres.log  what PostgreSQL said since the last start (postgres.log.old: before)
//! data/         PostgreSQL's own
//! postgresql/   programs that were downloaded, one folder a version
//! elsewhere     a link to the folder where all of this lies instead
//! ```

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use super::account::Account;
use super::error::Error;

/// Where root keeps the data when PostgreSQL's account cannot enter the folder that was asked for.
const ROOTS_PLACE: &str = "/var/lib/blockyard";
/// How much of the log an error message shows.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 15;

/// An existing folder that PostgreSQL's account can enter.
#[derive(Clone, Debug)]
pub(super) struct Home {
    path: PathBuf,
    account: Account,
}

impl Home {
    /// Opens `dir`, creating it if need be.
    ///
    /// If root's PostgreSQL account cannot enter it (a clone in `/root`), everything lies below `/var/lib/blockyard`,
    /// and the link `elsewhere` in `dir` says where, for people and for the next start.
    ///
    /// # Errors
    /// [`Error::OtherOwner`], [`Error::Unreachable`], [`Error::Io`].
    pub fn open(dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::io("creating", dir))?;
        let dir = dir.canonicalize().map_err(Error::io("resolving", dir))?;
        let link = dir.join("elsewhere");
        let home = match fs::read_link(&link) {
            Ok(target) => {
                fs::create_dir_all(&target).map_err(Error::io("creating", &target))?;
                Self::at(&target)?
            }
            Err(_) => Self::at(&dir)?,
        };
        if home.account.can_enter(&home.path) {
            return Ok(home);
        }
        if home.path != dir || home.data().exists() {
            return Err(Error::Unreachable { account: home.account.uid(), home: home.path });
        }
        let place = roots_place(&dir)?;
        symlink(&place, &link).map_err(Error::io("linking", &link))?;
        tracing::info!(
            "PostgreSQL runs as user id {} and cannot enter {}; its data lie in {}",
            home.account.uid(),
            dir.display(),
            place.display()
        );
        let elsewhere = Self::at(&place)?;
        if elsewhere.account.can_enter(&elsewhere.path) {
            Ok(elsewhere)
        } else {
            Err(Error::Unreachable { account: elsewhere.account.uid(), home: elsewhere.path })
        }
    }

    /// The home in an existing folder, if all of it is this user's (or this user is root).
    fn at(folder: &Path) -> Result<Self, Error> {
        let path = folder.canonicalize().map_err(Error::io("resolving", folder))?;
        let me = Uid::effective();
        let parts = [path.clone(), path.join("data"), path.join("secret")];
        let stranger = parts
            .iter()
            .filter_map(|part| fs::symlink_metadata(part).ok())
            .map(|metadata| Uid::from_raw(metadata.uid()))
            .find(|owner| *owner != me);
        match stranger {
            Some(owner) if !me.is_root() => Err(Error::OtherOwner { home: path, owner, me }),
            _ => Ok(Self { account: Account::of(&path.join("data")), path }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub fn secret(&self) -> PathBuf {
        self.path.join("secret")
    }

    pub fn port(&self) -> PathBuf {
        self.path.join("port")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// Where downloaded programs lie, one folder a version.
    pub fn programs(&self) -> PathBuf {
        self.path.join("postgresql")
    }

    /// The major version that wrote the data, if there are data.
    ///
    /// # Errors
    /// [`Error::Io`] if the data directory has no readable `PG_VERSION`.
    pub fn major(&self) -> Result<Option<u32>, Error> {
        if !self.data().exists() {
            return Ok(None);
        }
        let file = self.data().join("PG_VERSION");
        let major = fs::read_to_string(&file)
            .and_then(|text| text.trim().parse().map_err(io::Error::other))
            .map_err(Error::io("reading", &file))?;
        Ok(Some(major))
    }

    /// Begins a new log; the former one stays as `postgres.log.old`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new_log(&self) -> Result<File, Error> {
        let log = self.log();
        if log.exists() {
            let old = self.path.join("postgres.log.old");
            fs::rename(&log, &old).map_err(Error::io("keeping", &log))?;
        }
        File::options()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&log)
            .map_err(Error::io("creating", &log))
    }

    /// The last lines of the log, for an error message; what cannot be read is left out.
    pub fn log_tail(&self) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut log) = File::open(self.log()) {
            let length = log.metadata().map_or(0, |metadata| metadata.len());
            let start = SeekFrom::Start(length.saturating_sub(TAIL_BYTES));
            if log.seek(start).is_ok() && log.read_to_end(&mut bytes).is_err() {
                bytes.clear();
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

/// A new folder for root's data, named after the one that was asked for.
///
/// One that is there already belonged to a folder that has been removed since: it is left alone, so that removing a
/// folder means the same for root as for anybody, a fresh beginning.
fn roots_place(dir: &Path) -> Result<PathBuf, Error> {
    let digest = Sha256::digest(dir.as_os_str().as_encoded_bytes());
    let name = URL_SAFE_NO_PAD.encode(&digest[..12]);
    let parent = Path::new(ROOTS_PLACE);
    fs::create_dir_all(parent).map_err(Error::io("creating", parent))?;
    open_up(parent)?;
    let mut place = parent.join(&name);
    let mut number = 1;
    loop {
        match fs::create_dir(&place) {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += 1;
                place = parent.join(format!("{name}-{number}"));
            }
            Err(error) => return Err(Error::io("creating", &place)(error)),
        }
    }
    open_up(&place)?;
    Ok(place)
}

/// Lets every account through a folder, whatever root's umask is.
fn open_up(folder: &Path) -> Result<(), Error> {
    fs::set_permissions(folder, Permissions::from_mode(0o755))
        .map_err(Error::io("opening up", folder))
}
