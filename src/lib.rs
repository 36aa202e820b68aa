//! Blockyard: a registry of ML blocks, verified edges and pipelines, straight on PostgreSQL.

pub mod db;
