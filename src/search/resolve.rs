//! What another vector store has found, as blocks and edges.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Kind;
use crate::api::entity::BlockType;
use crate::api::fields::{Fields, FromFields};
use crate::api::raw_json::RawJson;
use crate::filter::TaxonomyFilter;
use crate::vectors::{VectorDb, VectorKey};

/// More than a store gives for one question.
const MOST_HITS: usize = 500;

/// What a vector store has found.
#[derive(Debug, Serialize, ToSchema, FromFields)]
#[schema(example = json!({ "vector_db": "Pinecone", "vector_key": "imagenet-1k#v2", "score": 0.83 }))]
pub struct ForeignHit {
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"\S")]
    vector_db: VectorDb,
    #[schema(value_type = String, min_length = 1, max_length = 1000, pattern = r"\S")]
    vector_key: VectorKey,
    /// Whatever the store says; it comes back as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

impl ForeignHit {
    /// `None` when no representation can have that key.
    pub(super) fn of(vector_db: &str, key: String, score: f64) -> Option<Self> {
        let vector_db = serde_json::from_value(vector_db.into()).ok()?;
        let vector_key = serde_json::from_value(key.into()).ok()?;
        Some(Self { vector_db, vector_key, score: Some(score) })
    }
}

/// What vector stores have found, best first.
#[derive(Debug, ToSchema)]
pub struct ForeignHits {
    #[schema(min_items = 1, max_items = 500)]
    pub(super) hits: Vec<ForeignHit>,
}

impl FromFields for ForeignHits {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        match fields.items("hits", MOST_HITS)? {
            Some(hits) if !hits.is_empty() => Some(Self { hits }),
            _ => {
                fields.fault("hits", "Must have at least one hit.");
                None
            }
        }
    }
}

/// The blocks and edges behind them, in the order in which they came.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resolved {
    #[schema(value_type = Vec<ResolvedHit>)]
    pub hits: RawJson,
    /// Those whose `taxonomy_filter` does not let their block be found: it is not in the categories.
    #[schema(value_type = Vec<ResolvedHit>)]
    pub refused: RawJson,
    /// Those that nothing here has as its vector representation.
    #[schema(value_type = Vec<ForeignHit>)]
    pub unknown: RawJson,
}

/// A block or an edge that a vector store has found.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct ResolvedHit {
    vector_db: String,
    vector_key: String,
    #[schema(value_type = f64, required = false)]
    score: Option<f64>,
    kind: Kind,
    id: Uuid,
    name: String,
    /// Of a block.
    #[schema(value_type = BlockType, required = false)]
    block_type: Option<BlockType>,
    /// Of an edge: `passed`, `failed`, `pending` or `none`.
    #[schema(value_type = String, required = false)]
    verification_status: Option<String>,
    current_version_id: Uuid,
    version_number: i32,
    /// The vector representation.
    vector_id: Uuid,
    taxonomy_filter: Option<TaxonomyFilter>,
    /// Whether the active version is newer than what is known of the vector.
    stale: bool,
}
