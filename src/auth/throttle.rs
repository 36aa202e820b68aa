//! How often a password may be tried, per account and per client address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;

use crate::config::Config;

/// The limits, and whose word is taken for the client's address.
#[derive(Debug, Clone)]
pub(crate) struct Throttle {
    account_limit: i32,
    address_limit: i32,
    window_seconds: i32,
    trust_forwarded_for: bool,
}

/// One attempt at a password: where it comes from, and how many there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) address: String,
    pub(crate) account_limit: i32,
    pub(crate) address_limit: i32,
    pub(crate) window_seconds: i32,
}

impl Throttle {
    pub(super) fn new(config: &Config) -> Self {
        let bounded = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        Self {
            account_limit: bounded(config.login_account_limit),
            address_limit: bounded(config.login_address_limit),
            window_seconds: bounded(config.login_window_seconds),
            trust_forwarded_for: config.trust_forwarded_for,
        }
    }

    pub(super) fn attempt(&self, request: &HttpRequest) -> Attempt {
        let forwarded = self
            .trust_forwarded_for
            .then(|| forwarded_for(request))
            .flatten();
        let address = forwarded.or_else(|| request.peer_addr().map(|peer| peer.ip()));
        Attempt {
            address: address.map_or_else(|| "unknown".to_owned(), network),
            account_limit: self.account_limit,
            address_limit: self.address_limit,
            window_seconds: self.window_seconds,
        }
    }
}

/// The last entry: the one that our own proxy has added; those before it anybody may invent.
fn forwarded_for(request: &HttpRequest) -> Option<IpAddr> {
    let header = request.headers().get_all("X-Forwarded-For").last()?;
    let entry = header.to_str().ok()?.rsplit(',').next()?.trim();
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .ok()
        .or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()))
}

/// Who has one IPv6 address has the 2⁶⁴ of its network.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn throttle(trust_forwarded_for: bool) -> Throttle {
        Throttle::new(&Config {
            trust_forwarded_for,
            ..Config::default()
        })
    }

    fn seen(trust: bool, forwarded: &[&str]) -> String {
        let peer = "192.0.2.7:4242".parse().expect("an address");
        let mut request = TestRequest::default().peer_addr(peer);
        for value in forwarded {
            request = request.append_header(("X-Forwarded-For", *value));
        }
        throttle(trust).attempt(&request.to_http_request()).address
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
    }
}
