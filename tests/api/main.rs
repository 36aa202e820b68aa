//! The service as its clients see it: over HTTP, on a real server and a real database.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/permissions.rs"]
mod permissions;

#[path = "../schema/world.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod world;

#[path = "../support/chromium.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod chromium;

#[path = "../support/listening.rs"]
mod listening;

#[path = "../support/addresses.rs"]
mod addresses;

#[path = "../support/dagster.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod dagster;
mod service;

mod aliases;
mod archived;
mod as_of;
mod audit;
mod blocks;
mod candidates;
mod changes;
mod code_repos;
mod concurrency;
mod console;
mod dependencies;
mod docker_images;
mod document;
mod edges;
mod engine;
mod engine_ends;
mod extremes;
mod faults;
mod gate;
mod graph;
mod hostile;
mod http;
mod identity;
mod json;
mod labelled;
mod lineage;
mod locks;
mod matrix;
mod metrics;
mod names;
mod parameters;
mod parts;
mod perimeter;
mod pipelines;
mod preview;
mod refusals;
mod registry_file;
mod round_trips;
mod rules;
mod runs;
mod search;
mod snapshots;
mod stores;
mod tables;
mod taxonomy;
mod taxonomy_tree;
mod vectors;
mod verifications;
mod versions;
mod who;
