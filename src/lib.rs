//! Blockyard: a registry of ML blocks, verified edges and pipelines, straight on PostgreSQL.

pub mod api;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod blocks;
pub mod code_repos;
pub mod config;
pub mod db;
pub mod dependencies;
pub mod docker_images;
pub mod parts;
pub mod server;
pub mod service;
pub mod taxonomy;
pub mod telemetry;
pub mod users;
pub mod vectors;
pub mod versions;
