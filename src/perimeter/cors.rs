//! Which pages of other origins may use the API from a browser (CORS). Credentials are tokens that
//! the page sends itself; there are no cookies, and so none are let through.

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::middleware::Condition;
use url::Url;

/// What a request of the API may carry beside what every page may send.
const REQUEST_HEADERS: [&str; 9] = [
    "authorization",
    "x-api-key",
    "content-type",
    "if-match",
    "if-none-match",
    "idempotency-key",
    "x-request-id",
    "traceparent",
    "tracestate",
];

/// What of an answer a page may read beside what every page may.
const ANSWER_HEADERS: [&str; 10] = [
    "etag",
    "link",
    "location",
    "allow",
    "x-request-id",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "idempotency-replayed",
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

/// Whether a text is an origin as browsers send it: `https://app.example.org`, nothing behind it.
pub fn is_origin(text: &str) -> bool {
    !text.contains('*')
        && Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for origin in [
            "https://app.example.org",
            "http://localhost:5173",
            "http://[::1]:3000",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "https://app.example.org/",
            "https://app.example.org:443",
            "https://APP.example.org",
            "app.example.org",
            "null",
            "*",
            "file:///etc",
            "https://*.example.org",
            "https://a b",
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }
}
