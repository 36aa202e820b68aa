//! Which pipelines use a block or an edge.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// How a pipeline comes to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsedAs {
    /// It is pinned to it.
    Pin,
    /// It follows an alias.
    Alias,
    /// It follows the active version.
    Active,
}

/// A pipeline that has a block or an edge, and the version that a run would take.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct UsedBy {
    pipeline_id: Uuid,
    name: String,
    version_id: Uuid,
    version_number: i32,
    by: UsedAs,
    /// The alias that it follows.
    alias: Option<String>,
}
