//! Which pages of other origins may use the API from a browser (CORS). Credentials are tokens that
//! the page sends itself; there are no cookies, and so none are let through.

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::middleware::Condition;

use crate::api::position;

/// What a request of the API may carry beside what every page may send.
const REQUEST_HEADERS: [&str; 10] = [
    "authorization",
    "x-api-key",
    "content-type",
    "if-match",
    "if-none-match",
    "idempotency-key",
    position::HEADER,
    "x-request-id",
    "traceparent",
    "tracestate",
];

/// What of an answer a page may read beside what every page may.
const ANSWER_HEADERS: [&str; 11] = [
    "etag",
    "link",
    "location",
    "allow",
    "x-request-id",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "idempotency-replayed",
    position::HEADER,
    "www-authenticate",
];

/// Browsers keep the answer to a preflight for two hours at most.
const PREFLIGHT_SECONDS: usize = 7200;

/// Goes around everything else, so that a page can read refusals as well. Without any origin it is
/// not there.
pub fn cors(origins: &[String]) -> Condition<Cors> {
    let mut cors = Cors::default()
        .allowed_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allowed_headers(REQUEST_HEADERS)
        .expose_headers(ANSWER_HEADERS)
        .max_age(PREFLIGHT_SECONDS);
    for origin in origins {
        cors = match origin.as_str() {
            "*" => cors.allow_any_origin().send_wildcard(),
            origin => cors.allowed_origin(origin),
        };
    }
    Condition::new(!origins.is_empty(), cors)
}
