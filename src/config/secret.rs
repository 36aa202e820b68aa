//! Values that nobody may see in a log, and whether they are worth keeping secret.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;

use serde::Deserialize;

/// HMAC-SHA-256 is only as strong as its key: RFC 7518 §3.2 asks for 256 bits.
const LEAST_BYTES: usize = 32;
/// 32 random bytes, however they are written, have more different characters than this.
const LEAST_DIFFERENT: usize = 10;
/// What stands in examples and in published defaults, Supabase's local one among them.
const PLACEHOLDERS: [&str; 8] = [
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "password",
    "placeholder",
    "example",
    "insecure",
];

/// A text that does not show itself: `Debug` prints three dots.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secrets that stand here, with white space between.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.split_whitespace()
    }
}

/// Why a text cannot be the key that signs tokens, if it cannot.
pub(super) fn weakness(secret: &str) -> Option<String> {
    let reason = if secret.len() < LEAST_BYTES {
        format!("has {} bytes", secret.len())
    } else if has_placeholder(secret) {
        "is a well-known placeholder".to_owned()
    } else if secret.bytes().collect::<BTreeSet<_>>().len() < LEAST_DIFFERENT {
        "repeats a few characters".to_owned()
    } else {
        return None;
    };
    Some(format!(
        "{reason}; whoever guesses it can log in as anybody. It must be at least {LEAST_BYTES} random bytes: \
         `openssl rand -base64 48` makes one"
    ))
}

fn has_placeholder(secret: &str) -> bool {
    let text = secret.to_lowercase();
    PLACEHOLDERS.iter().any(|word| text.contains(word))
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
