//! What authentication finds out: whose credential it is.

use serde::Serialize;
use uuid::Uuid;

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) enum Identity {
    /// The user of a valid access token.
    #[serde(rename = "sub")]
    User(Uuid),
    /// The digest of an API key; whose it is, and whether it still counts, the database knows.
    #[serde(rename = "api_key")]
    ApiKey(String),
    /// The digest of what a browser shows that is signed in to the console.
    #[serde(rename = "console_session")]
    Session(String),
}

impl Identity {
    /// Tells identities apart where only that matters: the user's id, or half of the digest.
    pub(super) fn number(&self) -> u128 {
        match self {
            Self::User(id) => id.as_u128(),
            Self::ApiKey(digest) | Self::Session(digest) => digest
                .rsplit(':')
                .next()
                .and_then(|digits| digits.get(..32))
                .and_then(|half| u128::from_str_radix(half, 16).ok())
                .unwrap_or_default(),
        }
    }
}
