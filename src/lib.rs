//! Blockyard: a registry of ML blocks, verified edges and pipelines, straight on PostgreSQL.

pub mod api;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod blocks;
pub mod config;
pub mod db;
pub mod locks;
pub mod pipelines;
pub mod runs;
pub mod server;
pub mod service;
pub mod telemetry;
pub mod users;
pub mod versions;
