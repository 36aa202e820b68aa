//! Everything by which the service knows its callers.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use url::Url;
use uuid::Uuid;

use super::credential::Credential;
use super::identity::Identity;
use super::jwks::Jwks;
use super::keyed_digest::KeyedDigests;
use super::keys::KeyMaker;
use super::passwords::Passwords;
use super::secrets::Secrets;
use super::signed_in::SignedIn;
use super::throttle::{Attempt, Throttle};
use super::tokens::{self, Accepted, Rejected, Tokens};
use crate::api::problem::Problem;
use crate::config::{AuditReads, Config};

/// A shorter secret could be guessed from one token (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

/// Lets callers in, or not. The application holds one, as `web::Data<Gatekeeper>`.
pub struct Gatekeeper {
    tokens: Tokens,
    keys: KeyMaker,
    fingerprints: KeyedDigests,
    passwords: Passwords,
    throttle: Throttle,
    refresh_token_seconds: i32,
    audit_all_reads: bool,
}

/// Why a configuration makes no gatekeeper.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("JWT_SECRET is missing: access tokens are signed with it")]
    NoSecret,
    #[error("JWT_SECRET has {0} bytes; it must have at least {SHORTEST_SECRET}")]
    ShortSecret(usize),
    #[error("JWT_JWKS_URL is no http or https URL")]
    JwksUrl,
    #[error("JWT_JWKS_URL cannot be fetched: {0}")]
    JwksClient(#[from] reqwest::Error),
    #[error("ACCESS_TOKEN_SECONDS must lie between 1 and {0}")]
    TokenLife(u32),
}

impl Gatekeeper {
    /// # Errors
    /// What is missing in the configuration, or wrong.
    pub fn new(config: &Config) -> Result<Self, Unfit> {
        let secrets = config.jwt_secret.as_ref().and_then(Secrets::of).ok_or(Unfit::NoSecret)?;
        let shortest = secrets.all().map(<[u8]>::len).min().unwrap_or_default();
        let short = || Unfit::ShortSecret(shortest);
        if shortest < SHORTEST_SECRET {
            return Err(short());
        }
        // A longer one would be refused by ourselves.
        let longest = Tokens::LONGEST_LIFE;
        if !(1..=longest).contains(&config.access_token_seconds) {
            return Err(Unfit::TokenLife(longest));
        }
        let jwks = match config.jwt_jwks_url.as_deref() {
            None | Some("") => None,
            Some(url) => Some(Arc::new(Jwks::new(web_url(url)?)?)),
        };
        if jwks.is_some() && config.jwt_trusted_issuers.is_empty() {
            tracing::warn!(
                "no token of JWT_JWKS_URL is accepted: JWT_TRUSTED_ISSUERS says for whom its keys sign, and is empty"
            );
        }
        Ok(Self {
            tokens: Tokens::new(
                &secrets,
                &config.jwt_issuer,
                &config.jwt_trusted_issuers,
                config.access_token_seconds,
                jwks,
            ),
            keys: KeyMaker::new(&secrets).map_err(|_| short())?,
            fingerprints: KeyedDigests::derive(&secrets, "blockyard request fingerprint v1")
                .map_err(|_| short())?,
            passwords: Passwords::default(),
            throttle: Throttle::new(config),
            refresh_token_seconds: i32::try_from(config.refresh_token_seconds).unwrap_or(i32::MAX),
            audit_all_reads: config.audit_reads == AuditReads::All,
        })
    }

    /// The gatekeeper of the application that a request came to.
    ///
    /// # Errors
    /// 500 when the application has none.
    pub(crate) fn of(request: &HttpRequest) -> Result<&Self, Problem> {
        match request.app_data::<web::Data<Self>>() {
            Some(gatekeeper) => Ok(gatekeeper.get_ref()),
            None => {
                tracing::error!("the application has no gatekeeper");
                Err(Problem::internal())
            }
        }
    }

    /// Verifies what a request shows. Waits only when a token names a key that is not at hand.
    ///
    /// # Errors
    /// 401.
    pub(super) async fn identify(&self, shown: Credential<'_>) -> Result<Identity, Problem> {
        let token = match shown {
            Credential::Key(key) => return Ok(Identity::ApiKey(key.digest())),
            Credential::Session(SignedIn(digest)) => return Ok(Identity::Session(digest)),
            Credential::Token(token) => token,
        };
        self.accept(token).await.map(|accepted| Identity::User(accepted.user))
    }

    /// The user of an access token, ours or of a trusted issuer, and for how many seconds it is one. Waits only when
    /// it names a key that is not at hand.
    ///
    /// # Errors
    /// 401.
    pub(crate) async fn bearer(&self, token: &str) -> Result<(Uuid, u64), Problem> {
        let accepted = self.accept(token).await?;
        Ok((accepted.user, accepted.expires_at.saturating_sub(tokens::now())))
    }

    async fn accept(&self, token: &str) -> Result<Accepted, Problem> {
        self.tokens.verify(token).await.map_err(|rejected| {
            let detail = match rejected {
                Rejected::Expired => "The access token has expired: refresh it.",
                Rejected::Invalid => "The access token is not valid here.",
            };
            Problem::unauthorized(detail).with_header(
                header::WWW_AUTHENTICATE,
                r#"Bearer realm="blockyard", error="invalid_token""#,
            )
        })
    }

    /// Whether others than this service make access tokens that count here.
    pub(crate) fn trusts_others(&self) -> bool {
        self.tokens.trusts_others()
    }

    /// An access token of `user`, and its seconds.
    pub(crate) fn access_token(&self, user: Uuid, session: Uuid) -> Result<(String, u32), Problem> {
        let token = self.tokens.mint(user, session)?;
        Ok((token, self.tokens.lifetime_seconds()))
    }

    pub(crate) fn refresh_token_seconds(&self) -> i32 {
        self.refresh_token_seconds
    }

    pub(super) fn audits_all_reads(&self) -> bool {
        self.audit_all_reads
    }

    /// One attempt at a password, from where the request comes.
    pub(crate) fn attempt(&self, request: &HttpRequest) -> Attempt {
        self.throttle.attempt(request)
    }

    /// Who makes API keys.
    pub(crate) fn keys(&self) -> &KeyMaker {
        &self.keys
    }

    /// Digests of requests. Bodies may have passwords: only under a secret they may be stored.
    pub(crate) fn fingerprints(&self) -> &KeyedDigests {
        &self.fingerprints
    }

    /// Who hashes and verifies passwords.
    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }
}

fn web_url(text: &str) -> Result<Url, Unfit> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or(Unfit::JwksUrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_cannot_be_safe_is_refused() {
        let fit = Config { jwt_secret: Some("x".repeat(32).into()), ..Config::default() };
        assert!(Gatekeeper::new(&fit).is_ok());
        for unfit in [
            Config { jwt_secret: None, ..fit.clone() },
            Config { jwt_secret: Some("x".repeat(31).into()), ..fit.clone() },
            Config { jwt_secret: Some(format!("{} short", "x".repeat(32)).into()), ..fit.clone() },
            Config { jwt_jwks_url: Some("file:///etc/passwd".to_owned()), ..fit.clone() },
            Config { access_token_seconds: 0, ..fit.clone() },
            Config { access_token_seconds: 8 * 24 * 3600, ..fit.clone() },
        ] {
            assert!(Gatekeeper::new(&unfit).is_err(), "{unfit:?}");
        }
    }
}
