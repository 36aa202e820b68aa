//! The service as its clients see it: over HTTP, on a real server and a real database.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/permissions.rs"]
mod permissions;

#[path = "../schema/world.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod world;

mod service;

mod archived;
mod audit;
mod blocks;
mod code_repos;
mod concurrency;
mod dependencies;
mod docker_images;
mod edges;
mod faults;
mod gate;
mod graph;
mod hostile;
mod http;
mod identity;
mod locks;
mod matrix;
mod metrics;
mod names;
mod parts;
mod perimeter;
mod pipelines;
mod round_trips;
mod runs;
mod taxonomy;
mod taxonomy_tree;
mod vectors;
mod verifications;
mod versions;
