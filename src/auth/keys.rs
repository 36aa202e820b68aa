//! API keys: `by_<8 hex digits>_<43 characters of base64url>`.
//!
//! The last part is 256 bits, derived from a random seed under the service's secret. The digits
//! before it are what lists show of the key, and a checksum: a mistyped key is refused without
//! asking the database. Stored is only the SHA-256 of the key: nobody finds 256 random bits by trying, so
//! it needs no secret, and a key outlives every `JWT_SECRET` (docs/adr/0040-api-keys-need-no-secret.md).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sha2::{Digest, Sha256};

use super::keyed_digest::KeyedDigests;
use super::secrets::Secrets;
use crate::api::hex::hex;

/// What a caller is told whose key does not count, whatever the reason.
pub(crate) const NOT_ACCEPTED: &str = "The API key is unknown, expired or revoked.";

/// What every key begins with.
pub(super) const MARK: &str = "by_";

/// How a digest begins, so that another kind can stand beside it.
const KIND: &str = "sha256:";

/// Makes API keys.
pub(crate) struct KeyMaker {
    keys: KeyedDigests,
}

/// What a key is made from. It is worth nothing without the service's secret: an answer that an
/// `Idempotency-Key` keeps holds the seed, so that a repetition can show the key again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seed([u8; 32]);

/// An API key as its owner holds it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PlainKey([u8; 32]);

impl KeyMaker {
    pub(super) fn new(secrets: &Secrets<'_>) -> Result<Self, InvalidLength> {
        Ok(Self { keys: KeyedDigests::derive(secrets, "blockyard api key from seed v1")? })
    }

    /// The key of a new seed.
    pub(crate) fn key(&self, seed: &Seed) -> PlainKey {
        PlainKey(self.keys.newest(&[&seed.0]))
    }

    /// The key that was made of a seed; `None` when the secret that it was made under is gone.
    pub(crate) fn key_again(&self, seed: &Seed, prefix: &str) -> Option<PlainKey> {
        self.keys.each(&[&seed.0]).into_iter().map(PlainKey).find(|key| key.prefix() == prefix)
    }
}

impl Seed {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }
}

impl PlainKey {
    /// What lists show of the key: `api_keys.key_prefix`.
    pub(crate) fn prefix(&self) -> String {
        let checksum =
            Sha256::new().chain_update(b"blockyard api key prefix").chain_update(self.0).finalize();
        format!("{MARK}{}", hex(&checksum[..4]))
    }

    /// What is stored of the key: `api_keys.encrypted_api_key`. Of its text, so that whoever finds a key
    /// can look with `sha256sum` whose it is.
    pub(crate) fn digest(&self) -> String {
        format!("{KIND}{}", hex(&Sha256::digest(self.to_string())))
    }
}

impl fmt::Display for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.prefix(), URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_…", self.prefix())
    }
}

impl FromStr for PlainKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (prefix, secret) =
            text.strip_prefix(MARK).and_then(|rest| rest.split_once('_')).ok_or(())?;
        let key = decode(secret).map(Self).ok_or(())?;
        if key.prefix().strip_prefix(MARK) == Some(prefix) { Ok(key) } else { Err(()) }
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decode(&String::deserialize(deserializer)?)
            .map(Self)
            .ok_or_else(|| D::Error::custom("no seed"))
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(newest: &str, older: &[&str]) -> KeyMaker {
        KeyMaker::new(&Secrets::new(newest, older)).expect("a key maker")
    }

    #[test]
    fn a_key_is_read_back_and_has_the_form_that_is_promised() {
        let maker = maker("a secret of at least thirty-two bytes", &[]);
        for _ in 0..100 {
            let key = maker.key(&Seed::random());
            let text = key.to_string();
            assert_eq!(text.len(), "by_".len() + 8 + 1 + 43);
            assert_eq!(text.parse(), Ok(key.clone()));
            assert!(text.starts_with(&format!("{}_", key.prefix())));
            let prefix = key.prefix();
            assert!(prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
            let digest = key.digest();
            let digits = digest.strip_prefix("sha256:").expect("its kind");
            assert_eq!(digits, hex(&Sha256::digest(&text)));
        }
    }

    #[test]
    fn a_seed_makes_the_same_key_again_but_only_under_the_same_secret() {
        let (first, second) = ("1".repeat(32), "2".repeat(32));
        let (one, other) = (maker(&first, &[]), maker(&second, &[]));
        let seed = Seed::random();
        let kept = serde_json::to_string(&seed).expect("json");
        let read: Seed = serde_json::from_str(&kept).expect("a seed");
        assert_eq!(one.key(&seed), one.key(&read));
        assert_ne!(one.key(&seed), other.key(&seed));
        assert_ne!(one.key(&seed), one.key(&Seed::random()));
        let key = one.key(&seed);
        let after = maker(&second, &[&first]);
        assert_eq!(after.key_again(&seed, &key.prefix()), Some(key.clone()));
        assert_eq!(after.key(&seed), other.key(&seed), "the newest makes");
        assert_eq!(other.key_again(&seed, &key.prefix()), None);
    }

    #[test]
    fn a_mistyped_key_is_none() {
        let key = maker(&"1".repeat(32), &[]).key(&Seed::random()).to_string();
        for wrong in [
            String::new(),
            "by_".to_owned(),
            "by_00000000_".to_owned(),
            key[1..].to_owned(),
            key[..key.len() - 1].to_owned(),
            format!("{key}A"),
            key.to_uppercase(),
            key.replacen(&key[3..11], "00000000", 1),
            format!(" {key}"),
        ] {
            assert_eq!(wrong.parse::<PlainKey>(), Err(()), "{wrong}");
        }
        assert!(!format!("{:?}", key.parse::<PlainKey>()).contains(&key[12..]));
    }
}
