//! Tokens that say nothing by themselves: 256 random bits, of which the database keeps the SHA-256.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A refresh token, or what a browser shows that is signed in, as its owner holds it.
pub(crate) struct OpaqueToken([u8; 32]);

impl OpaqueToken {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// What is stored. The token is random: a digest without a key or a salt will do.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Display for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for OpaqueToken {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ())?;
        bytes.try_into().map(Self).map_err(|_| ())
    }
}
