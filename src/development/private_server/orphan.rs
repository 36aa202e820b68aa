//! What a killed service may have left behind: a postmaster that still runs, its backends, a stale `postmaster.pid`.
//!
//! Called with the folder's lock held, so whatever still works on the data has no owner any more.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::Error;

/// How long a postmaster may take to shut down in an orderly way, and then without ceremony.
const ORDERLY: Duration = Duration::from_secs(10);
const ABRUPT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// Sees to it that no process works on the data, and that no pid file says so. Blocks.
///
/// # Errors
/// [`Error::Orphan`] if a process does not go away; [`Error::Io`].
pub(super) fn clear(data: &Path) -> Result<(), Error> {
    let file = data.join("postmaster.pid");
    let postmaster = read_pid(&file);
    if let Some(pid) = postmaster
        && works_on(pid, data)
    {
        tracing::warn!("PostgreSQL process {pid} of a killed service still runs; stopping it");
        end(pid, data)?;
    }
    // The backends of a postmaster that was killed notice by themselves, unless they are busy.
    for pid in strays(data) {
        end(pid, data)?;
    }
    // PostgreSQL removes the file itself if no process has that number. If another program has it now, or the
    // file is torn, it would refuse to start.
    let misleading = match postmaster {
        Some(pid) => kill(pid, None).is_ok(),
        None => true,
    };
    if misleading && file.exists() {
        tracing::warn!("removing {}: its process is gone", file.display());
        fs::remove_file(&file).map_err(Error::io("removing", &file))?;
    }
    Ok(())
}

/// The postmaster that the file names.
fn read_pid(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    (number > 1).then(|| Pid::from_raw(number))
}

/// Stops a process: first in an orderly way, then abruptly (the write-ahead log makes up for it).
fn end(pid: Pid, data: &Path) -> Result<(), Error> {
    for (signal, patience) in [(Signal::SIGINT, ORDERLY), (Signal::SIGQUIT, ABRUPT)] {
        // An error means that it has just gone, or that it is not ours; the loop tells which.
        if let Err(error) = kill(pid, signal) {
            tracing::debug!("{signal} to process {pid}: {error}");
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !works_on(pid, data) {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }
    Err(Error::Orphan { pid, data: data.to_path_buf() })
}

/// Whether a process is a PostgreSQL at work on these data: all of them have the data directory as working directory.
#[cfg(target_os = "linux")]
fn works_on(pid: Pid, data: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == data)
        && fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim() == "postgres")
}

/// Whether a process is the postmaster of these data: its command line names them.
#[cfg(not(target_os = "linux"))]
fn works_on(pid: Pid, data: &Path) -> bool {
    std::process::Command::new("ps")
        .args(["-o", "command=", "-p", &pid.to_string()])
        .output()
        .is_ok_and(|output| {
            let command = String::from_utf8_lossy(&output.stdout).into_owned();
            command.contains("postgres") && command.contains(&*data.to_string_lossy())
        })
}

/// All processes at work on these data.
#[cfg(target_os = "linux")]
fn strays(data: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .filter(|pid| works_on(*pid, data))
        .collect()
}

/// Elsewhere PostgreSQL itself finds them, by its shared memory, and says so in the log.
#[cfg(not(target_os = "linux"))]
fn strays(_: &Path) -> Vec<Pid> {
    Vec::new()
}
