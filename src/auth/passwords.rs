//! Passwords: Argon2id, in threads of their own.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, de::Error};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::api::name;
use crate::api::problem::Problem;
use crate::api::text;

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How long a request waits for its turn to hash.
const PATIENCE: Duration = Duration::from_secs(5);

const SHORTEST: usize = 12;
const LONGEST: usize = 256;

/// A password that is presented. It is compared, whatever it looks like.
#[derive(Clone)]
pub struct Password(String);

/// A password that may be set: 12 to 256 characters.
#[derive(Clone)]
pub struct NewPassword(Password);

impl Password {
    /// Keyboards differ in how they compose an `é`: compared is what it looks like.
    fn normalized(text: &str) -> Self {
        Self(text.nfkc().collect())
    }
}

impl NewPassword {
    /// Long, and not the name of its account. No rules of composition: they make passwords that
    /// are hard to remember and easy to guess (NIST SP 800-63B).
    ///
    /// # Errors
    /// A sentence for the client.
    pub fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let password = Password::normalized(text);
        text::length(&password.0, SHORTEST, LONGEST)?;
        if password.0.contains('\0') {
            return Err("Must not have null characters.".into());
        }
        Ok(Self(password))
    }

    /// Whether it is one of the names of its account.
    pub fn is_any_of(&self, names: &[&str]) -> bool {
        let password = name::key(&self.0.0);
        names.iter().any(|name| name::key(name) == password)
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text::length(&text, 0, LONGEST).map_err(D::Error::custom)?;
        Ok(Self::normalized(&text))
    }
}

impl<'de> Deserialize<'de> for NewPassword {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

/// Hashes and verifies passwords, as many at a time as there are processors.
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// Verified in place of the hash that an account does not have, so that its absence takes
    /// as long as a wrong password.
    decoy: String,
}

impl Default for Passwords {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(processors)),
            // Not hashed from anything: that would be the longest step of the service's start.
            decoy: format!(
                "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}",
                STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>()),
                STANDARD_NO_PAD.encode(rand::random::<[u8; 32]>()),
            ),
        }
    }
}

impl Passwords {
    /// The hash of a password, as a PHC string.
    ///
    /// # Errors
    /// 503 when too many wait for the same, 500 when it cannot be done at all.
    pub async fn hash(&self, password: &NewPassword) -> Result<String, Problem> {
        let password = password.clone();
        self.take_turn(move || hash(&password)).await?.map_err(|error| {
            tracing::error!(%error, "a password cannot be hashed");
            Problem::internal()
        })
    }

    /// Whether `password` is the one behind `hash`; never without one, after as much work.
    ///
    /// # Errors
    /// 503 when too many wait for the same.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, Problem> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        let password = password.clone();
        let outcome = self
            .take_turn(move || Argon2::default().verify_password(password.0.as_bytes(), &*hash))
            .await?;
        match outcome {
            Ok(()) => Ok(known),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(error) => {
                tracing::error!(%error, "a stored password hash cannot be verified");
                Ok(false)
            }
        }
    }

    async fn take_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Too many passwords are being checked at the moment.",
            )
            .with_header(header::RETRY_AFTER, "1"));
        };
        // The turn moves along: work whose client has left still counts until it is done.
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        work.await.map_err(|error| {
            tracing::error!(%error, "password work ended early");
            Problem::internal()
        })
    }
}

/// The hash of a password, as a PHC string, on this thread: for commands and tests.
///
/// # Errors
/// When the system has no randomness, or too little memory, for a hash.
pub fn hash(password: &NewPassword) -> Result<String, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon2.hash_password(password.0.0.as_bytes())?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(text: &str) -> Password {
        serde_json::from_value(text.into()).expect("a password")
    }

    #[actix_web::test]
    async fn a_password_meets_its_hash_and_no_other() {
        let passwords = Passwords::default();
        let password = NewPassword::parse("correct horse battery").expect("long enough");
        let hash = passwords.hash(&password).await.expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash(&password).await.expect("salted"));
        for (text, hash, meets) in [
            ("correct horse battery", Some(hash.as_str()), true),
            ("correct horse batterY", Some(hash.as_str()), false),
            ("", Some(hash.as_str()), false),
            ("correct horse battery", None, false),
            ("correct horse battery", Some("no hash"), false),
        ] {
            let outcome = passwords.verify(&presented(text), hash).await;
            assert_eq!(outcome.expect("a verdict"), meets, "{text} {hash:?}");
        }
    }

    #[test]
    fn the_decoy_is_as_much_work_as_a_hash() {
        let decoy = Passwords::default().decoy;
        let outcome = Argon2::default().verify_password(b"any", &*decoy);
        assert_eq!(outcome, Err(HashError::PasswordInvalid));
    }

    #[actix_web::test]
    async fn a_password_is_what_it_looks_like() {
        let passwords = Passwords::default();
        let composed = NewPassword::parse("caf\u{e9} au lait, please").expect("long enough");
        let hash = passwords.hash(&composed).await.expect("a hash");
        let decomposed = presented("cafe\u{301} au lait, please");
        assert!(passwords.verify(&decomposed, Some(&hash)).await.expect("a verdict"));
    }

    #[test]
    fn the_rules_are_length_and_no_null() {
        assert!(NewPassword::parse("elevenchars").is_err());
        assert!(NewPassword::parse("twelve chars").is_ok());
        assert!(NewPassword::parse(&"x".repeat(256)).is_ok());
        assert!(NewPassword::parse(&"x".repeat(257)).is_err());
        assert!(NewPassword::parse("twelve chars\0").is_err());
        let name = NewPassword::parse("Ada.Lovelace@Example.org").expect("long enough");
        assert!(name.is_any_of(&["ada", "ada.lovelace@example.org"]));
        assert!(!name.is_any_of(&["ada"]));
    }

    #[test]
    fn no_password_is_printed() {
        let new = NewPassword::parse("twelve chars").expect("long enough");
        assert!(!format!("{new:?} {:?}", new.0).contains("twelve"));
    }
}
