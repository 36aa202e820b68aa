//! What every resource does, written once.

pub mod change;
pub mod chronology;
pub mod idempotency;
pub mod listing;
pub mod owner;
pub mod removal;
