//! An account that the operator makes, the first administrator and whoever they vouch for; and the
//! new password of one that is there.

use std::borrow::Cow;

use uuid::Uuid;

use super::{FoundUser, NewUser, Owner};
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
    #[error("there is no user {0}: their username, address or id is asked for")]
    NoUser(String),
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
    let user = NewUser {
        user_id: account.user_id,
        username: account.username.to_owned(),
        email: account.email.to_owned(),
        role: account.role.to_owned(),
        password_hash: hash(password, account.username, account.email)?,
    };
    Ok(owner.create_user(&user).await?)
}

/// Gives an account another password; the account, and how many of its sessions ended.
///
/// # Errors
/// See [`Error`].
pub async fn reset_password(
    owner: &mut Owner,
    reference: &str,
    password: &str,
) -> Result<(FoundUser, i64), Error> {
    let found = owner.find_user(reference).await?;
    let user = found.ok_or_else(|| Error::NoUser(reference.to_owned()))?;
    let hash = hash(password, &user.username, &user.email)?;
    let ended = owner.set_password(user.user_id, &hash).await?;
    Ok((user, ended))
}

fn hash(password: &str, username: &str, email: &str) -> Result<String, Error> {
    let password = NewPassword::parse(password).map_err(Error::Password)?;
    if password.is_any_of(&[username, email]) {
        let reason = "Must not be the name of its account.";
        return Err(Error::Password(reason.into()));
    }
    Ok(passwords::hash(&password)?)
}
