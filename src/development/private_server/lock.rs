//! One private server per folder: an exclusive lock that the kernel releases when its holder ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use super::error::Error;

/// A server that is just stopping may hold the lock for a moment; only then is it worth complaining.
const PATIENCE: Duration = Duration::from_millis(1500);
const PAUSE: Duration = Duration::from_millis(20);

/// Holds the folder until dropped.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: Flock<File>,
}

impl FolderLock {
    /// Takes the lock of `home`, in the file `lock`, which then names this process. Blocks for a moment.
    ///
    /// # Errors
    /// [`Error::InUse`] with the process that holds it; [`Error::Io`].
    pub fn take(home: &Path) -> Result<Self, Error> {
        let path = home.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("opening", &path))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut held) => {
                    sign(&mut held).map_err(Error::io("writing", &path))?;
                    return Ok(Self { _file: held });
                }
                Err((mut other, _)) if Instant::now() >= deadline => {
                    let mut holder = String::new();
                    other.read_to_string(&mut holder).map_err(Error::io("reading", &path))?;
                    return Err(Error::InUse {
                        home: home.to_path_buf(),
                        holder: holder.trim().to_owned(),
                    });
                }
                Err((again, _)) => {
                    file = again;
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}

/// Writes who holds the lock.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
