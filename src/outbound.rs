//! Asking others over HTTP: in time, up to a size, and nobody that they point to.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;

/// What a setting says, as the value of a header that no log shows.
///
/// # Errors
/// That it is none; never what it is.
pub(crate) fn secret_header(setting: &str, text: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| format!("{setting} is no value of a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A client that follows nobody elsewhere.
///
/// # Errors
/// When there is no client with these settings.
pub(crate) fn http_client(headers: HeaderMap, time: Duration) -> Result<reqwest::Client, String> {
    // Err: somebody has installed one before, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .default_headers(headers)
        .connect_timeout(time.min(Duration::from_secs(2)))
        .timeout(time)
        .redirect(Policy::none())
        .build()
        .map_err(|error| error.to_string())
}

/// Why the body of an answer is not there.
#[derive(Debug)]
pub(crate) enum NoBody {
    TooLarge,
    Broken(reqwest::Error),
}

/// The body of an answer, unless it has more bytes than this.
///
/// # Errors
/// See [`NoBody`].
pub(crate) async fn body(mut answer: Response, most: usize) -> Result<Vec<u8>, NoBody> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(NoBody::Broken)? {
        if body.len() + chunk.len() > most {
            return Err(NoBody::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an error of reqwest comes from: the outer ones repeat the address.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
