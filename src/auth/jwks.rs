//! The public keys of other issuers, from a JWKS document (RFC 7517).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

/// Keys older than this are fetched again, while they are used.
const FRESH_FOR: Duration = Duration::from_mins(10);
/// Keys older than this are not used before another fetch was tried.
const USABLE_FOR: Duration = Duration::from_hours(1);
/// However many unknown keys are named, the document is not fetched more often than this.
const PAUSE: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(5);
const LARGEST_DOCUMENT: usize = 256 * 1024;
const SHORTEST_RSA_MODULUS: usize = 2048 / 8;

/// A key, and the one algorithm that it is used with, whatever a token says.
pub(super) struct PinnedKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

type Keys = HashMap<String, Arc<PinnedKey>>;

/// The keys behind a URL. They are kept while the URL does not answer.
pub(super) struct Jwks {
    url: Url,
    client: reqwest::Client,
    fetched: RwLock<Fetched>,
    /// Held by the one who fetches: when it was last tried.
    last_try: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Fetched {
    keys: Keys,
    at: Option<Instant>,
}

/// Why there are no new keys.
#[derive(Debug, thiserror::Error)]
enum NotFetched {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the document has more than {LARGEST_DOCUMENT} bytes")]
    TooLarge,
    #[error("no JWKS document: {0}")]
    Document(#[from] serde_json::Error),
}

impl Jwks {
    pub(super) fn new(url: Url) -> Result<Self, reqwest::Error> {
        // Err: somebody has installed one before, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { url, client, fetched: RwLock::default(), last_try: Mutex::default() })
    }

    /// A key that is at hand; the document is fetched again in the background when it has aged.
    pub(super) fn key(self: &Arc<Self>, id: &str) -> Option<Arc<PinnedKey>> {
        let (key, age) = self.known(id)?;
        if age > USABLE_FOR {
            return None;
        }
        if age > FRESH_FOR {
            let keys = Arc::clone(self);
            tokio::spawn(async move { keys.fetch_unless_just_tried().await });
        }
        Some(key)
    }

    /// A key that is not at hand: fetches the document, unless that was just tried.
    pub(super) async fn fetched_key(&self, id: &str) -> Option<Arc<PinnedKey>> {
        self.fetch_unless_just_tried().await;
        self.known(id).map(|(key, _)| key)
    }

    fn known(&self, id: &str) -> Option<(Arc<PinnedKey>, Duration)> {
        let fetched = self.fetched.read().unwrap_or_else(PoisonError::into_inner);
        let key = fetched.keys.get(id)?;
        Some((Arc::clone(key), fetched.at?.elapsed()))
    }

    async fn fetch_unless_just_tried(&self) {
        let mut last_try = self.last_try.lock().await;
        if last_try.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        *last_try = Some(Instant::now());
        match self.fetch().await {
            Ok(keys) => {
                tracing::debug!(keys = keys.len(), "fetched the JWKS document");
                let mut fetched = self.fetched.write().unwrap_or_else(PoisonError::into_inner);
                *fetched = Fetched { keys, at: Some(Instant::now()) };
            }
            Err(error) => tracing::warn!(url = %self.url, %error, "no new keys"),
        }
    }

    async fn fetch(&self) -> Result<Keys, NotFetched> {
        let request = self.client.get(self.url.clone());
        let mut response = request.send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LARGEST_DOCUMENT {
                return Err(NotFetched::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(parse(&body)?)
    }
}

/// The usable keys of a document. Others may stand beside them and are passed over.
fn parse(document: &[u8]) -> serde_json::Result<Keys> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Value>,
    }
    let Document { keys } = serde_json::from_slice(document)?;
    Ok(keys
        .into_iter()
        .filter_map(|key| serde_json::from_value(key).ok())
        .filter_map(|key| pin(&key))
        .map(|(id, key)| (id, Arc::new(key)))
        .collect())
}

fn pin(jwk: &Jwk) -> Option<(String, PinnedKey)> {
    let id = jwk.common.key_id.clone()?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(point) => {
            let whole = length(&point.x) == Some(32) && length(&point.y) == Some(32);
            (point.curve == EllipticCurve::P256 && whole)
                .then_some((Algorithm::ES256, KeyAlgorithm::ES256))?
        }
        AlgorithmParameters::RSA(numbers) => (length(&numbers.n)? >= SHORTEST_RSA_MODULUS)
            .then_some((Algorithm::RS256, KeyAlgorithm::RS256))?,
        _ => return None,
    };
    let common = &jwk.common;
    let signs =
        common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let verifies = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let agrees = common.key_algorithm.is_none_or(|given| given == named);
    if !(signs && verifies && agrees) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some((id, PinnedKey { algorithm, key }))
}

fn length(base64: &str) -> Option<usize> {
    Some(URL_SAFE_NO_PAD.decode(base64).ok()?.len())
}

#[cfg(test)]
impl Jwks {
    /// Keys that need no URL.
    pub(super) fn of_document(document: &Value) -> Self {
        let url = Url::parse("http://127.0.0.1:9/").expect("a URL");
        let jwks = Self::new(url).expect("a client");
        let keys = parse(document.to_string().as_bytes()).expect("a document");
        let at = Some(Instant::now());
        *jwks.fetched.write().expect("the lock") = Fetched { keys, at };
        jwks
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"one","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    /// Answers every request alike, and counts them.
    async fn issuer(status: &str, body: String) -> (Arc<Jwks>, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\nlocation: /elsewhere\r\n");
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.expect("a client");
                counter.fetch_add(1, Ordering::Relaxed);
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                // A client that has heard enough hangs up.
                let answer = format!("{head}\r\n{body}");
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        let url = format!("http://{address}/jwks.json").parse();
        let jwks = Jwks::new(url.expect("a URL")).expect("a client");
        (Arc::new(jwks), asked)
    }

    #[actix_web::test]
    async fn unknown_keys_are_asked_for_once_in_a_while() {
        let (jwks, asked) = issuer("200 OK", format!(r#"{{"keys":[{KEY}]}}"#)).await;
        assert!(jwks.key("one").is_none());
        assert!(jwks.fetched_key("one").await.is_some());
        assert!(jwks.key("one").is_some());
        for _ in 0..5 {
            assert!(jwks.fetched_key("unknown").await.is_none());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[actix_web::test]
    async fn a_fetch_that_fails_leaves_the_keys_that_were_there() {
        let endless = " ".repeat(LARGEST_DOCUMENT) + r#"{"keys":[]}"#;
        for (status, body) in [
            ("500 Internal Server Error", String::new()),
            ("200 OK", "no document".to_owned()),
            ("200 OK", endless),
            ("302 Found", String::new()),
        ] {
            let (jwks, asked) = issuer(status, body).await;
            let keys = parse(format!(r#"{{"keys":[{KEY}]}}"#).as_bytes()).expect("keys");
            let at = Some(Instant::now());
            *jwks.fetched.write().expect("the lock") = Fetched { keys, at };
            assert!(jwks.fetched_key("unknown").await.is_none());
            assert_eq!(asked.load(Ordering::Relaxed), 1, "{status}");
            assert!(jwks.key("one").is_some(), "{status}");
        }
    }
}
