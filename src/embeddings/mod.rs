//! Embeddings of blocks and edges, and the models that made them: whoever embeds brings the vectors, a
//! search finds by them. No provider is ever called from here.

pub mod model_routes;
mod queries;
pub mod routes;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::fields::FromFields;
use crate::api::name::Name;
use crate::api::path::{self, Reference};
use crate::api::query::FromParams;
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::resource::chronology::Chronology;
use crate::resource::owner::EntityType;
use crate::resource::verbs::Resource;

/// How far apart two embeddings are: `cosine` (1 - cosine), `l2` (Euclidean), `inner_product` (its
/// negative).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "vector_distance", rename_all = "snake_case")]
pub enum VectorDistance {
    Cosine,
    L2,
    InnerProduct,
}

/// A model that makes embeddings: what is fixed for all vectors of one. It never changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingModel {
    pub model_id: Uuid,
    #[schema(example = "all-minilm-l6-v2")]
    pub name: String,
    #[schema(example = 384)]
    pub dimensions: i32,
    pub distance: VectorDistance,
    pub created_at: DateTime,
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
}

impl Resource for EmbeddingModel {
    const WHAT: &'static str = "Embedding model";
    const ENTITY: Entity = Entity::EmbeddingModel;

    fn id(&self) -> Uuid {
        self.model_id
    }

    fn location(&self) -> String {
        path::of(&[&"embedding-models", &self.model_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.created_at
    }
}

/// An embedding model that is added.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "name": "all-minilm-l6-v2", "dimensions": 384 }))]
pub struct NewEmbeddingModel {
    pub name: Name,
    /// How many numbers each of its vectors has.
    #[schema(value_type = i32, minimum = 1, maximum = 4000)]
    pub dimensions: Dimensions,
    /// `cosine` when missing.
    #[schema(value_type = Option<VectorDistance>)]
    #[read(with = Word)]
    pub distance: Option<VectorDistance>,
}

/// How many numbers a vector has: what an index of pgvector takes in half precision.
#[derive(Debug, Clone, Copy)]
pub struct Dimensions(i32);

impl<'de> Deserialize<'de> for Dimensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i32::deserialize(deserializer) {
            Ok(number @ 1..=4000) => Ok(Self(number)),
            _ => Err(D::Error::custom("Must be a whole number from 1 to 4000.")),
        }
    }
}

/// Which embedding models.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct EmbeddingModelList {
    /// Exactly this name, without regard to case.
    pub name: Option<String>,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Chronology,
}

/// The embedding of a block or an edge by a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct Embedding {
    pub embedding_id: Uuid,
    pub entity_type: EntityType,
    pub entity_id: Uuid,
    pub model_id: Uuid,
    /// The name of the model.
    #[schema(example = "all-minilm-l6-v2")]
    pub model: String,
    /// The version that was active when it was written.
    pub version_id: Uuid,
    /// Of the text that was embedded.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub source_digest: String,
    /// Whether it is of another version, or another text, than there is today.
    pub is_stale: bool,
    pub created_at: DateTime,
    /// When it was last written; `ETag` is made of it.
    pub updated_at: DateTime,
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
    /// The vector; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<f32>, required = false)]
    pub values: Option<Vec<f32>>,
}

impl Resource for Embedding {
    const WHAT: &'static str = "Embedding";
    const ENTITY: Entity = Entity::Vector;

    fn id(&self) -> Uuid {
        self.embedding_id
    }

    fn location(&self) -> String {
        let owners = match self.entity_type {
            EntityType::Block => "blocks",
            EntityType::Edge => "edges",
        };
        path::of(&[&owners, &self.entity_id, &"embeddings", &self.model_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

/// A vector that is written.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "values": [0.12, -0.5, 0.33] }))]
pub struct EmbeddingValues {
    /// As many as the model has dimensions, each between -10000 and 10000; not all zero.
    #[schema(min_items = 1, max_items = 4000)]
    pub values: Vec<f32>,
    /// The `digest` of the text that was embedded. When it is missing, it is taken to be today's text.
    #[schema(value_type = Option<String>, pattern = "^sha256:[0-9a-f]{64}$")]
    pub source_digest: Option<SourceDigest>,
}

/// `sha256:` and 64 hexadecimal digits.
#[derive(Debug)]
pub struct SourceDigest(String);

impl SourceDigest {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SourceDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_digest = text.strip_prefix("sha256:").is_some_and(|digits| {
            digits.len() == 64
                && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        });
        if !is_digest {
            return Err(D::Error::custom(
                "Must be sha256: and 64 hexadecimal digits, as embedding-text says it.",
            ));
        }
        Ok(Self(text))
    }
}

/// Which embeddings.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct EmbeddingFilter {
    /// By this model: its id or its name.
    #[param(value_type = Option<Reference>)]
    pub model: Option<Reference>,
    /// Those that are stale: what is to be embedded anew; or those that are not.
    pub stale: Option<bool>,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Chronology,
}

/// What to embed of a block or an edge.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingText {
    pub entity_type: EntityType,
    pub entity_id: Uuid,
    /// The active version, whose text it is.
    pub version_id: Uuid,
    pub version_number: i32,
    /// The name, the description and the first 8,000 characters of the metadata, a line each.
    pub text: String,
    /// By what the text is known: send it along with the vector.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub digest: String,
}
