//! The HTTP vocabulary that all resources share.

pub mod accept;
pub mod body;
pub mod csv;
pub mod entity;
pub mod etag;
pub mod fields;
pub mod hex;
mod i_json;
pub mod id;
pub mod known_paths;
pub mod name;
pub mod page;
pub mod path;
pub mod position;
pub mod problem;
pub mod query;
pub mod raw_json;
pub mod reply;
pub mod router;
pub mod text;
pub mod thing;
pub mod time;
pub mod told;
pub mod unread;
pub mod word;
