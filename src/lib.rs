//! Blockyard: a registry of ML blocks, verified edges and pipelines, straight on PostgreSQL.

#![warn(clippy::unwrap_used, clippy::expect_used)]

pub mod api;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod blocks;
pub mod cli;
pub mod config;
pub mod db;
pub mod development;
pub mod edges;
pub mod enrolment;
pub mod server;
pub mod service;
pub mod telemetry;
pub mod users;
pub mod verifications;
pub mod versions;
