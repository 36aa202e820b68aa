//! Where the embedding of a block or an edge lives, for searches of retrieval-augmented generation.
//! Blocks and edges have a table each, of the same shape; all but the names of the routes is
//! shared.

pub mod block_routes;
pub mod edge_routes;
pub(crate) mod queries;
pub mod routes;
mod store_filter;

use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::query::FromParams;
use crate::resource::chronology::Chronology;

use crate::api::entity::Entity;
use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::path;
use crate::api::raw_json::RawJson;
use crate::api::text::Line;
use crate::api::time::DateTime;
use crate::filter::TaxonomyFilter;
use crate::resource::owner::{EntityType, Owned, Owner};
use crate::resource::verbs::Resource;

/// Which vector database: at most 100 characters.
pub type VectorDb = Line<100>;

/// What finds the vector there: at most 1,000 characters.
pub type VectorKey = Line<1_000>;

/// Where an embedding of a block or an edge lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Vector {
    pub vector_id: Uuid,
    /// Whose it is, when it is a block's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Uuid, required = false)]
    pub block_id: Option<Uuid>,
    /// Whose it is, when it is an edge's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Uuid, required = false)]
    pub edge_id: Option<Uuid>,
    #[schema(example = "Pinecone")]
    pub vector_db: String,
    #[schema(example = "imagenet-1k#v2")]
    pub vector_key: String,
    /// What a search is constrained to; the categories by their ids.
    #[schema(value_type = Option<TaxonomyFilter>)]
    pub taxonomy_filter: Option<RawJson>,
    pub created_at: DateTime,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime,
}

impl Resource for Vector {
    const WHAT: &'static str = "Vector representation";
    const ENTITY: Entity = Entity::Vector;

    fn id(&self) -> Uuid {
        self.vector_id
    }

    fn location(&self) -> String {
        let list = if self.block_id.is_some() {
            "block-vector-representations"
        } else {
            "edge-vector-representations"
        };
        path::of(&[&list, &self.vector_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

fn taxonomy_filter(fields: &mut Fields) -> Option<Patch<TaxonomyFilter>> {
    TaxonomyFilter::patched(fields, "taxonomy_filter")
}

/// A vector representation that is added.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "vector_db": "Pinecone",
    "vector_key": "imagenet-1k#v2",
    "taxonomy_filter": {"any": ["computer vision"], "recursive": true}
}))]
pub struct NewVector {
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"\S")]
    pub vector_db: VectorDb,
    #[schema(value_type = String, min_length = 1, max_length = 1000, pattern = r"\S")]
    pub vector_key: VectorKey,
    pub taxonomy_filter: Option<TaxonomyFilter>,
}

impl FromFields for NewVector {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let vector_db = fields.required("vector_db");
        let vector_key = fields.required("vector_key");
        let taxonomy_filter = taxonomy_filter(fields);
        Some(Self {
            vector_db: vector_db?,
            vector_key: vector_key?,
            taxonomy_filter: match taxonomy_filter? {
                Patch::Set(filter) => Some(filter),
                Patch::Keep | Patch::Clear => None,
            },
        })
    }
}

/// A vector representation that is added, and the block that it belongs to.
pub struct NewBlockVector(pub Owned<NewVector>);

impl FromFields for NewBlockVector {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        owned(fields, EntityType::Block, "block_id").map(Self)
    }
}

/// A vector representation that is added, and the edge that it belongs to.
pub struct NewEdgeVector(pub Owned<NewVector>);

impl FromFields for NewEdgeVector {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        owned(fields, EntityType::Edge, "edge_id").map(Self)
    }
}

fn owned(fields: &mut Fields, kind: EntityType, member: &str) -> Option<Owned<NewVector>> {
    let owner = Owner::from_member(fields, kind, member);
    let part = NewVector::from_fields(fields);
    Some(Owned { owner: owner?, part: part? })
}

/// What to change of a vector representation. What is missing stays; `null` clears the filter.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "taxonomy_filter": {"none": ["deprecated"]} }))]
pub struct VectorPatch {
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"\S", required = false)]
    #[read(changed)]
    pub vector_db: Option<VectorDb>,
    #[schema(value_type = String, min_length = 1, max_length = 1000, pattern = r"\S", required = false)]
    #[read(changed)]
    pub vector_key: Option<VectorKey>,
    #[schema(value_type = Option<TaxonomyFilter>)]
    #[read(via = taxonomy_filter)]
    pub taxonomy_filter: Patch<TaxonomyFilter>,
}

/// Which vectors.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct VectorFilter {
    /// Exactly this database.
    pub vector_db: Option<String>,
    /// Exactly this key.
    pub vector_key: Option<String>,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Chronology,
}
