//! Configuration: environment variables, after `.env` where there is one.
//!
//! [`settings::SETTINGS`] describes every variable once; `--help`, `.env.example` and the README
//! are made of it, in [`description`]. Nothing here reads the environment again after [`Config::load`].

mod database;
mod database_url;
pub mod description;
mod fault;
mod files;
mod misspelt;
mod origin;
mod ranges;
mod secret;
pub mod setting;
pub mod settings;
mod traces;
mod vector_stores;

use std::path::PathBuf;

use serde::Deserialize;
use sqlx::postgres::PgConnectOptions;

pub use database::LoginFile;
pub use fault::{Fault, Faults};
pub use secret::Secret;
pub use vector_stores::{Scores, StoreKind, VectorStore};

/// Everything that can be configured. Durations are in seconds, sizes in bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    pub database_url: Option<Secret>,
    /// Where that stands, if it stands in a file.
    pub database_url_file: Option<String>,
    pub database_replica_url: Option<Secret>,
    pub database_replica_url_file: Option<String>,
    pub migrate_database_url: Option<Secret>,
    pub database_ca: Option<String>,
    pub database_connections: u32,
    pub database_wait_seconds: u32,
    pub allow_insecure_database: bool,
    pub allow_privileged_login: bool,
    pub jwt_secret: Option<Secret>,
    pub jwt_jwks_url: Option<String>,
    pub jwt_issuer: String,
    pub jwt_trusted_issuers: Vec<String>,
    pub access_token_seconds: u32,
    pub refresh_token_seconds: u32,
    pub login_account_limit: u32,
    pub login_address_limit: u32,
    pub login_window_seconds: u32,
    pub host: String,
    pub port: u16,
    pub trust_forwarded_for: bool,
    pub cors_allowed_origins: Vec<String>,
    pub rate_limit_caller: u32,
    pub rate_limit_address: u32,
    pub max_connections: u32,
    pub workers: u16,
    pub header_seconds: u32,
    pub body_limit: usize,
    pub apply_body_limit: usize,
    pub body_seconds: u32,
    pub request_seconds: u32,
    pub keep_alive_seconds: u32,
    pub shutdown_delay_seconds: u64,
    pub shutdown_seconds: u64,
    pub require_independent_verifier: bool,
    pub dagster_url: Option<String>,
    pub dagster_public_url: Option<String>,
    pub dagster_api_token: Option<Secret>,
    pub dagster_locations: Vec<String>,
    pub dagster_timeout_seconds: u32,
    pub dagster_cancel_seconds: u32,
    pub dagster_lost_seconds: u32,
    pub dagster_events_secret: Option<Secret>,
    pub openlineage_url: Option<String>,
    pub openlineage_api_key: Option<Secret>,
    pub openlineage_namespace: String,
    pub vector_stores: Option<Secret>,
    pub vector_stores_timeout_seconds: u32,
    pub audit_reads: AuditReads,
    pub log_level: String,
    pub log_format: LogFormat,
    pub log_file: String,
    pub metrics_token: Option<Secret>,
    pub otel_exporter_otlp_endpoint: Option<String>,
    pub otel_exporter_otlp_traces_endpoint: Option<String>,
    /// Which the SDK reads itself, unless they stand in a file.
    pub otel_exporter_otlp_headers: Option<Secret>,
    pub otel_exporter_otlp_headers_file: Option<String>,
    pub otel_exporter_otlp_protocol: Option<String>,
    pub otel_exporter_otlp_traces_protocol: Option<String>,
    pub otel_traces_exporter: Option<String>,
    pub otel_traces_sampler: Option<String>,
    pub otel_traces_sampler_arg: Option<String>,
    pub otel_sdk_disabled: Option<String>,
    pub blockyard_dir: PathBuf,
}

/// Which reads are recorded in the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditReads {
    /// Of users, API keys and the audit trail.
    Sensitive,
    All,
}

/// How a log line looks on standard output. The file has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line, for whatever collects logs.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: None,
            database_url_file: None,
            database_replica_url: None,
            database_replica_url_file: None,
            migrate_database_url: None,
            database_ca: None,
            database_connections: 10,
            database_wait_seconds: 3,
            allow_insecure_database: false,
            allow_privileged_login: false,
            jwt_secret: None,
            jwt_jwks_url: None,
            jwt_issuer: "blockyard".to_owned(),
            jwt_trusted_issuers: Vec::new(),
            access_token_seconds: 900,
            refresh_token_seconds: 30 * 24 * 3600,
            login_account_limit: 10,
            login_address_limit: 50,
            login_window_seconds: 900,
            host: LOOPBACK.to_owned(),
            port: 8000,
            trust_forwarded_for: false,
            cors_allowed_origins: Vec::new(),
            rate_limit_caller: 3_000_000,
            rate_limit_address: 3_000_000,
            max_connections: 10_000,
            workers: 0,
            header_seconds: 10,
            body_limit: 2 * 1024 * 1024,
            apply_body_limit: 16 * 1024 * 1024,
            body_seconds: 30,
            request_seconds: 60,
            keep_alive_seconds: 75,
            shutdown_delay_seconds: 5,
            shutdown_seconds: 20,
            require_independent_verifier: false,
            dagster_url: None,
            dagster_public_url: None,
            dagster_api_token: None,
            dagster_locations: vec!["blockyard".to_owned()],
            dagster_timeout_seconds: 30,
            dagster_cancel_seconds: 60,
            dagster_lost_seconds: 7 * 24 * 3600,
            dagster_events_secret: None,
            openlineage_url: None,
            openlineage_api_key: None,
            openlineage_namespace: "blockyard".to_owned(),
            vector_stores: None,
            vector_stores_timeout_seconds: 5,
            audit_reads: AuditReads::Sensitive,
            log_level: "info".to_owned(),
            log_format: LogFormat::Pretty,
            log_file: "logs/app.log".to_owned(),
            metrics_token: None,
            otel_exporter_otlp_endpoint: None,
            otel_exporter_otlp_traces_endpoint: None,
            otel_exporter_otlp_headers: None,
            otel_exporter_otlp_headers_file: None,
            otel_exporter_otlp_protocol: None,
            otel_exporter_otlp_traces_protocol: None,
            otel_traces_exporter: None,
            otel_traces_sampler: None,
            otel_traces_sampler_arg: None,
            otel_sdk_disabled: None,
            blockyard_dir: PathBuf::from(".blockyard"),
        }
    }
}

const LOOPBACK: &str = "127.0.0.1";
const EVERYWHERE: &str = "0.0.0.0";

impl Config {
    /// Reads the environment of this process, into which `.env` has been read before.
    ///
    /// # Errors
    /// Every variable whose value cannot be used.
    pub fn load() -> Result<Self, Faults> {
        // Not `vars()`, which panics on a variable of somebody else that is not UTF-8.
        Self::read(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// Names of the environment that nobody reads, and which of ours they look like.
    pub fn misspelt() -> Vec<(String, &'static str)> {
        misspelt::among(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
    }

    /// Reads the variables that are ours; an empty one counts as not set. A secret may stand in a file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Faults> {
        let is_ours =
            |name: &str| settings::find(name).is_some() || files::secret_of(name).is_some();
        let mut variables: Vec<_> = variables
            .into_iter()
            .map(|(name, value)| (name, value.trim().to_owned()))
            .filter(|(name, value)| is_ours(name) && !value.is_empty())
            .collect();
        files::read(&mut variables)?;
        let mut config: Self = envy::from_iter(variables.iter().cloned())
            .map_err(|error| culprits(&variables, &error))?;
        config.jwt_trusted_issuers = trimmed(&config.jwt_trusted_issuers);
        config.cors_allowed_origins = trimmed(&config.cors_allowed_origins);
        config.dagster_locations = trimmed(&config.dagster_locations);
        let is_set = |name: &str| variables.iter().any(|(set, _)| set == name);
        // A platform that runs containers says where to listen with PORT and nothing else, and
        // reaches the service from outside. Anywhere else nobody is let in unasked.
        if !is_set("HOST") && is_set("PORT") && config.database_url.is_some() {
            EVERYWHERE.clone_into(&mut config.host);
        }
        Faults::none_of(config.out_of_range())?;
        Ok(config)
    }

    /// How to log in to the database that is served; `None` means a private one.
    ///
    /// # Errors
    /// When `DATABASE_URL` is no URL, or its connection could be overheard.
    pub fn service_login(&self) -> Result<Option<PgConnectOptions>, Fault> {
        self.login("DATABASE_URL", self.database_url.as_ref())
    }

    /// The file of that login, if it stands in one.
    pub fn service_login_file(&self) -> Option<LoginFile> {
        self.login_file("DATABASE_URL", self.database_url_file.as_ref())
    }

    /// How to log in to the replica, as [`Config::service_login`]; `None` means that there is none.
    ///
    /// # Errors
    /// As [`Config::service_login`], and when it is a replica of nothing.
    pub fn replica_login(&self) -> Result<Option<PgConnectOptions>, Fault> {
        if self.database_replica_url.is_some() && self.database_url.is_none() {
            let what = "is a replica of the server of DATABASE_URL, which is not set";
            return Err(Fault::new("DATABASE_REPLICA_URL", what));
        }
        self.login("DATABASE_REPLICA_URL", self.database_replica_url.as_ref())
    }

    /// The file of that login, if it stands in one.
    pub fn replica_login_file(&self) -> Option<LoginFile> {
        self.login_file("DATABASE_REPLICA_URL", self.database_replica_url_file.as_ref())
    }

    fn login_file(&self, variable: &'static str, path: Option<&String>) -> Option<LoginFile> {
        let (authority, may_be_insecure) = (self.database_ca.clone(), self.allow_insecure_database);
        Some(LoginFile::new(variable, path?.clone(), authority, may_be_insecure))
    }

    /// How the owner of the tables logs in: `MIGRATE_DATABASE_URL`, or else `DATABASE_URL`;
    /// `None` means the private database.
    ///
    /// # Errors
    /// As [`Config::service_login`].
    pub fn owner_login(&self) -> Result<Option<PgConnectOptions>, Fault> {
        match &self.migrate_database_url {
            Some(_) => self.login("MIGRATE_DATABASE_URL", self.migrate_database_url.as_ref()),
            None => self.service_login(),
        }
    }

    fn login(
        &self,
        variable: &'static str,
        url: Option<&Secret>,
    ) -> Result<Option<PgConnectOptions>, Fault> {
        let Some(url) = url else { return Ok(None) };
        database::login(variable, url, self.database_ca.as_deref(), self.allow_insecure_database)
            .map(Some)
    }

    /// The vector stores that searches may ask.
    ///
    /// # Errors
    /// All that is wrong with their description; never what stands there.
    pub fn vector_stores(&self) -> Result<Vec<VectorStore>, Faults> {
        let (stores, faults) = self.read_vector_stores();
        Faults::none_of(faults).map(|()| stores)
    }

    fn read_vector_stores(&self) -> (Vec<VectorStore>, Vec<Fault>) {
        self.vector_stores.as_deref().map_or_else(Default::default, |text| {
            vector_stores::read(text, self.vector_stores_timeout_seconds)
        })
    }

    /// Whether everything is here that a service with a database of its own must have.
    ///
    /// # Errors
    /// When `JWT_SECRET` is missing or easily guessed.
    pub fn check_for_serving(&self) -> Result<(), Faults> {
        let Some(secrets) = &self.jwt_secret else {
            return Faults::none_of([Fault::missing("JWT_SECRET")]);
        };
        let several = secrets.parts().count() > 1;
        let faults = secrets.parts().enumerate().filter_map(|(index, secret)| {
            let what = secret::weakness(secret)?;
            let number = index + 1;
            let which =
                if several { format!("(number {number} of several) ") } else { String::new() };
            Some(Fault::new("JWT_SECRET", format!("{which}{what}")))
        });
        Faults::none_of(faults)
    }
}

/// Which variables a failed reading was about: those that fail alone as well.
fn culprits(variables: &[(String, String)], error: &envy::Error) -> Faults {
    let faults = variables
        .iter()
        .filter(|variable| envy::from_iter::<_, Config>([(*variable).clone()]).is_err())
        .map(|(name, _)| Fault::unusable(name))
        .collect();
    Faults::some(faults, error)
}

fn trimmed(words: &[String]) -> Vec<String> {
    let words = words.iter().map(|word| word.trim().to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests;
