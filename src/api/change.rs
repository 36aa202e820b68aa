//! A request that changes something: who, under which precondition, with what body.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tokio::time::timeout;

use super::etag::IfMatch;
use super::fields::{self, FromFields};
use super::idempotency::IdempotencyKey;
use super::problem::Problem;
use crate::auth::caller::Caller;

/// How large a body may be, and how long it may take to arrive.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit {
    pub bytes: usize,
    pub time: Duration,
}

impl Default for BodyLimit {
    fn default() -> Self {
        Self {
            bytes: 2 * 1024 * 1024,
            time: Duration::from_secs(30),
        }
    }
}

/// A change that a caller asks for.
pub struct Change<T> {
    pub caller: Caller,
    pub if_match: IfMatch,
    pub body: T,
}

impl<T: FromFields + 'static> FromRequest for Change<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let mut caller = caller.await?;
            let if_match = IfMatch::of(&request)?;
            let bytes = read_body(&request, payload.await).await?;
            if !(bytes.is_empty() && T::BODY_OPTIONAL) {
                require_json(&request)?;
            }
            let body = fields::read(&bytes)?;
            if let Some(key) = IdempotencyKey::of(&request, &caller, &bytes)? {
                caller.set_idempotency_key(key);
            }
            Ok(Self {
                caller,
                if_match,
                body,
            })
        })
    }
}

/// A change whose body is plain text.
pub struct TextChange {
    pub caller: Caller,
    pub if_match: IfMatch,
    pub text: String,
}

impl FromRequest for TextChange {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let mut caller = caller.await?;
            let if_match = IfMatch::of(&request)?;
            let bytes = read_body(&request, payload.await).await?;
            require_media_type(
                &request,
                "text/plain",
                "Send text, as Content-Type: text/plain.",
            )?;
            if let Some(key) = IdempotencyKey::of(&request, &caller, &bytes)? {
                caller.set_idempotency_key(key);
            }
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| Problem::malformed("The body is not UTF-8."))?;
            if text.contains('\0') {
                return Err(Problem::invalid_field("", "Must not have null characters."));
            }
            Ok(Self {
                caller,
                if_match,
                text: text.to_owned(),
            })
        })
    }
}

/// A body that comes before there is a caller, as a login does.
pub struct Body<T>(pub T);

impl<T: FromFields + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let bytes = read_body(&request, payload.await).await?;
            if !(bytes.is_empty() && T::BODY_OPTIONAL) {
                require_json(&request)?;
            }
            fields::read(&bytes).map(Body)
        })
    }
}

async fn read_body(
    request: &HttpRequest,
    payload: Result<web::Payload, actix_web::Error>,
) -> Result<Bytes, Problem> {
    let broken_off = || Problem::malformed("The body broke off.");
    let limit = request.app_data::<BodyLimit>().copied().unwrap_or_default();
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
    if announced.is_some_and(|length| length > limit.bytes as u64) {
        return Err(Problem::too_large(limit.bytes));
    }
    let payload = payload.map_err(|_| broken_off())?;
    match timeout(limit.time, payload.to_bytes_limited(limit.bytes)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(_))) => Err(broken_off()),
        Ok(Err(_)) => Err(Problem::too_large(limit.bytes)),
        Err(_) => Err(Problem::too_slow()),
    }
}

fn require_json(request: &HttpRequest) -> Result<(), Problem> {
    require_media_type(
        request,
        "application/json",
        "Send JSON, as Content-Type: application/json.",
    )
}

fn require_media_type(request: &HttpRequest, wanted: &str, otherwise: &str) -> Result<(), Problem> {
    let mime = request.mime_type().ok().flatten();
    if mime.is_some_and(|mime| mime.essence_str() == wanted) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type(otherwise))
}
