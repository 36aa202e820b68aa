//! An account that the operator makes: the first administrator, and whoever he vouches for.

use uuid::Uuid;

use crate::db::owner::{self, NewUser, Owner};

/// Shorter passwords are guessed; a bound keeps hashing cheap.
const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 12..=1024;

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
    #[error("the password must have {} to {} characters", PASSWORD_CHARACTERS.start(), PASSWORD_CHARACTERS.end())]
    PasswordLength,
    #[error("hashing the password failed: {0}")]
    Hash(String),
    #[error(transparent)]
    Owner(#[from] owner::Error),
}

/// Makes the account and returns its id.
///
/// # Errors
/// See [`Error`].
pub async fn create(
    owner: &mut Owner,
    account: NewAccount<'_>,
    password: &str,
) -> Result<Uuid, Error> {
    if !PASSWORD_CHARACTERS.contains(&password.chars().count()) {
        return Err(Error::PasswordLength);
    }
    let user = NewUser {
        user_id: account.user_id,
        username: account.username.to_owned(),
        email: account.email.to_owned(),
        role: account.role.to_owned(),
        password_hash: hash(password)?,
    };
    Ok(owner.create_user(&user).await?)
}

// TO BE REPLACED on merge by `crate::auth::passwords::hash`.
fn hash(password: &str) -> Result<String, Error> {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};

    let failed = |error: &dyn std::fmt::Display| Error::Hash(error.to_string());
    let parameters = Params::new(19_456, 2, 1, None).map_err(|error| failed(&error))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| failed(&error))
}
