//! Blockyard: a registry of ML blocks, verified edges and pipelines, straight on PostgreSQL.

#![warn(clippy::unwrap_used, clippy::expect_used)]

pub mod api;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod blocks;
pub mod cli;
pub mod code_repos;
pub mod config;
pub mod db;
pub mod dependencies;
pub mod development;
pub mod docker_images;
pub mod enrolment;
pub mod parts;
pub mod server;
pub mod service;
pub mod taxonomy;
pub mod telemetry;
pub mod users;
pub mod vectors;
pub mod versions;
