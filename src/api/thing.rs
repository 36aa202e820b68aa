//! The things in the registry that a refusal is about.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something in the registry.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only: the database says which")]
pub struct Thing {
    /// `pipeline`, `pipeline_run`, `block`, `edge`, `taxonomy` or `vector`.
    entity_type: String,
    entity_id: Uuid,
    /// Runs have none.
    #[schema(required = false, value_type = String)]
    name: Option<String>,
    /// With `in_use`, of a block, an edge or a pipeline: the address of what a change of it reaches.
    #[schema(required = false, value_type = String, example = "/impact?node=block:01a20575-84d9-79db-a493-fbb455308177")]
    impact: Option<String>,
}

/// These things, each that has one with the address of its impact.
pub fn with_impact(mut things: Value) -> Value {
    for thing in things.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let node = match (thing.get("entity_type"), thing.get("entity_id")) {
            (Some(Value::String(kind)), Some(Value::String(id)))
                if matches!(kind.as_str(), "block" | "edge" | "pipeline") =>
            {
                format!("/impact?node={kind}:{id}")
            }
            _ => continue,
        };
        thing.insert("impact".to_owned(), node.into());
    }
    things
}

/// One reason why a pipeline may not run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Blocker {
    /// `pipeline_archived`, `pipeline_empty`, `block_archived`, `edge_archived`, `edge_unverified`,
    /// `edge_verification_pending`, `edge_verification_failed`, `block_version_withdrawn` or
    /// `edge_version_withdrawn`; of a warning `version_constraint`, `image_without_digest` or `engine_unreachable`.
    pub code: String,
    /// `pipeline`, `block` or `edge`.
    pub entity_type: String,
    pub entity_id: Uuid,
    pub name: String,
    pub version_id: Option<Uuid>,
    pub version_number: Option<i32>,
    /// What to do about it.
    pub detail: String,
    /// The address of what a change of it reaches.
    #[schema(example = "/impact?node=edge:01a20575-84d9-79db-a493-fbb455308177")]
    pub impact: String,
}

/// A category that a block is in.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockCategory {
    pub category_id: Uuid,
    pub name: String,
    pub parent_id: Option<Uuid>,
}
