//! A whole registry as one stream of lines, and the stream as the registry of another database (ADR 85).
//!
//! By the owner of the database: numbers, digests, authors and times are kept, which no caller may set.

mod exporting;
mod form;
mod importing;
mod placing;
mod session;
mod tables;

pub use self::exporting::export;
pub use self::importing::{Import, Imported, import};
pub use self::session::{Error, Progress};
pub use self::tables::{LEFT_OUT, Table, copied};
