//! The versions of blocks and edges: each change appends one. The database does the work
//! (`migrations/`); these are the words of their routes.

mod snapshots;

pub use snapshots::{
    Difference, Metadata, PatchOperation, Version, VersionList, VersionReference, Which, tree,
};
