//! The versions of blocks and edges: each change appends one. The database does the work
//! (`migrations/`); these are the words of their routes.

mod reference;
mod review;
mod snapshots;
mod uses;

pub use reference::{AliasName, VersionReference, Which};
pub use review::{Activation, Withdrawal};
pub use snapshots::{Difference, Metadata, PatchOperation, Version, VersionList, tree};
pub use uses::{UsedAs, UsedBy};
