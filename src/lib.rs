//! Blockyard: a registry of ML blocks, verified edges and pipelines, straight on PostgreSQL.

// The service answers whatever happens.
#![warn(clippy::unwrap_used, clippy::expect_used)]
// All that clippy can ask for, except what would only add words.
#![warn(clippy::pedantic)]
#![allow(
    clippy::cast_precision_loss,
    clippy::format_push_string,
    clippy::match_same_arms,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::module_name_repetitions,
    clippy::must_use_candidate,
    clippy::option_option,
    clippy::redundant_closure_for_method_calls,
    clippy::similar_names,
    clippy::single_match_else,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    clippy::unreadable_literal,
    reason = "they ask for more words where the code says it already"
)]

pub mod aliases;
pub mod api;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod blocks;
pub mod changes;
pub mod cli;
pub mod code_repos;
pub mod config;
pub mod console;
pub mod db;
pub mod dependencies;
pub mod development;
pub mod docker_images;
pub mod document;
pub mod edges;
pub mod embeddings;
pub mod engine;
pub mod filter;
pub mod lineage;
pub mod locks;
pub mod owner;
pub mod perimeter;
pub mod pipelines;
pub mod preview;
pub mod registry_file;
pub mod resource;
pub mod runs;
pub mod search;
pub mod server;
pub mod service;
pub mod sessions;
pub mod taxonomy;
pub mod telemetry;
pub mod users;
pub mod vectors;
pub mod verifications;
pub mod versions;
