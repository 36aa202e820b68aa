//! Making a data directory: all of it or none.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use nix::sys::signal::Signal;

use super::binaries::Binaries;
use super::error::Error;
use super::home::Home;
use super::secret::{Secret, write_private};
use super::{Durability, SUPERUSER};

/// The first that this machine has is taken. Supabase sorts by `C.UTF-8`; macOS has that only of late.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// How the names of unfinished data directories begin.
const PARTIAL: &str = "data.partial-";

/// Runs `initdb` under another name and gives the result its own name when it is complete, so that a crash leaves
/// nothing that the next start would trust. Blocks for a second or so.
///
/// # Errors
/// [`Error::Initdb`] with what `initdb` said; [`Error::Io`].
pub(super) fn initialise(
    home: &Home,
    binaries: &Binaries,
    secret: &Secret,
    durability: Durability,
) -> Result<(), Error> {
    tracing::info!(
        "creating a private PostgreSQL {} in {}",
        binaries.version,
        home.path().display()
    );
    // A name of its own, because an `initdb` that outlives its killed service may still write to a former one.
    let partial = home.path().join(format!("{PARTIAL}{:016x}", rand::random::<u64>()));
    let password = home.path().join("data.password");
    let outcome = attempt(home, binaries, secret, durability, &partial, &password);
    // Whatever happened: the password does not stay.
    remove(fs::remove_file(&password), &password)?;
    outcome?;
    fs::rename(&partial, home.data()).map_err(Error::io("renaming", &partial))?;
    if durability == Durability::Full {
        fs::File::open(home.path())
            .and_then(|folder| folder.sync_all())
            .map_err(Error::io("saving", home.path()))?;
    }
    Ok(())
}

fn attempt(
    home: &Home,
    binaries: &Binaries,
    secret: &Secret,
    durability: Durability,
    partial: &Path,
    password: &Path,
) -> Result<(), Error> {
    write_private(password, &secret.password(SUPERUSER))
        .and_then(|()| home.account().own(password))
        .map_err(Error::io("writing", password))?;
    let mut complaint = String::new();
    for locale in LOCALES {
        remove(fs::remove_dir_all(partial), partial)?;
        DirBuilder::new()
            .mode(0o700)
            .create(partial)
            .and_then(|()| home.account().own(partial))
            .map_err(Error::io("creating", partial))?;

        let initdb = binaries.initdb();
        let mut command = home.account().command(&initdb, Signal::SIGKILL);
        command
            .arg("--pgdata")
            .arg(partial)
            .arg("--pwfile")
            .arg(password)
            .args(["--username", SUPERUSER, "--auth", "scram-sha-256"])
            .args(["--encoding", "UTF8", "--locale", locale])
            .args(["--data-checksums", "--no-instructions"])
            .current_dir(home.path());
        if durability == Durability::Relaxed {
            command.arg("--no-sync");
        }
        let output = command.output().map_err(Error::io("running", &initdb))?;
        if output.status.success() {
            return Ok(());
        }
        String::from_utf8_lossy(&output.stderr).trim().clone_into(&mut complaint);
        tracing::debug!("initdb with locale {locale} failed: {complaint}");
    }
    Err(Error::Initdb { data: home.data(), output: complaint })
}

/// Removes what interrupted starts have left. If a program still writes there, the next start has another try.
///
/// # Errors
/// [`Error::Io`] if the home cannot be read.
pub(super) fn sweep(home: &Home) -> Result<(), Error> {
    let entries = fs::read_dir(home.path()).map_err(Error::io("reading", home.path()))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!("removing {}: {error}", entry.path().display());
        }
    }
    Ok(())
}

/// The outcome of removing something that may not be there.
fn remove(outcome: std::io::Result<()>, path: &Path) -> Result<(), Error> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::io("removing", path)(error))
        }
        _ => Ok(()),
    }
}
