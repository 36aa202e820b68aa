//! Where a request comes from, and below which path it came: the peer of the connection, or what our
//! own proxy says of it.
//!
//! A proxy is believed when the configuration says so ([`Forwarding`]). That one has been on the way is
//! another question, and needs no belief ([`is_passed_on`]).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::dev::RequestHead;
use actix_web::http::header::{HeaderName, X_FORWARDED_FOR, X_FORWARDED_PROTO};

use crate::config::Config;

const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Longer than any path that a service is put below.
const LONGEST_PREFIX: usize = 200;

/// Whether a proxy in front of us is believed. Off, what a client says of itself does not count.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forwarding {
    trusted: bool,
}

/// Where a client is: its IPv4 address, or the /64 network of its IPv6 address, since who has one
/// address of it has all 2⁶⁴. `unknown` without a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(Option<IpAddr>);

impl Forwarding {
    pub fn new(config: &Config) -> Self {
        Self { trusted: config.trust_forwarded_for }
    }

    pub fn network(self, request: &RequestHead) -> Network {
        let forwarded = self.last(request, &X_FORWARDED_FOR).and_then(address);
        let peer = || request.peer_addr.map(|peer| peer.ip());
        forwarded.or_else(peer).map_or(Network(None), Network::from)
    }

    /// Whether the client itself spoke TLS, as the proxy that ended it says.
    pub fn is_https(self, request: &RequestHead) -> bool {
        self.last(request, &X_FORWARDED_PROTO)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }

    /// Below which path the proxy shows the service, as `/registry`; nothing when it is the root, or
    /// when what it says is no such path.
    pub fn prefix(self, request: &RequestHead) -> Option<&str> {
        let prefix = self.last(request, &X_FORWARDED_PREFIX)?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        is_prefix(prefix).then_some(prefix)
    }

    /// The last entry: the one that our own proxy has added; those before it anybody may invent.
    fn last<'a>(self, request: &'a RequestHead, header: &HeaderName) -> Option<&'a str> {
        if !self.trusted {
            return None;
        }
        let header = request.headers().get_all(header).last()?;
        Some(header.to_str().ok()?.rsplit(',').next()?.trim())
    }
}

/// What clients send of their own accord: tools that read metrics, browsers, traces.
const CLIENTS: [&str; 23] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "baggage",
    "cache-control",
    "connection",
    "cookie",
    "dnt",
    "host",
    "if-none-match",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "traceparent",
    "tracestate",
    "upgrade-insecure-requests",
    "user-agent",
    "x-prometheus-scrape-timeout-seconds",
    "x-request-id",
];

/// Whether something between the client and us has passed the request on. Each kind of proxy has its own
/// words for that (`X-Forwarded-…`, `Via`, `CF-Connecting-IP`, …); what is not a client's own is one's.
pub fn is_passed_on(request: &RequestHead) -> bool {
    request.headers().keys().any(|name| {
        let name = name.as_str();
        !CLIENTS.contains(&name) && !name.starts_with("sec-")
    })
}

/// Names with a slash before each. Anything else (another host, a scheme, a way up, a character that
/// means something in a header or in JSON) would lead elsewhere.
fn is_prefix(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.bytes().all(is_plain);
    text.len() <= LONGEST_PREFIX
        && text.strip_prefix('/').is_some_and(|names| names.split('/').all(is_name))
}

/// An address as proxies write it: bare, in brackets, with a port.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()))
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(Some(match address.to_canonical() {
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
            IpAddr::V4(address) => address.into(),
        }))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(IpAddr::V4(address)) => address.fmt(f),
            Some(IpAddr::V6(network)) => write!(f, "{network}/64"),
            None => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(headers: &[(&str, &str)]) -> actix_web::HttpRequest {
        let peer = "192.0.2.7:4242".parse().expect("an address");
        let mut request = TestRequest::default().peer_addr(peer);
        for header in headers {
            request = request.append_header(*header);
        }
        request.to_http_request()
    }

    fn seen(trusted: bool, forwarded: &[&str]) -> String {
        let headers: Vec<_> = forwarded.iter().map(|value| ("X-Forwarded-For", *value)).collect();
        let request = request(&headers);
        Forwarding { trusted }.network(request.head()).to_string()
    }

    #[test]
    fn what_a_client_says_of_itself_does_not_count() {
        assert_eq!(seen(false, &["203.0.113.9"]), "192.0.2.7");
        assert_eq!(seen(true, &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen(true, &["1.1.1.1", "203.0.113.9:80"]), "203.0.113.9");
        assert_eq!(seen(true, &["nonsense"]), "192.0.2.7");
        assert_eq!(seen(true, &[]), "192.0.2.7");
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(seen(true, &["2001:db8:1:2:3:4:5:6"]), "2001:db8:1:2::/64");
        assert_eq!(seen(true, &["[2001:db8:1:2::6]:443"]), "2001:db8:1:2::/64");
        assert_eq!(seen(true, &["::ffff:203.0.113.9"]), "203.0.113.9");
        let nowhere = TestRequest::default().to_http_request();
        let network = Forwarding::default().network(nowhere.head());
        assert_eq!(network.to_string(), "unknown");
    }

    #[test]
    fn whoever_has_passed_a_request_on_is_noticed() {
        let is_passed_on = |headers: &[(&str, &str)]| is_passed_on(request(headers).head());
        for direct in [
            &[][..],
            &[("Host", "localhost:8000"), ("User-Agent", "curl/8"), ("Accept", "*/*")],
            &[("User-Agent", "Prometheus/3"), ("X-Prometheus-Scrape-Timeout-Seconds", "10")],
            &[("Sec-Fetch-Mode", "navigate"), ("Accept-Language", "de"), ("Cookie", "a=b")],
            &[("Authorization", "Bearer 0"), ("traceparent", "00-0-0-00"), ("Connection", "close")],
        ] {
            assert!(!is_passed_on(direct), "{direct:?}");
        }
        for header in [
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "X-Forwarded-Prefix",
            "X-Real-IP",
            "CF-Connecting-IP",
            "CDN-Loop",
            "True-Client-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "X-Original-URL",
            "X-Envoy-External-Address",
            "X-Amzn-Trace-Id",
            "X-Azure-ClientIP",
            "Fly-Client-IP",
            "Fastly-Client-IP",
            "X-Appengine-User-IP",
            "X-ProxyUser-Ip",
            "Client-Cert",
            "Early-Data",
            "X-Nobody-Has-Heard-Of-It-Yet",
        ] {
            assert!(is_passed_on(&[("Host", "localhost"), (header, "1")]), "{header}");
        }
    }

    #[test]
    fn a_prefix_is_a_path_that_a_trusted_proxy_names() {
        let prefix = |trusted, said: &str| {
            let request = request(&[("X-Forwarded-Prefix", said)]);
            Forwarding { trusted }.prefix(request.head()).map(str::to_owned)
        };
        assert_eq!(prefix(true, "/registry").as_deref(), Some("/registry"));
        assert_eq!(prefix(true, "/a.b/c-d_~1/").as_deref(), Some("/a.b/c-d_~1"));
        assert_eq!(prefix(true, "/invented, /registry").as_deref(), Some("/registry"));
        assert_eq!(prefix(false, "/registry"), None);
        let long = format!("/{}", "a".repeat(LONGEST_PREFIX));
        for hostile in [
            "",
            "/",
            "//",
            "registry",
            "//evil.example",
            "/registry//",
            "///evil",
            "/\\evil",
            "\\evil",
            "https://evil.example",
            "javascript:alert(1)",
            "/javascript:alert(1)",
            "/..",
            "/a/../b",
            "/.",
            "/a/./b",
            "/a b",
            "/a?b",
            "/a#b",
            "/a%2f..",
            "/%0d%0aSet-Cookie:x",
            "/a\"b",
            "/a>b",
            "/<a>",
            "/a;b",
            "/@evil",
            "/a\tb",
            "/é",
            &long,
        ] {
            assert_eq!(prefix(true, hostile), None, "{hostile}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_that_it_was_https() {
        let is_https = |trusted, said: &[&str]| {
            let headers: Vec<_> = said.iter().map(|value| ("X-Forwarded-Proto", *value)).collect();
            Forwarding { trusted }.is_https(request(&headers).head())
        };
        assert!(is_https(true, &["https"]));
        assert!(is_https(true, &["http, HTTPS"]));
        assert!(!is_https(true, &["https", "http"]));
        assert!(!is_https(true, &[]));
        assert!(!is_https(false, &["https"]));
    }
}
