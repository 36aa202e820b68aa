//! The database on its own: what it promises to every client, whatever the service does.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/permissions.rs"]
mod permissions;

mod catalog;
mod clients;
mod embeddings;
mod guards;
mod history;
mod lineage;
mod lint;
mod matrix;
mod names;
mod parameters;
mod privileges;
mod realtime;
mod statements;
mod world;
