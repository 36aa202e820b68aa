//! What is counted of requests: by the pattern of the route, never by the path, so that clients
//! cannot make series.
//!
//! A counter is looked up once, when a route first gives such an answer. After that a request costs
//! a few atomic additions, no lock and nothing allocated.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge};
use prometheus::{Opts, Registry, Result};

/// The route of what met none.
const UNMATCHED: &str = "unmatched";
/// The page that shows the document.
const PAGE: [&str; 2] = ["/docs", "/docs/{_:.*}"];

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "_OTHER"];

/// What the service answers with; a status that is not here is looked up each time.
const STATUSES: [u16; 24] = [
    200, 201, 202, 204, 206, 302, 304, 400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 415, 422,
    429, 499, 500, 503, 504,
];

/// From half a millisecond, a point read, to what runs into the time limit of a statement.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The name of a method, of which there are a few: `_OTHER` stands for what clients invent.
pub(super) fn method_name(method: &Method) -> &'static str {
    METHODS[method_index(method)]
}

pub(super) fn method_index(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

pub(super) struct HttpMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    pub(super) in_flight: IntGauge,
    by_pattern: HashMap<String, usize>,
    routes: Vec<Route>,
}

pub(super) struct Route {
    pattern: String,
    definition: ResourceDef,
    methods: [Endpoint; METHODS.len()],
}

#[derive(Default)]
struct Endpoint {
    duration: OnceLock<Histogram>,
    answers: [OnceLock<IntCounter>; STATUSES.len()],
}

impl HttpMetrics {
    /// For the routes with these patterns.
    pub fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Self> {
        let routes: Vec<_> = std::iter::once(UNMATCHED)
            .chain(patterns)
            .chain(PAGE)
            .map(|pattern| Route {
                pattern: pattern.to_owned(),
                definition: ResourceDef::new(pattern),
                methods: Default::default(),
            })
            .collect();
        let by_pattern = routes.iter().enumerate();
        Ok(Self {
            requests: IntCounterVec::new(
                Opts::new(
                    "blockyard_http_requests_total",
                    "Requests that were answered; status 499: the client left before.",
                ),
                &["route", "method", "status"],
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "blockyard_http_request_duration_seconds",
                    "From the head of a request to the head of its answer.",
                )
                .buckets(SECONDS.to_vec()),
                &["route", "method"],
            )?,
            in_flight: IntGauge::new(
                "blockyard_http_requests_in_flight",
                "Requests that are being served.",
            )?,
            by_pattern: by_pattern.map(|(index, route)| (route.pattern.clone(), index)).collect(),
            routes,
        })
    }

    pub fn register(&self, registry: &Registry) -> Result<()> {
        registry.register(Box::new(self.requests.clone()))?;
        registry.register(Box::new(self.durations.clone()))?;
        registry.register(Box::new(self.in_flight.clone()))
    }

    pub(super) fn route(&self, pattern: Option<&str>) -> &Route {
        let known = pattern.and_then(|pattern| self.by_pattern.get(pattern));
        &self.routes[known.copied().unwrap_or(0)]
    }

    /// The route that a path leads to; looks at all of them.
    pub(super) fn route_of_path(&self, path: &str) -> &Route {
        let mut others = self.routes[1..].iter();
        others.find(|route| route.definition.is_match(path)).unwrap_or(&self.routes[0])
    }

    pub(super) fn count(&self, route: &Route, method: usize, status: u16, duration: Duration) {
        let (pattern, name) = (route.pattern.as_str(), METHODS[method]);
        let endpoint = &route.methods[method];
        endpoint
            .duration
            .get_or_init(|| self.durations.with_label_values(&[pattern, name]))
            .observe(duration.as_secs_f64());
        let answered = || self.requests.with_label_values(&[pattern, name, &status.to_string()]);
        match STATUSES.iter().position(|known| *known == status) {
            Some(index) => endpoint.answers[index].get_or_init(answered).inc(),
            None => answered().inc(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_clients_invent_are_one() {
        for known in [Method::GET, Method::PATCH, Method::HEAD, Method::OPTIONS] {
            assert_eq!(method_name(&known), known.as_str());
        }
        for other in ["PROPFIND", "get", "TRACE", "X1"] {
            let method = Method::from_bytes(other.as_bytes()).expect("a method");
            assert_eq!(method_name(&method), "_OTHER");
        }
    }

    #[test]
    fn a_path_finds_its_route() {
        let metrics = HttpMetrics::new(["/blocks", "/blocks/{block}"].into_iter());
        let metrics = metrics.expect("metrics");
        for (path, pattern) in [
            ("/blocks/x", "/blocks/{block}"),
            ("/blocks", "/blocks"),
            ("/blocks/x/y", UNMATCHED),
            ("/unmatched", UNMATCHED),
        ] {
            assert_eq!(metrics.route_of_path(path).pattern, pattern, "{path}");
        }
        assert_eq!(metrics.route(Some("/invented")).pattern, UNMATCHED);
    }
}
