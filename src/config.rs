//! Configuration: environment variables, after `.env` where there is one.

use serde::Deserialize;

/// Everything that can be configured. Durations are in seconds, sizes in bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    /// `DATABASE_URL`: the login of the service (`blockyard_api`). Without it a private
    /// development server is started.
    pub database_url: Option<String>,
    /// `MIGRATE_DATABASE_URL`: the owner's login, for `migrate`, `user create` and `login-role`.
    pub migrate_database_url: Option<String>,
    /// `JWT_SECRET`: signs our access tokens (HS256), at least 32 bytes.
    pub jwt_secret: Option<String>,
    /// `JWT_JWKS_URL`: more keys (ES256, RS256) whose tokens are accepted.
    pub jwt_jwks_url: Option<String>,
    /// `JWT_ISSUER`: `iss` of our own tokens.
    pub jwt_issuer: String,
    /// `JWT_TRUSTED_ISSUERS`: further issuers, with commas between.
    pub jwt_trusted_issuers: Vec<String>,
    pub access_token_seconds: u32,
    pub refresh_token_seconds: u32,
    /// `LOGIN_ACCOUNT_LIMIT`, `LOGIN_ADDRESS_LIMIT`: failed logins within the window before 429.
    pub login_account_limit: u32,
    pub login_address_limit: u32,
    pub login_window_seconds: u32,
    pub host: String,
    pub port: u16,
    /// `TRUST_FORWARDED_FOR`: take the client's address from `X-Forwarded-For`, behind a proxy.
    pub trust_forwarded_for: bool,
    pub audit_reads: AuditReads,
    /// `REQUIRE_INDEPENDENT_VERIFIER`: the author of an edge version may not pass it. Once on, only
    /// the owner of the database switches it off.
    pub require_independent_verifier: bool,
    pub database_connections: u32,
    pub database_wait_seconds: u32,
    pub body_limit: usize,
    pub shutdown_seconds: u64,
}

/// Which reads are recorded in the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditReads {
    /// Of users, API keys and the audit trail.
    Sensitive,
    All,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: None,
            migrate_database_url: None,
            jwt_secret: None,
            jwt_jwks_url: None,
            jwt_issuer: "blockyard".to_owned(),
            jwt_trusted_issuers: Vec::new(),
            access_token_seconds: 900,
            refresh_token_seconds: 30 * 24 * 3600,
            login_account_limit: 10,
            login_address_limit: 50,
            login_window_seconds: 900,
            host: "127.0.0.1".to_owned(),
            port: 8000,
            trust_forwarded_for: false,
            audit_reads: AuditReads::Sensitive,
            require_independent_verifier: false,
            database_connections: 10,
            database_wait_seconds: 3,
            body_limit: 2 * 1024 * 1024,
            shutdown_seconds: 20,
        }
    }
}
