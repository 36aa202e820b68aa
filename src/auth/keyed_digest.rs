//! Digests under secrets that are derived from the service's one secret, one for each purpose.

use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA-256 under a secret of its own.
#[derive(Clone)]
pub(crate) struct KeyedDigest(Hmac<Sha256>);

impl KeyedDigest {
    /// Derives the secret for `purpose`. What is learned of one tells nothing of another.
    pub(super) fn derive(secret: &[u8], purpose: &str) -> Result<Self, InvalidLength> {
        let mut master = Hmac::<Sha256>::new_from_slice(secret)?;
        master.update(purpose.as_bytes());
        let derived = master.finalize().into_bytes();
        Hmac::new_from_slice(&derived).map(Self)
    }

    /// The digest of the parts as if they were one.
    pub(crate) fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}
