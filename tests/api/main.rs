//! The service as its clients see it: over HTTP, on a real server and a real database.

#[path = "../support/mod.rs"]
mod support;

mod service;

mod audit;
mod blocks;
mod code_repos;
mod concurrency;
mod dependencies;
mod docker_images;
mod edges;
mod faults;
mod hostile;
mod http;
mod identity;
mod parts;
mod round_trips;
mod taxonomy;
mod taxonomy_tree;
mod vectors;
mod verifications;
mod versions;
