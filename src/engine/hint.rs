//! What Dagster's side calls out when a run has changed: a hint to look, and nothing more.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::api::problem::Problem;
use crate::config::Secret;

/// How old a signature may be, and how far ahead the clock of who made it.
const WINDOW_SECONDS: i64 = 300;

/// Whether a signature is that of these bytes: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>." and the
/// bytes>`. Within its window it may come again: a hint that is repeated does no harm.
///
/// # Errors
/// 401.
pub(super) fn check(
    secret: Option<&Secret>,
    signature: Option<&str>,
    body: &[u8],
    now: i64,
) -> Result<(), Problem> {
    let refused = |why: &str| Problem::unauthorized(why);
    let Some(secret) = secret else {
        return Err(refused("This registry takes no events: DAGSTER_EVENTS_SECRET is not set."));
    };
    let (time, code) = signature
        .and_then(|text| text.strip_prefix("t=")?.split_once(",v1="))
        .ok_or_else(|| refused("Blockyard-Signature must be t=<unix seconds>,v1=<hex>."))?;
    let at: i64 = time.parse().map_err(|_| refused("The time of the signature is no number."))?;
    if now.abs_diff(at) > WINDOW_SECONDS.unsigned_abs() {
        return Err(refused("The signature is not of these five minutes."));
    }
    let wrong = || refused("The signature is not that of this body.");
    let code = unhex(code).ok_or_else(wrong)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| Problem::internal())?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&code).map_err(|_| wrong())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn code(time: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        let mut code = String::new();
        for byte in mac.finalize().into_bytes() {
            write!(code, "{byte:02x}").expect("a text");
        }
        format!("t={time},v1={code}")
    }

    #[test]
    fn a_signature_is_of_this_body_and_this_time() {
        let secret = Secret::from(SECRET.to_owned());
        let try_it = |signature: Option<&str>, body: &[u8], now| {
            check(Some(&secret), signature, body, now).is_ok()
        };
        let good = code("1700000000", b"{}");
        assert!(try_it(Some(&good), b"{}", 1_700_000_000));
        assert!(try_it(Some(&good), b"{}", 1_700_000_300));
        assert!(!try_it(Some(&good), b"{}", 1_700_000_301), "replayed later");
        assert!(!try_it(Some(&good), b"{}", 1_699_999_699), "made ahead of time");
        assert!(!try_it(Some(&good), b"{ }", 1_700_000_000), "another body");
        let moved = good.replace("1700000000", "1700000001");
        assert!(!try_it(Some(&moved), b"{}", 1_700_000_000), "another time");
        for bad in
            [None, Some(""), Some("t=1700000000"), Some("t=x,v1="), Some("t=1700000000,v1=é")]
        {
            assert!(!try_it(bad, b"{}", 1_700_000_000), "{bad:?}");
        }
        assert!(check(None, Some(&good), b"{}", 1_700_000_000).is_err(), "no secret");
    }
}
