//! The service as its clients see it: over HTTP, on a real server and a real database.

#[path = "../support/mod.rs"]
mod support;

mod service;

mod audit;
mod blocks;
mod concurrency;
mod faults;
mod hostile;
mod http;
mod identity;
mod round_trips;
mod versions;
