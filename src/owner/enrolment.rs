//! An account that the operator makes: the first administrator, and whoever they vouch for.

use std::borrow::Cow;

use uuid::Uuid;

use super::{NewUser, Owner};
use crate::auth::passwords::{self, NewPassword};

/// What the operator says about the account.
#[derive(Debug, Clone)]
pub struct NewAccount<'a> {
    /// Of an account that exists already at Supabase; otherwise a new one.
    pub user_id: Option<Uuid>,
    pub username: &'a str,
    pub email: &'a str,
    pub role: &'a str,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the password: {0}")]
    Password(Cow<'static, str>),
    #[error("hashing the password failed")]
    Hash(#[from] argon2::password_hash::Error),
    #[error(transparent)]
    Owner(#[from] super::Error),
}

/// Makes the account and returns its id.
///
/// # Errors
/// See [`Error`].
pub async fn enrol(
    owner: &mut Owner,
    account: NewAccount<'_>,
    password: &str,
) -> Result<Uuid, Error> {
    let password = NewPassword::parse(password).map_err(Error::Password)?;
    if password.is_any_of(&[account.username, account.email]) {
        let reason = "Must not be the name of its account.";
        return Err(Error::Password(reason.into()));
    }
    let user = NewUser {
        user_id: account.user_id,
        username: account.username.to_owned(),
        email: account.email.to_owned(),
        role: account.role.to_owned(),
        password_hash: passwords::hash(&password)?,
    };
    Ok(owner.create_user(&user).await?)
}
