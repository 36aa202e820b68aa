//! What a browser must not do with an answer (OWASP REST Security Cheat Sheet).

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// The common ones are short and ready made, since every answer carries them.
const EVERYWHERE: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
const NO_DEVICES: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=()");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// A drawing has its colours in itself, also where it is opened alone.
const OF_A_DRAWING: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
);

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// A program. Shown in a browser all the same, the answer loads and runs nothing.
    Client,
    /// A person with Swagger UI, which brings everything that it needs itself.
    Docs,
    /// A person with the console, which brings everything that it needs itself and has nothing inline.
    Console,
}

impl Audience {
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/docs/") {
            Self::Docs
        } else if path == "/console" || path.starts_with("/console/") {
            Self::Console
        } else {
            Self::Client
        }
    }

    const fn content_policy(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Client => "default-src 'none'; frame-ancestors 'none'",
            Self::Docs => {
                "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                 img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                 frame-ancestors 'none'"
            }
            Self::Console => {
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                 connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            }
        })
    }

    /// Adds them. That the host only speaks TLS is said only where it does.
    pub(super) fn tell(self, is_https: bool, headers: &mut HeaderMap) {
        for (name, value) in EVERYWHERE {
            headers.insert(name, value);
        }
        let is_drawing = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "image/svg+xml");
        let policy = if is_drawing { OF_A_DRAWING } else { self.content_policy() };
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        if self == Self::Console {
            // With none at all, a browser would not say either which page a form stands on.
            headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
            headers.insert(PERMISSIONS, NO_DEVICES);
            headers.insert(OPENER, HeaderValue::from_static("same-origin"));
        }
        if is_https {
            headers.insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
        }
    }
}
