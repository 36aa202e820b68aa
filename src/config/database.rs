//! From a URL to a login that nobody on the way can overhear or answer in the server's place.

use std::net::IpAddr;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::database_url;
use super::fault::Fault;
use super::files;

/// The file that `DATABASE_URL_FILE` (or another variable) names, to be read again when the password in it has been changed.
#[derive(Debug, Clone)]
pub struct LoginFile {
    variable: &'static str,
    path: String,
    authority: Option<String>,
    may_be_insecure: bool,
}

impl LoginFile {
    pub(super) fn new(
        variable: &'static str,
        path: String,
        authority: Option<String>,
        may_be_insecure: bool,
    ) -> Self {
        Self { variable, path, authority, may_be_insecure }
    }

    /// The variable that names it.
    pub fn name(&self) -> String {
        format!("{}_FILE", self.variable)
    }

    /// The login that stands there now. Waits for the disk.
    ///
    /// # Errors
    /// When the file cannot be read, or is no login any more.
    pub fn read(&self) -> Result<PgConnectOptions, Fault> {
        let url = files::content(&self.name(), &self.path)?;
        login(self.variable, &url, self.authority.as_deref(), self.may_be_insecure)
    }
}

/// The login that `url` describes.
///
/// Off this machine the server must prove who it is (`sslmode=verify-full`): the weaker modes
/// send the password to whoever answers. A URL that names no mode gets that one.
///
/// # Errors
/// A fault of `variable`, which never shows the URL: there is a password in it.
pub(super) fn login(
    variable: &'static str,
    url: &str,
    authority: Option<&str>,
    may_be_insecure: bool,
) -> Result<PgConnectOptions, Fault> {
    let parsed = database_url::read(variable, url)?;
    let mut login = PgConnectOptions::from_url(&parsed)
        .map_err(|error| Fault::new(variable, format!("cannot be used: {error}")))?;
    if login.get_username().is_empty() || login.get_database().is_none() {
        return Err(Fault::new(
            variable,
            "must name the user and the database: postgres://user:password@host:5432/database",
        ));
    }
    if let Some(authority) = authority {
        login = trust(login, authority)?;
    }
    let is_local = login.get_socket().is_some() || is_loopback(login.get_host());
    if !is_local && !may_be_insecure && !matches!(login.get_ssl_mode(), PgSslMode::VerifyFull) {
        if names_mode(&parsed) {
            return Err(Fault::new(
                variable,
                format!(
                    "goes to {} without verifying that it is that server; \
                     write sslmode=verify-full (DATABASE_CA names the authority that vouches for it), \
                     or set ALLOW_INSECURE_DATABASE=true if nobody can listen on the way",
                    login.get_host()
                ),
            ));
        }
        login = login.ssl_mode(PgSslMode::VerifyFull);
    }
    Ok(login.application_name("blockyard"))
}

/// `DATABASE_CA` is a file, or the certificate itself where there is nothing but variables.
fn trust(login: PgConnectOptions, authority: &str) -> Result<PgConnectOptions, Fault> {
    if authority.starts_with("-----BEGIN") {
        // Platforms and `.env` files often hold the line breaks as `\n`.
        let pem = authority.replace("\\n", "\n");
        return Ok(login.ssl_root_cert_from_pem(pem.into_bytes()));
    }
    match std::fs::metadata(authority) {
        Ok(file) if file.is_file() => Ok(login.ssl_root_cert(authority)),
        Ok(_) => Err(Fault::unusable("DATABASE_CA")),
        Err(error) => Err(Fault::new(
            "DATABASE_CA",
            format!("names the file {authority}, which cannot be read: {error}"),
        )),
    }
}

fn names_mode(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| matches!(&*name, "sslmode" | "ssl-mode"))
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
