//! Whether the values of variables are what they may be.

use super::fault::Fault;
use super::origin::{is_origin, may_carry};
use super::{Config, database, vector_stores};

impl Config {
    pub(super) fn out_of_range(&self) -> Vec<Fault> {
        let checks = [
            ("DATABASE_CONNECTIONS", (1..=10_000).contains(&self.database_connections)),
            ("DATABASE_WAIT_SECONDS", self.database_wait_seconds >= 1),
            ("ACCESS_TOKEN_SECONDS", (1..=604_800).contains(&self.access_token_seconds)),
            (
                "REFRESH_TOKEN_SECONDS",
                (1..=i32::MAX.unsigned_abs()).contains(&self.refresh_token_seconds),
            ),
            ("LOGIN_ACCOUNT_LIMIT", self.login_account_limit >= 1),
            ("LOGIN_ADDRESS_LIMIT", self.login_address_limit >= 1),
            ("LOGIN_WINDOW_SECONDS", self.login_window_seconds >= 1),
            ("CORS_ALLOWED_ORIGINS", self.origins_are_origins()),
            ("MAX_CONNECTIONS", self.max_connections >= 1),
            ("WORKERS", self.workers <= 1024),
            ("HEADER_SECONDS", self.header_seconds >= 1),
            ("BODY_LIMIT", self.body_limit >= 1024),
            ("APPLY_BODY_LIMIT", self.apply_body_limit >= 1024),
            ("BODY_SECONDS", self.body_seconds >= 1),
            ("REQUEST_SECONDS", self.request_seconds > self.body_seconds),
            ("JWT_JWKS_URL", self.jwks_url_is_safe()),
            (
                "DAGSTER_URL",
                may_carry(self.dagster_url.as_deref(), self.dagster_api_token.is_some()),
            ),
            ("DAGSTER_PUBLIC_URL", may_carry(self.dagster_public_url.as_deref(), false)),
            ("DAGSTER_LOCATIONS", !self.dagster_locations.is_empty()),
            ("DAGSTER_TIMEOUT_SECONDS", (1..=300).contains(&self.dagster_timeout_seconds)),
            ("DAGSTER_CANCEL_SECONDS", self.dagster_cancel_seconds >= 1),
            ("DAGSTER_LOST_SECONDS", self.dagster_lost_seconds >= 60),
            (
                "DAGSTER_EVENTS_SECRET",
                self.dagster_events_secret.as_deref().is_none_or(|secret| secret.len() >= 32),
            ),
            (
                "OPENLINEAGE_URL",
                may_carry(self.openlineage_url.as_deref(), self.openlineage_api_key.is_some()),
            ),
            (
                "VECTOR_STORES_TIMEOUT_SECONDS",
                (1..=vector_stores::LONGEST).contains(&self.vector_stores_timeout_seconds),
            ),
            ("METRICS_TOKEN", self.metrics_token.as_deref().is_none_or(|token| token.len() >= 16)),
        ];
        checks
            .into_iter()
            .filter(|(_, fine)| !fine)
            .map(|(name, _)| Fault::unusable(name))
            .chain(self.trace_faults())
            .chain(self.read_vector_stores().1)
            .collect()
    }

    fn origins_are_origins(&self) -> bool {
        let origins = &self.cors_allowed_origins;
        *origins == ["*"] || origins.iter().all(|origin| is_origin(origin))
    }

    fn jwks_url_is_safe(&self) -> bool {
        self.jwt_jwks_url.as_deref().is_none_or(|text| {
            url::Url::parse(text).is_ok_and(|url| {
                url.scheme() == "https"
                    || url.scheme() == "http" && url.host_str().is_some_and(database::is_loopback)
            })
        })
    }
}
