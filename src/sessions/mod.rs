//! Sessions: log in, stay logged in by refresh tokens that rotate, log out.

pub(crate) mod password;
pub(crate) mod queries;
pub mod routes;
