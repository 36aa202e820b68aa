//! How often a password may be tried, per account and per client address.

use actix_web::HttpRequest;

use crate::config::Config;
use crate::perimeter::Forwarding;

/// The limits, and how to know the client's address.
#[derive(Debug, Clone)]
pub(crate) struct Throttle {
    account_limit: i32,
    address_limit: i32,
    window_seconds: i32,
    forwarding: Forwarding,
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
            forwarding: Forwarding::new(config),
        }
    }

    pub(super) fn attempt(&self, request: &HttpRequest) -> Attempt {
        Attempt {
            address: self.forwarding.network(request.head()).to_string(),
            account_limit: self.account_limit,
            address_limit: self.address_limit,
            window_seconds: self.window_seconds,
        }
    }
}
