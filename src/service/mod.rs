//! The service itself: greeting, health, its document.

pub mod routes;
