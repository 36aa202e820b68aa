//! What every resource does, written once: a change with its precondition, body and key; create,
//! read, update, remove, restore, page, list as a table; why a change met no row; whose a part is.

pub mod as_of;
pub mod change;
pub mod chronology;
pub mod idempotency;
pub mod listing;
pub mod owner;
pub mod removal;
pub mod table;
pub mod verbs;
