//! The TCP port of the private server: the same as last time if it is free.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use super::error::Error;

/// The only address that PostgreSQL listens on.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Chooses a port that is free now: the remembered one, else any. The file then remembers the choice.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn choose(file: &Path) -> Result<u16, Error> {
    let remembered = fs::read_to_string(file)
        .ok()
        .and_then(|text| text.trim().parse::<u16>().ok())
        .filter(|port| *port >= 1024 && is_free(*port));
    if let Some(port) = remembered {
        return Ok(port);
    }
    let port = TcpListener::bind((ADDRESS, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(Error::io("choosing a port for", file))?
        .port();
    fs::write(file, format!("{port}\n")).map_err(Error::io("writing", file))?;
    Ok(port)
}

/// The port of the server that runs.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn remembered(file: &Path) -> Result<u16, Error> {
    fs::read_to_string(file)
        .and_then(|text| text.trim().parse().map_err(std::io::Error::other))
        .map_err(Error::io("reading", file))
}

/// Whether nobody listens on the port at this moment.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((ADDRESS, port)).is_ok()
}
