//! Digests under secrets that are derived from the service's own, one for each purpose.

use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secrets::Secrets;

/// HMAC-SHA-256 under a secret of its own.
#[derive(Clone)]
struct KeyedDigest(Hmac<Sha256>);

/// The same under each secret of the service: what is made is made under the newest, what was made before is
/// known again under the others.
#[derive(Clone)]
pub(crate) struct KeyedDigests {
    newest: KeyedDigest,
    older: Vec<KeyedDigest>,
}

impl KeyedDigests {
    pub(super) fn derive(secrets: &Secrets<'_>, purpose: &str) -> Result<Self, InvalidLength> {
        let older = secrets.all().skip(1).map(|secret| KeyedDigest::derive(secret, purpose));
        Ok(Self {
            newest: KeyedDigest::derive(secrets.newest(), purpose)?,
            older: older.collect::<Result<_, _>>()?,
        })
    }

    /// The digest of the parts as if they were one.
    pub(crate) fn newest(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.newest.of(parts)
    }

    /// Under each secret, the newest first.
    pub(crate) fn each(&self, parts: &[&[u8]]) -> Vec<[u8; 32]> {
        [&self.newest].into_iter().chain(&self.older).map(|digest| digest.of(parts)).collect()
    }
}

impl KeyedDigest {
    /// Derives the secret for `purpose`. What is learned of one tells nothing of another.
    fn derive(secret: &[u8], purpose: &str) -> Result<Self, InvalidLength> {
        let mut master = Hmac::<Sha256>::new_from_slice(secret)?;
        master.update(purpose.as_bytes());
        let derived = master.finalize().into_bytes();
        Hmac::new_from_slice(&derived).map(Self)
    }

    fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}
