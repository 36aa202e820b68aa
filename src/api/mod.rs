//! The HTTP vocabulary that all resources share.

pub mod change;
pub mod chronology;
pub mod etag;
pub mod fields;
pub mod idempotency;
pub mod known_paths;
pub mod openapi;
pub mod page;
pub mod path;
pub mod problem;
pub mod query;
pub mod raw_json;
pub mod removal;
pub mod reply;
pub mod router;
pub mod text;
pub mod time;
pub mod unread;
pub mod word;
