//! A request that is being served, counted from its first moment to its last.

use std::time::{Duration, Instant};

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::web;

use super::http_metrics::method_index;
use super::metrics::Metrics;

/// No answer: the client has left. nginx's number for it.
const CLIENT_LEFT: u16 = 499;

/// A request that is being served. Dropped before its end, its client has left.
pub struct Served {
    metrics: Option<web::Data<Metrics>>,
    begun: Instant,
    method: usize,
    path: String,
    has_ended: bool,
}

impl Served {
    pub fn begin(request: &ServiceRequest) -> Self {
        let metrics = request.app_data::<web::Data<Metrics>>().cloned();
        if let Some(metrics) = &metrics {
            metrics.http.in_flight.inc();
        }
        Self {
            metrics,
            begun: Instant::now(),
            method: method_index(request.method()),
            path: request.path().to_owned(),
            has_ended: false,
        }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// The answer is made, by the route with this pattern if it is known; how long it took.
    pub fn end(&mut self, pattern: Option<&str>, status: StatusCode) -> Duration {
        let duration = self.begun.elapsed();
        if let Some(metrics) = &self.metrics {
            let http = &metrics.http;
            let route = match pattern {
                Some(_) => http.route(pattern),
                // A panic took the request with it.
                None if status.is_server_error() => http.route_of_path(&self.path),
                None => http.route(None),
            };
            http.count(route, self.method, status.as_u16(), duration);
        }
        self.has_ended = true;
        duration
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let Some(metrics) = &self.metrics else { return };
        let http = &metrics.http;
        http.in_flight.dec();
        if !self.has_ended {
            let route = http.route_of_path(&self.path);
            http.count(route, self.method, CLIENT_LEFT, self.begun.elapsed());
        }
    }
}
