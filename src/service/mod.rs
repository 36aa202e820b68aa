//! The service itself: greeting, health, its document.

pub mod metrics_route;
pub mod routes;
