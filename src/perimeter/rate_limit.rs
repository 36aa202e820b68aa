//! How many requests a minute one caller and one address may send to this instance.
//!
//! GCRA, by `governor`: a full minute's worth may come at once, and what was used comes back
//! evenly. It counts in monotonic time, so that a clock which is set changes nothing.
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/10/>

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::forwarding::Network;
use crate::api::problem::Problem;
use crate::config::Config;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How often those are forgotten who have their whole quota again.
const FORGETTING: Duration = Duration::from_secs(5);

/// The limits that are set, and what has been used of them.
pub(super) struct RateLimits {
    caller: Option<Limit<u128>>,
    address: Option<Limit<Network>>,
    /// What is told of them with every answer; `None` when there are none.
    policy: Option<HeaderValue>,
}

/// Whom a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Caller,
    Address,
}

/// Where one who is counted stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    counted: Counted,
    /// How many more requests may come at once.
    remaining: u32,
    /// In how many seconds: all of them again, or after a refusal the next.
    seconds: u64,
}

struct Limit<K: Hash + Eq + Clone, C: Clock = MonotonicClock> {
    counted: Counted,
    quota: NonZeroU32,
    used: RateLimiter<K, DashMapStateStore<K>, C, StateInformationMiddleware>,
}

impl RateLimits {
    pub(super) fn new(config: &Config) -> Self {
        let caller = NonZeroU32::new(config.rate_limit_caller)
            .map(|quota| Limit::new(Counted::Caller, quota, MonotonicClock));
        let address = NonZeroU32::new(config.rate_limit_address)
            .map(|quota| Limit::new(Counted::Address, quota, MonotonicClock));
        let policies = [caller.as_ref().map(Limit::policy), address.as_ref().map(Limit::policy)];
        let policies: Vec<_> = policies.into_iter().flatten().collect();
        Self {
            caller,
            address,
            policy: HeaderValue::from_str(&policies.join(", "))
                .ok()
                .filter(|policy| !policy.is_empty()),
        }
    }

    pub(super) fn admit_caller(&self, caller: u128) -> Result<Option<Standing>, Problem> {
        self.caller.as_ref().map(|limit| limit.admit(&caller)).transpose()
    }

    pub(super) fn admit_address(&self, network: Network) -> Result<Option<Standing>, Problem> {
        self.address.as_ref().map(|limit| limit.admit(&network)).transpose()
    }

    /// Adds the headers of the draft. A refusal has said already where its caller stands.
    pub(super) fn tell(&self, standing: Option<Standing>, headers: &mut HeaderMap) {
        let Some(policy) = &self.policy else { return };
        headers.insert(RATE_LIMIT_POLICY, policy.clone());
        if let Some(standing) = standing
            && !headers.contains_key(RATE_LIMIT)
            && let Ok(value) = HeaderValue::try_from(standing.text())
        {
            headers.insert(RATE_LIMIT, value);
        }
    }

    /// What is remembered is bounded by what comes in until somebody has their quota again, a
    /// minute at most: here it is given up, as long as there are limits.
    pub(super) fn forget_regularly(limits: &Arc<Self>) {
        if limits.policy.is_none() {
            return;
        }
        let limits = Arc::downgrade(limits);
        tokio::spawn(async move {
            let mut turns = tokio::time::interval(FORGETTING);
            loop {
                turns.tick().await;
                let Some(limits) = Weak::upgrade(&limits) else {
                    return;
                };
                if let Some(limit) = &limits.caller {
                    limit.forget();
                }
                if let Some(limit) = &limits.address {
                    limit.forget();
                }
            }
        });
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Limit<K, C> {
    fn new(counted: Counted, quota: NonZeroU32, clock: C) -> Self {
        Self {
            counted,
            quota,
            used: RateLimiter::new(Quota::per_minute(quota), DashMapStateStore::default(), clock),
        }
    }

    fn admit(&self, key: &K) -> Result<Standing, Problem> {
        let standing = |remaining, seconds| Standing { counted: self.counted, remaining, seconds };
        match self.used.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let quota = u64::from(self.quota.get());
                let used = quota.saturating_sub(remaining.into());
                Ok(standing(remaining, (used * 60).div_ceil(quota)))
            }
            Err(until) => {
                let wait = until.wait_time_from(self.used.clock().now());
                // A header has whole seconds: not one too few.
                let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
                let standing = standing(0, seconds);
                Err(Problem::too_many_requests(self.counted.name(), self.quota.get(), seconds)
                    .with_header(RATE_LIMIT, standing.text()))
            }
        }
    }

    fn policy(&self) -> String {
        format!(r#""{}";q={};w=60"#, self.counted.name(), self.quota)
    }

    fn forget(&self) {
        self.used.retain_recent();
        self.used.shrink_to_fit();
    }
}

impl Counted {
    const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Address => "address",
        }
    }
}

impl Standing {
    /// An item of `RateLimit`, with as little formatting as every answer can bear.
    fn text(self) -> String {
        let mut text = String::with_capacity(40);
        text.push('"');
        text.push_str(self.counted.name());
        text.push_str("\";r=");
        text.push_str(itoa::Buffer::new().format(self.remaining));
        text.push_str(";t=");
        text.push_str(itoa::Buffer::new().format(self.seconds));
        text
    }

    /// The one that ends first.
    pub(super) fn tighter(caller: Option<Self>, address: Option<Self>) -> Option<Self> {
        match (caller, address) {
            (Some(caller), Some(address)) if address.remaining < caller.remaining => Some(address),
            (caller, address) => caller.or(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use actix_web::ResponseError;
    use actix_web::http::header::RETRY_AFTER;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limit(quota: u32) -> (Limit<u128, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let quota = NonZeroU32::new(quota).expect("a limit");
        (Limit::new(Counted::Caller, quota, clock.clone()), clock)
    }

    fn text(outcome: Result<Standing, Problem>) -> String {
        outcome.expect("admitted").text()
    }

    fn retry_after(outcome: Result<Standing, Problem>) -> String {
        let refusal = outcome.expect_err("refused").error_response();
        let header = refusal.headers().get(RETRY_AFTER).expect("a time");
        header.to_str().expect("a text").to_owned()
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_comes_back_evenly() {
        let (limit, clock) = limit(3);
        assert_eq!(text(limit.admit(&1)), r#""caller";r=2;t=20"#);
        assert_eq!(text(limit.admit(&1)), r#""caller";r=1;t=40"#);
        assert_eq!(text(limit.admit(&1)), r#""caller";r=0;t=60"#);
        assert_eq!(retry_after(limit.admit(&1)), "20");
        assert_eq!(text(limit.admit(&2)), r#""caller";r=2;t=20"#);
        clock.advance(Duration::from_millis(19_001));
        assert_eq!(retry_after(limit.admit(&1)), "1");
        clock.advance(Duration::from_secs(1));
        assert_eq!(text(limit.admit(&1)), r#""caller";r=0;t=60"#);
        clock.advance(Duration::from_hours(1));
        assert_eq!(text(limit.admit(&1)), r#""caller";r=2;t=20"#);
    }

    #[test]
    fn the_highest_limit_is_none_too_high() {
        let (limit, clock) = limit(u32::MAX);
        for _ in 0..1000 {
            assert!(limit.admit(&1).is_ok());
        }
        clock.advance(Duration::from_hours(1_000_000));
        let standing = limit.admit(&1).expect("admitted");
        assert_eq!(standing.remaining, u32::MAX - 1);
    }

    #[test]
    fn many_at_once_get_exactly_what_there_is() {
        let (limit, _) = limit(1000);
        let admitted = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..500).filter(|_| limit.admit(&1).is_ok()).count()))
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker")).sum::<usize>()
        });
        assert_eq!(admitted, 1000);
    }

    #[test]
    fn who_has_his_quota_again_is_forgotten() {
        let (limit, clock) = limit(60);
        for caller in 0..100_000 {
            assert!(limit.admit(&caller).is_ok());
        }
        limit.forget();
        assert_eq!(limit.used.len(), 100_000);
        clock.advance(Duration::from_secs(2));
        for _ in 0..10 {
            assert!(limit.admit(&7).is_ok());
        }
        limit.forget();
        assert_eq!(limit.used.len(), 1);
        assert_eq!(text(limit.admit(&7)), r#""caller";r=49;t=11"#);
    }

    #[tokio::test]
    async fn invented_addresses_do_not_stay() {
        let limits = Arc::new(RateLimits::new(&Config::default()));
        RateLimits::forget_regularly(&limits);
        for n in 0..10_000_u128 {
            let address = IpAddr::from(Ipv6Addr::from_bits(n << 64));
            assert!(limits.admit_address(address.into()).is_ok());
        }
        let forgotten = async {
            while limits.address.as_ref().is_some_and(|limit| !limit.used.is_empty()) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let outcome = tokio::time::timeout(FORGETTING * 20, forgotten).await;
        assert!(outcome.is_ok(), "still there");
    }
}
