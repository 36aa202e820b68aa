//! The operating-system account that PostgreSQL runs as.
//!
//! `initdb` and `postgres` refuse to run as root. As root (a container, mostly) they run as an unprivileged account;
//! as anybody else they run as that user.

use std::env;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, User};

/// What the kernels and distributions call `nobody`, for images that have no such line in `/etc/passwd`.
const NOBODY: u32 = 65534;

/// The environment that PostgreSQL gets; the rest (secrets of the service among it) is not its business.
const PASSED_ON: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The account, and with it the way to run programs as that account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    uid: Uid,
    gid: Gid,
    /// True when this process is root and its children are to be somebody else.
    switch: bool,
}

impl Account {
    /// Chooses the account for a data directory that may not exist yet.
    ///
    /// Root keeps to the owner of existing data, so that a later `apt install postgresql` or a first start by an
    /// ordinary user changes nothing; else it takes the account `postgres`, else `nobody`.
    pub fn of(data: &Path) -> Self {
        if !Uid::effective().is_root() {
            return Self { uid: Uid::effective(), gid: Gid::effective(), switch: false };
        }
        let (uid, gid) = owner(data)
            .or_else(|| named("postgres"))
            .or_else(|| named("nobody"))
            .unwrap_or((Uid::from_raw(NOBODY), Gid::from_raw(NOBODY)));
        Self { uid, gid, switch: true }
    }

    pub fn uid(&self) -> Uid {
        self.uid
    }

    /// A command that runs as this account, without input and with a bare environment.
    ///
    /// Where the kernel can do it (Linux), the child gets `farewell` when the **thread** that spawned it ends:
    /// whoever spawns it must stay on that thread for as long as the child is to live.
    pub fn command(&self, program: &Path, farewell: Signal) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).env_clear().env("LC_ALL", "C");
        for name in PASSED_ON {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.switch {
            // The standard library clears the supplementary groups when root sets a user id.
            command.gid(self.gid.as_raw()).uid(self.uid.as_raw());
        }
        follow_parent(&mut command, farewell);
        command
    }

    /// Whether this account can enter a folder: tried, because mode bits do not tell of ACLs and mounts.
    pub fn can_enter(&self, folder: &Path) -> bool {
        if !self.switch {
            return true;
        }
        self.command(Path::new("/bin/sh"), Signal::SIGKILL)
            .args(["-c", ":"])
            .current_dir(folder)
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Makes this account the owner of a file or folder. Never follows a symbolic link.
    ///
    /// # Errors
    /// What the system says to `lchown`.
    pub fn own(&self, path: &Path) -> io::Result<()> {
        if self.switch {
            std::os::unix::fs::lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))?;
        }
        Ok(())
    }
}

/// The owner of existing data, unless that is root.
fn owner(data: &Path) -> Option<(Uid, Gid)> {
    let metadata = data.symlink_metadata().ok()?;
    let owner = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
    (!owner.0.is_root()).then_some(owner)
}

fn named(name: &str) -> Option<(Uid, Gid)> {
    let user = User::from_name(name).ok()??;
    (!user.uid.is_root()).then_some((user.uid, user.gid))
}

/// Has the kernel send `farewell` to the child when its parent thread ends, however that happens.
#[cfg(target_os = "linux")]
fn follow_parent(command: &mut Command, farewell: Signal) {
    use nix::errno::Errno;
    use nix::sys::prctl;
    use nix::unistd::{getpid, getppid};

    let parent = getpid();
    let ask = move || {
        // Changing the user id would clear this; the standard library runs this closure after it has done that.
        prctl::set_pdeathsig(farewell)?;
        // The parent may have died before we asked: then nobody would tell us any more.
        if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
    };
    #[expect(unsafe_code, reason = "there is no safe way to ask for a signal in the child")]
    // SAFETY: between fork and exec only async-signal-safe functions may run. This closure makes two system calls
    // (`prctl`, `getppid`) and allocates nothing.
    unsafe {
        command.pre_exec(ask);
    }
}

/// Elsewhere an orphan is stopped by the next start (see `orphan`).
#[cfg(not(target_os = "linux"))]
fn follow_parent(_: &mut Command, _: Signal) {}
