//! Who is calling: passwords, tokens, API keys. Only here a [`caller::Caller`] is made.

pub mod caller;
