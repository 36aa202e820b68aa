//! The ground floor: every way to the database.

pub mod private_server;
