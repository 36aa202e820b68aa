//! Addresses of others: origins, as browsers send them, and what may be sent where.

use url::Url;

use super::database::is_loopback;

/// Whether a text is an origin as browsers send it: `https://app.example.org`, nothing behind it.
pub(super) fn is_origin(text: &str) -> bool {
    !text.contains('*')
        && Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
        })
}

/// Whether a URL is one to send to; a secret only over TLS, or to this machine.
pub(super) fn may_carry(url: Option<&str>, a_secret: bool) -> bool {
    url.is_none_or(|text| {
        Url::parse(text).is_ok_and(|url| {
            url.host_str().is_some_and(|host| {
                url.scheme() == "https"
                    || url.scheme() == "http" && (!a_secret || is_loopback(host))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for origin in ["https://app.example.org", "http://localhost:5173", "http://[::1]:3000"] {
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
