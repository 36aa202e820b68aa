//! Whether somebody knows a password. Every way to try one comes here, and is counted alike.

use actix_web::http::{StatusCode, header};
use utoipa::ToSchema;
use uuid::Uuid;

use super::queries;
use crate::api::fields::FromFields;
use crate::api::name::Tidy;
use crate::api::problem::Problem;
use crate::auth::Gatekeeper;
use crate::auth::passwords::Password;
use crate::auth::throttle::Attempt;
use crate::db::Db;

/// Who wants to log in.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "username": "ada", "password": "correct horse battery staple" }))]
pub struct Login {
    /// Username or email address.
    #[schema(value_type = String, max_length = 254)]
    pub username: Tidy<254>,
    #[schema(value_type = String, format = Password, max_length = 256)]
    pub password: Password,
}

/// An account, and the hash of it that the password met.
pub(crate) struct Proven {
    pub(crate) account: Uuid,
    pub(crate) hash: String,
}

/// One refusal for whoever does not get in, whatever the reason.
pub(crate) fn wrong_credentials() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "wrong_credentials",
        "The username or the password is wrong.",
    )
    .with_header(header::WWW_AUTHENTICATE, r#"Bearer realm="blockyard""#)
}

/// The account of whoever wants to log in.
///
/// # Errors
/// 401 when there is no such active account, or the password is another; 429 after too many attempts.
pub(crate) async fn prove(
    db: &Db,
    gatekeeper: &Gatekeeper,
    login: &Login,
    attempt: &Attempt,
) -> Result<Proven, Problem> {
    let found = queries::begin_login(db, login.username.as_str(), attempt).await?;
    if let Some(seconds) = found.retry_after_seconds {
        return Err(Problem::too_many_attempts(seconds));
    }
    let right = gatekeeper.passwords().verify(&login.password, found.password_hash.as_deref());
    match (right.await?, found.user_id, found.password_hash) {
        (true, Some(account), Some(hash)) => Ok(Proven { account, hash }),
        _ => Err(wrong_credentials()),
    }
}

/// Whether it is the password of an account whose user is here already. Counted like a login, so that whoever has
/// stolen a token cannot try passwords.
///
/// # Errors
/// 429 after too many attempts.
pub(crate) async fn is_of(
    db: &Db,
    gatekeeper: &Gatekeeper,
    account: Uuid,
    password: &Password,
    attempt: &Attempt,
) -> Result<bool, Problem> {
    let found = queries::password_of(db, account, attempt).await?;
    if let Some(seconds) = found.retry_after_seconds {
        return Err(Problem::too_many_attempts(seconds));
    }
    if !gatekeeper.passwords().verify(password, found.password_hash.as_deref()).await? {
        return Ok(false);
    }
    queries::forgive_attempts(db, account, attempt).await?;
    Ok(true)
}
