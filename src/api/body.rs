//! The body of a request: how large it may be, how long it may take, and how it is read.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tokio::time::timeout;

use super::fields::{self, FromFields};
use super::problem::Problem;

/// How large a body may be, and how long it may take to arrive.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit {
    pub bytes: usize,
    /// Of a whole registry as a file.
    pub file_bytes: usize,
    pub time: Duration,
}

impl Default for BodyLimit {
    fn default() -> Self {
        Self { bytes: 2 * 1024 * 1024, file_bytes: 16 * 1024 * 1024, time: Duration::from_secs(30) }
    }
}

/// What a body can be read as.
pub trait FromBody: Sized {
    /// How many bytes of it are taken.
    fn limit(limit: &BodyLimit) -> usize {
        limit.bytes
    }

    /// # Errors
    /// 415 when the body is of another media type, 400 when it is not of that form, 422 with its
    /// faults.
    fn from_body(request: &HttpRequest, bytes: &[u8]) -> Result<Self, Problem>;
}

/// JSON, read member by member.
impl<T: FromFields> FromBody for T {
    fn from_body(request: &HttpRequest, bytes: &[u8]) -> Result<Self, Problem> {
        if !(bytes.is_empty() && T::BODY_OPTIONAL) {
            require_media_type(request, JSON, "Send JSON, as Content-Type: application/json.")?;
        }
        fields::read(bytes)
    }
}

/// A body of plain text.
#[derive(Debug)]
pub struct PlainText(pub String);

impl FromBody for PlainText {
    fn from_body(request: &HttpRequest, bytes: &[u8]) -> Result<Self, Problem> {
        let otherwise = "Send text, as Content-Type: text/plain, or JSON, as application/json.";
        require_media_type(request, "text/plain", otherwise)?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| Problem::malformed("The body is not UTF-8."))?;
        if text.contains('\0') {
            return Err(Problem::invalid_field("", "Must not have null characters."));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A body that comes before there is a caller, as a login does.
pub struct Body<T>(pub T);

impl<T: FromBody + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = receive(request, payload, T::limit);
        let request = request.clone();
        Box::pin(async move { T::from_body(&request, &bytes.await?).map(Body) })
    }
}

/// Receives the whole body, of so many bytes at most; nothing is read before the future is polled.
///
/// # Errors
/// 415 when it is encoded, 413 when it is larger than [`BodyLimit`] allows, 408 when it takes
/// longer, 400 when it breaks off.
pub fn receive(
    request: &HttpRequest,
    payload: &mut Payload,
    bytes: fn(&BodyLimit) -> usize,
) -> impl Future<Output = Result<Bytes, Problem>> + use<> {
    let payload = web::Payload::from_request(request, payload);
    let request = request.clone();
    async move {
        let broken_off = || Problem::malformed("The body broke off.");
        let payload = payload.await;
        let limit = request.app_data::<BodyLimit>().copied().unwrap_or_default();
        let most = bytes(&limit);
        let encoded = request
            .headers()
            .get(header::CONTENT_ENCODING)
            .is_some_and(|value| value.as_bytes() != b"identity");
        if encoded {
            return Err(Problem::unsupported_media_type(
                "Bodies are read as they are, without Content-Encoding.",
            ));
        }
        let length = request.headers().get(header::CONTENT_LENGTH);
        let announced = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > most as u64) {
            return Err(Problem::too_large(most, announced));
        }
        let payload = payload.map_err(|_| broken_off())?;
        match timeout(limit.time, payload.to_bytes_limited(most)).await {
            Ok(Ok(Ok(bytes))) => Ok(bytes),
            Ok(Ok(Err(_))) => Err(broken_off()),
            Ok(Err(_)) => Err(Problem::too_large(most, None)),
            Err(_) => Err(Problem::too_slow()),
        }
    }
}

/// Whether the body says that it is JSON, where it may be something else as well.
pub fn is_json(request: &HttpRequest) -> bool {
    is_of(request, JSON)
}

const JSON: &str = "application/json";

/// Whether the body says that it is of this media type.
pub fn is_of(request: &HttpRequest, media_type: &str) -> bool {
    let mime = request.mime_type().ok().flatten();
    mime.is_some_and(|mime| mime.essence_str() == media_type)
}

fn require_media_type(request: &HttpRequest, wanted: &str, otherwise: &str) -> Result<(), Problem> {
    if is_of(request, wanted) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type(otherwise))
}
