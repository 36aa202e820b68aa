//! The service as its clients see it: over HTTP, on a real server and a real database.

#[path = "../support/mod.rs"]
mod support;

mod service;

mod audit;
mod blocks;
mod concurrency;
mod faults;
mod gate;
mod graph;
mod hostile;
mod http;
mod identity;
mod locks;
mod pipelines;
mod round_trips;
mod runs;
mod versions;
