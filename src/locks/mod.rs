//! Locks: what runs ran on, word for word, under the digest of it.

mod comparison;
mod queries;
pub mod routes;

pub use comparison::summary;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::raw_json::RawJson;
use crate::api::time::DateTime;
use crate::blocks::BlockType;
use crate::docker_images::ImageDigest;
use crate::versions::PatchOperation;

/// What runs ran on. It never changes, and whoever has it can compute its name: `lock_digest` is
/// the SHA-256 of `lock` in the canonical form of RFC 8785, in hex.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PipelineLock)]
pub struct Lock {
    #[schema(example = "89358878025f80c275dc2f07d9c425b1b9192345269bd0f7e2b4cd99efeb3ef6")]
    pub lock_digest: String,
    #[schema(value_type = LockContent)]
    pub lock: RawJson,
    /// When a run first ran on it.
    pub created_at: DateTime,
    /// What those in `verified_by` are called, by their ids.
    #[schema(value_type = HashMap<String, String>, example = json!({"01a20575-84d9-79db-a493-fbb455308177": "ada"}))]
    pub usernames: RawJson,
}

/// All that a run runs on, and nothing else: same inputs, same lock. `app.pipeline_lock` in the
/// database writes it.
//
// Locks have megabytes, and pass through as they are: this and its parts are for the document.
#[derive(Debug, ToSchema)]
pub struct LockContent {
    /// Of this form of a lock.
    #[schema(example = 1)]
    pub format: i32,
    pub pipeline_id: Uuid,
    #[schema(value_type = Object)]
    pub dagster_pipeline_config: RawJson,
    pub blocks: Vec<LockedBlock>,
    pub edges: Vec<LockedEdge>,
}

/// The exact version of a block.
#[derive(Debug, ToSchema)]
pub struct LockedBlock {
    /// The alias that led to the version.
    pub alias: Option<String>,
    pub block_id: Uuid,
    pub name: String,
    pub block_type: BlockType,
    pub version_id: Uuid,
    pub version_number: i32,
    /// SHA-256 of the metadata in the canonical form of RFC 8785, in hex.
    pub metadata_digest: String,
    pub repos: Vec<LockedRepo>,
    pub images: Vec<LockedImage>,
}

/// The exact version of an edge.
#[derive(Debug, ToSchema)]
pub struct LockedEdge {
    /// The alias that led to the version.
    pub alias: Option<String>,
    pub edge_id: Uuid,
    pub name: String,
    pub source_block_id: Uuid,
    pub target_block_id: Uuid,
    pub version_id: Uuid,
    pub version_number: i32,
    /// SHA-256 of the metadata in the canonical form of RFC 8785, in hex.
    pub metadata_digest: String,
    /// What clears the version; null while nothing does.
    pub verification: Option<Clearance>,
    pub repos: Vec<LockedRepo>,
    pub images: Vec<LockedImage>,
}

/// The verification that clears a version of an edge.
#[derive(Debug, ToSchema)]
pub struct Clearance {
    pub verification_id: Uuid,
    pub verified_by: Option<Uuid>,
    /// As it is in the lock, to the letter.
    #[schema(format = DateTime)]
    pub verified_at: String,
}

/// A repository that a version is built from.
#[derive(Debug, ToSchema)]
pub struct LockedRepo {
    pub repo_url: String,
    pub branch: String,
}

/// An image that a version runs in.
#[derive(Debug, ToSchema)]
pub struct LockedImage {
    pub registry_url: String,
    pub image_tag: String,
    /// Without it, what runs is whatever the tag names then.
    #[schema(value_type = Option<ImageDigest>)]
    pub image_digest: Option<String>,
}

/// What a run would run on now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProspectiveLock {
    /// Whether a run would be admitted.
    pub ready: bool,
    pub lock_digest: String,
    #[schema(value_type = LockContent)]
    pub lock: RawJson,
    /// What those in `verified_by` are called, by their ids.
    #[schema(value_type = HashMap<String, String>, example = json!({"01a20575-84d9-79db-a493-fbb455308177": "ada"}))]
    pub usernames: RawJson,
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
    #[schema(value_type = Vec<PatchOperation>)]
    pub patch: Value,
}
