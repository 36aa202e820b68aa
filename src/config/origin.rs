//! Origins, as browsers send them.

use url::Url;

/// Whether a text is an origin as browsers send it: `https://app.example.org`, nothing behind it.
pub(super) fn is_origin(text: &str) -> bool {
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
