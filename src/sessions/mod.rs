//! Sessions: log in, stay logged in by refresh tokens that rotate, log out.

pub(crate) mod queries;
mod refresh_token;
pub mod routes;
