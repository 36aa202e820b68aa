//! The kinds of things that there are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the audit trail tells apart (`audit_entity_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[schema(as = AuditEntityType)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "audit_entity_type", rename_all = "snake_case")]
pub enum Entity {
    Block,
    Edge,
    Pipeline,
    Taxonomy,
    Metadata,
    User,
    ApiKey,
    CodeRepo,
    DockerImage,
    Verification,
    Dependency,
    Vector,
    PipelineRun,
    PipelineLock,
    AuditLog,
    Alias,
    EmbeddingModel,
}

/// What kind of thing a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "block_type", rename_all = "snake_case")]
pub enum BlockType {
    Dataset,
    Model,
}
