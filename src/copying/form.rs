//! The lines of a copy: a head, the rows of each table, and an end, without which it is cut.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::api::hex::hex;
use crate::db::migrate::MIGRATOR;

/// The form of this program.
pub(super) const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// That it is one of ours, and in which form.
    pub blockyard_copy: u32,
    /// The newest migration, for people.
    pub migration: i64,
    /// Of every migration, number and content.
    pub schema: String,
    pub exported_at: String,
    /// Whether addresses and password digests are in it.
    pub accounts: bool,
    pub tables: Vec<Counted>,
}

/// A table in a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counted {
    pub name: String,
    pub rows: u64,
}

/// A line after the first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub row: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// The last line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub rows: u64,
    /// Of the lines of the rows, each with what ends it.
    pub sha256: String,
}

/// The schema of this program, as one word.
pub(super) fn schema() -> String {
    let mut digest = Sha256::new();
    for migration in MIGRATOR.iter() {
        digest.update(migration.version.to_be_bytes());
        digest.update(&migration.checksum);
    }
    hex(&digest.finalize())
}
