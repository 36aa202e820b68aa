//! Who is calling: passwords, tokens, API keys. Only here a [`caller::Caller`] is made.

pub mod account;
pub mod caller;
mod credential;
mod gatekeeper;
mod identity;
mod jwks;
mod keyed_digest;
pub mod keys;
pub(crate) mod opaque_token;
pub mod passwords;
mod secrets;
pub(crate) mod signed_in;
pub(crate) mod throttle;
mod tokens;

pub use gatekeeper::{Gatekeeper, Unfit};
