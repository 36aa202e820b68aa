//! Finding PostgreSQL's programs on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;

use super::account::Account;
use super::error::{Error, OLDEST_MAJOR};
use super::home::Home;

/// A folder with programs that somebody chose; nothing else is tried then.
const CHOSEN: &str = "BLOCKYARD_PG_BIN";

/// Where packages put the programs: parent folder, beginning of the version's folder, path below it.
const PACKAGES: [(&str, &str, &str); 12] = [
    ("/usr/lib/postgresql", "", "bin"),         // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                  // PostgreSQL's own packages for Red Hat
    ("/usr/lib", "postgresql", "bin"),          // openSUSE
    ("/usr/lib64", "postgresql-", "bin"),       // Gentoo
    ("/usr/libexec", "postgresql", ""),         // Alpine
    ("/opt/homebrew/opt", "postgresql", "bin"), // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql", "bin"),    // Homebrew on Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"), // Homebrew on Linux
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/Library/PostgreSQL", "", "bin"),      // EDB's installer
    ("/opt/local/lib", "postgresql", "bin"), // MacPorts
    ("/usr/local", "pgsql", "bin"),          // built from source
];

/// A folder with `initdb` and `postgres` that this machine and account can run.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    pub bin: PathBuf,
    pub version: Version,
}

/// A version of PostgreSQL, ordered by age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub major: u32,
    minor: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a search has found.
pub(super) enum Search {
    Found(Binaries),
    /// Nothing fits; what was found and why it does not fit, for the error message.
    Nothing {
        rejected: String,
    },
}

impl Binaries {
    /// The newest programs of this machine, of exactly the major version of the data if there are data.
    ///
    /// # Errors
    /// [`Error::UnusableBin`] and [`Error::OtherMajor`] if `BLOCKYARD_PG_BIN` is set and does not fit;
    /// [`Error::Io`] if the data have no version.
    pub fn search(home: &Home) -> Result<Search, Error> {
        let wanted = home.major()?;
        if let Some(bin) = env::var_os(CHOSEN).filter(|bin| !bin.is_empty()) {
            return Self::chosen(PathBuf::from(bin), home, wanted).map(Search::Found);
        }
        let mut usable = Vec::new();
        let mut rejected = String::new();
        for bin in candidates(home) {
            match inspect(&bin, home.account()) {
                Ok(binaries) if wanted.is_none_or(|major| major == binaries.version.major) => {
                    usable.push(binaries);
                }
                Ok(Self { bin, version }) => {
                    rejected.push_str(&not_used(&bin, &format!("version {version}")));
                }
                Err(reason) => rejected.push_str(&not_used(&bin, &reason)),
            }
        }
        let newest = usable.into_iter().max_by(|a, b| a.version.cmp(&b.version));
        Ok(newest.map_or(Search::Nothing { rejected }, Search::Found))
    }

    fn chosen(bin: PathBuf, home: &Home, wanted: Option<u32>) -> Result<Self, Error> {
        let binaries =
            inspect(&bin, home.account()).map_err(|reason| Error::UnusableBin { bin, reason })?;
        match wanted {
            Some(major) if major != binaries.version.major => Err(Error::OtherMajor {
                data: home.data(),
                major,
                found: format!(
                    " in BLOCKYARD_PG_BIN ({} is version {})",
                    binaries.bin.display(),
                    binaries.version
                ),
            }),
            _ => Ok(binaries),
        }
    }

    pub fn initdb(&self) -> PathBuf {
        self.bin.join("initdb")
    }

    pub fn postgres(&self) -> PathBuf {
        self.bin.join("postgres")
    }
}

/// Every folder of this machine that has a `postgres`, each once.
fn candidates(home: &Home) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    folders.extend(pg_config());
    for (parent, beginning, below) in PACKAGES {
        folders.extend(versions(Path::new(parent), beginning, below));
    }
    folders.extend(versions(&home.programs(), "", "bin"));

    let mut found = Vec::new();
    for folder in folders {
        if folder.join("postgres").exists()
            && let Ok(folder) = folder.canonicalize()
            && !found.contains(&folder)
        {
            found.push(folder);
        }
    }
    found
}

/// Where `pg_config` says that the programs are, if there is one.
fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let bindir = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| bindir.trim().into())
}

/// `parent/<beginning>*/below`
fn versions(parent: &Path, beginning: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(beginning))
        .map(|entry| entry.path().join(below))
        .collect()
}

/// Looks whether the programs in a folder can be used by the account, or says why not.
pub(super) fn inspect(bin: &Path, account: &Account) -> Result<Binaries, String> {
    for program in ["initdb", "postgres"] {
        if !bin.join(program).is_file() {
            return Err(format!("there is no `{program}` in it"));
        }
    }
    let output =
        account.command(&bin.join("postgres"), Signal::SIGKILL).arg("--version").output().map_err(
            |error| format!("`postgres` does not run as user id {}: {error}", account.uid()),
        )?;
    let answer = String::from_utf8_lossy(&output.stdout);
    let version = parse(&answer).ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!("`postgres --version` says {:?}", format!("{answer}{complaint}").trim())
    })?;
    if version.major < OLDEST_MAJOR {
        return Err(format!(
            "it is version {version}, and {OLDEST_MAJOR} is the oldest that will do"
        ));
    }
    Ok(Binaries { bin: bin.to_path_buf(), version })
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `17beta1`, `18devel`.
fn parse(answer: &str) -> Option<Version> {
    let word = answer.split("(PostgreSQL) ").nth(1)?.split_whitespace().next()?;
    let mut numbers = word.split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let released = word.contains('.');
    let minor = numbers.next().filter(|_| released).and_then(|n| n.parse().ok());
    Some(Version { major, minor: minor.unwrap_or(0) })
}

/// A line for whoever wonders why a PostgreSQL that is there is not good enough.
fn not_used(bin: &Path, reason: &str) -> String {
    format!("\nNot used: {} ({reason})", bin.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_postgres_prints_them() {
        let read = |text| parse(text).map(|version| (version.major, version.minor));
        assert_eq!(read("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some((15, 18)));
        assert_eq!(read("postgres (PostgreSQL) 17.6"), Some((17, 6)));
        assert_eq!(read("postgres (PostgreSQL) 18beta2"), Some((18, 0)));
        assert_eq!(read("postgres (PostgreSQL) 19devel"), Some((19, 0)));
        assert_eq!(read("Segmentation fault"), None);
    }

    #[test]
    fn newer_versions_come_last() {
        let version = |major, minor| Version { major, minor };
        assert!(version(15, 18) < version(17, 2));
        assert!(version(17, 2) < version(17, 10));
    }
}
