//! Locks: what runs ran on, word for word, under the digest of it.

mod comparison;
mod queries;
pub mod routes;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::raw_json::RawJson;

/// What runs ran on. It never changes, and whoever has it can compute its name: `lock_digest` is
/// the SHA-256 of `lock` in the canonical form of RFC 8785, in hex.
#[derive(Debug, Serialize, ToSchema)]
pub struct Lock {
    #[schema(example = "89358878025f80c275dc2f07d9c425b1b9192345269bd0f7e2b4cd99efeb3ef6")]
    pub lock_digest: String,
    /// `format`, `pipeline_id`, `dagster_pipeline_config`; `blocks` and `edges` with their exact
    /// versions, sources and the digest of their metadata; of edges `verification`.
    #[schema(value_type = Object)]
    pub lock: RawJson,
    /// When a run first ran on it.
    pub created_at: DateTime<Utc>,
}

/// What a run would run on now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProspectiveLock {
    /// Whether a run would be admitted.
    pub ready: bool,
    pub lock_digest: String,
    #[schema(value_type = Object)]
    pub lock: RawJson,
}

/// What turns one lock into another.
#[derive(Debug, Serialize, ToSchema)]
pub struct LockDiff {
    pub a: String,
    pub b: String,
    pub same: bool,
    /// What it comes to, a line each.
    #[schema(example = json!(["block resnet-50: version 3 → 4", "edge train: verified anew"]))]
    pub summary: Vec<String>,
    /// JSON Patch (RFC 6902) from `a` to `b`.
    #[schema(value_type = Vec<Object>)]
    pub patch: Value,
}
