//! The service itself: greeting, health, its document.

pub mod drain;
pub mod metrics_route;
pub mod routes;
