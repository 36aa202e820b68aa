//! Access tokens: JWTs as Supabase makes and takes them (claims `sub`, `aud`, `role`; <https://supabase.com/docs/guides/auth/jwt-fields>).

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::jwks::{Jwks, PinnedKey};
use super::secrets::Secrets;
use crate::api::problem::Problem;

/// `aud` and `role` of a person who has logged in; Supabase's REST API takes the latter for the
/// role in the database. The public `anon` key and the `service_role` key are valid JWTs as well.
const AUTHENTICATED: &str = "authenticated";

/// How far the clocks of those who sign and those who verify may differ, in seconds: a minute, and
/// some for the way.
const LEEWAY: u64 = 90;

/// Makes our tokens, and verifies them and those of the trusted issuers.
pub(super) struct Tokens {
    issuer: String,
    trusts_others: bool,
    lifetime_seconds: u32,
    signing: EncodingKey,
    /// The service's secrets, the newest first. They verify HS256 and nothing else.
    secrets: Vec<PinnedKey>,
    jwks: Option<Arc<Jwks>>,
    checks: Checks,
}

/// What is checked of a token, for each algorithm that a key may be pinned to: among it, the issuers for
/// which such a key signs.
struct Checks {
    hs256: Validation,
    es256: Validation,
    rs256: Validation,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rejected {
    /// It was valid once.
    Expired,
    Invalid,
}

/// What a token that is accepted says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) user: Uuid,
    /// Seconds since 1970.
    pub(super) expires_at: u64,
}

#[derive(Serialize)]
struct Minted<'a> {
    iss: &'a str,
    sub: Uuid,
    aud: &'a str,
    role: &'a str,
    iat: u64,
    exp: u64,
    jti: Uuid,
    session_id: Uuid,
    aal: &'a str,
    is_anonymous: bool,
}

/// The claims that we look at ourselves; `aud`, `iss`, `exp` and `nbf` were checked before.
#[derive(Deserialize)]
struct Presented {
    sub: Uuid,
    role: String,
    // One issuer: a list of them is no issuer.
    #[serde(rename = "iss")]
    _iss: String,
    iat: u64,
    exp: u64,
}

impl Tokens {
    /// A token that lives longer, in seconds, is no access token, whoever has signed it.
    pub(super) const LONGEST_LIFE: u32 = 7 * 24 * 3600;

    pub(super) fn new(
        secrets: &Secrets<'_>,
        issuer: &str,
        trusted_issuers: &[String],
        lifetime_seconds: u32,
        jwks: Option<Arc<Jwks>>,
    ) -> Self {
        let trusted: Vec<&str> = trusted_issuers
            .iter()
            .map(|trusted| trusted.trim())
            .filter(|trusted| !trusted.is_empty())
            .collect();
        let verifying = secrets.all().map(|secret| PinnedKey {
            algorithm: Algorithm::HS256,
            key: DecodingKey::from_secret(secret),
        });
        // Whoever has the secret is we, or signs with Supabase's. Whoever has one of the further keys
        // is not, and does not speak in our name.
        let ours = [&trusted[..], &[issuer]].concat();
        Self {
            issuer: issuer.to_owned(),
            trusts_others: !trusted.is_empty(),
            lifetime_seconds,
            signing: EncodingKey::from_secret(secrets.newest()),
            secrets: verifying.collect(),
            jwks,
            checks: Checks {
                hs256: checks(Algorithm::HS256, &ours),
                es256: checks(Algorithm::ES256, &trusted),
                rs256: checks(Algorithm::RS256, &trusted),
            },
        }
    }

    pub(super) fn trusts_others(&self) -> bool {
        self.trusts_others
    }

    pub(super) fn lifetime_seconds(&self) -> u32 {
        self.lifetime_seconds
    }

    /// A token of `user`, in the session of a refresh token.
    pub(super) fn mint(&self, user: Uuid, session: Uuid) -> Result<String, Problem> {
        let now = now();
        let claims = Minted {
            iss: &self.issuer,
            sub: user,
            aud: AUTHENTICATED,
            role: AUTHENTICATED,
            iat: now,
            exp: now + u64::from(self.lifetime_seconds),
            jti: Uuid::now_v7(),
            session_id: session,
            aal: "aal1",
            is_anonymous: false,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing).map_err(
            |error| {
                tracing::error!(%error, "a token cannot be signed");
                Problem::internal()
            },
        )
    }

    /// Waits only for a key that is not at hand.
    pub(super) async fn verify(&self, token: &str) -> Result<Accepted, Rejected> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Rejected::Invalid)?;
        // Extensions that must be understood (RFC 7515 §4.1.11); we know none.
        if header.crit.is_some() {
            return Err(Rejected::Invalid);
        }
        match (header.alg, &self.jwks, header.kid.as_deref()) {
            (Algorithm::HS256, _, _) => self.verify_with_secrets(token),
            (Algorithm::ES256 | Algorithm::RS256, Some(jwks), Some(id)) => {
                let key = match jwks.key(id) {
                    Some(key) => key,
                    None => jwks.fetched_key(id).await.ok_or(Rejected::Invalid)?,
                };
                self.verify_with(&key, token)
            }
            _ => Err(Rejected::Invalid),
        }
    }

    /// Whichever secret has signed it says what else is wrong with it.
    fn verify_with_secrets(&self, token: &str) -> Result<Accepted, Rejected> {
        let verified = self.secrets.iter().map(|secret| self.verify_with(secret, token));
        verified
            .into_iter()
            .find(|outcome| *outcome != Err(Rejected::Invalid))
            .unwrap_or(Err(Rejected::Invalid))
    }

    /// The algorithm is the key's; a token that names another is refused.
    fn verify_with(&self, key: &PinnedKey, token: &str) -> Result<Accepted, Rejected> {
        let checks = match key.algorithm {
            Algorithm::HS256 => &self.checks.hs256,
            Algorithm::ES256 => &self.checks.es256,
            Algorithm::RS256 => &self.checks.rs256,
            _ => return Err(Rejected::Invalid),
        };
        // The signature comes first: nothing is told of a token that nobody has signed.
        let claims = jsonwebtoken::decode::<Presented>(token, &key.key, checks)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => Rejected::Expired,
                _ => Rejected::Invalid,
            })?
            .claims;
        let made_in_the_future = claims.iat > now() + LEEWAY;
        let lives_too_long =
            claims.exp.checked_sub(claims.iat).is_none_or(|life| life > Self::LONGEST_LIFE.into());
        if claims.role != AUTHENTICATED || made_in_the_future || lives_too_long {
            return Err(Rejected::Invalid);
        }
        Ok(Accepted { user: claims.sub, expires_at: claims.exp })
    }
}

fn checks(algorithm: Algorithm, issuers: &[&str]) -> Validation {
    let mut checks = Validation::new(algorithm);
    checks.leeway = LEEWAY;
    checks.validate_nbf = true;
    checks.set_audience(&[AUTHENTICATED]);
    checks.set_issuer(issuers);
    checks.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    checks
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
