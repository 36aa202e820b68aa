//! What PostgreSQL stores instead of a password (RFC 5802, RFC 7677), made here: so the password
//! is neither sent nor written to the server's log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// PostgreSQL's own number. Every new connection pays for it, and the password is random.
const ITERATIONS: u32 = 4096;

/// The verifier of a password, under a new salt.
pub fn verifier(password: &str) -> String {
    with_salt(password, &rand::random::<[u8; 16]>())
}

fn with_salt(password: &str, salt: &[u8]) -> String {
    let salted = salted_password(password.as_bytes(), salt);
    let stored = Sha256::digest(mac(&salted, &[b"Client Key"]));
    let server = mac(&salted, &[b"Server Key"]);
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    )
}

/// PBKDF2 with HMAC-SHA-256 for exactly one block, which is what SCRAM calls `Hi`.
fn salted_password(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut block = mac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut sum = block;
    for _ in 1..ITERATIONS {
        block = mac(password, &[&block]);
        for (total, byte) in sum.iter_mut().zip(block) {
            *total ^= byte;
        }
    }
    sum
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::with_salt;

    /// The example of RFC 7677 §3: password `pencil`, 4096 iterations. The RFC shows the server's
    /// signature of one exchange; that it follows from our server key proves both keys' origin.
    #[test]
    fn the_server_key_is_that_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = with_salt("pencil", &salt);
        let server_key = STANDARD.decode(verifier.rsplit_once(':').unwrap().1).unwrap();
        let exchange = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
             r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
             c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = super::mac(&server_key, &[exchange.as_bytes()]);
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }
}
