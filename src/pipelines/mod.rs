//! Pipelines: blocks joined by edges, and whether they may run now.

mod config;
pub(crate) mod drawing;
pub mod gate_routes;
mod graph;
pub mod graph_routes;
pub(crate) mod part_queries;
pub mod part_routes;
pub(crate) mod queries;
pub mod routes;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::name::Name;
use crate::api::page::{Cursor, Limit};
use crate::api::path::{self, Reference};
use crate::api::query::{FromParams, Params, SearchText};
use crate::api::raw_json::{JsonObject, RawJson};
use crate::api::text::Description;
use crate::api::thing::Blocker;
use crate::api::time::DateTime;
use crate::blocks::BlockType;
use crate::filter::Conditions;
use crate::locks::{LockedBlock, LockedEdge};
use crate::resource::listing::Named;
use crate::resource::listing::Position;
use crate::resource::table::Listed;
use crate::resource::verbs::{Paging, Resource};
use crate::versions::{VersionReference, Which};
pub use config::{DagsterConfig, ParametersSchema};
pub use drawing::Format as GraphFormat;
pub use graph::{BlockPin, EdgePin, GivenBlock, GivenEdge, GivenGraph};

/// A pipeline: a directed acyclic graph of blocks, and what its runs came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pipeline {
    pub pipeline_id: Uuid,
    #[schema(example = "nightly-training")]
    pub name: String,
    pub description: Option<String>,
    pub created_at: DateTime,
    /// When it or its graph last changed; `ETag` is made of it. Runs do not change it.
    pub updated_at: DateTime,
    #[schema(value_type = config::DagsterConfig)]
    pub dagster_pipeline_config: RawJson,
    /// What the parameters of a run must be; null lets in any JSON object.
    #[schema(value_type = Option<config::ParametersSchema>)]
    pub parameters_schema: Option<RawJson>,
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
    /// Runs that ended after they had begun.
    pub times_run: i32,
    /// Seconds, over the succeeded runs; null before the first.
    pub average_runtime: Option<f64>,
    /// Set while it is archived.
    pub archived_at: Option<DateTime>,
    /// With `as_of`: when it was purged since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = DateTime, required = false)]
    pub purged_at: Option<DateTime>,
    /// With `include=blocks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<PipelineBlock>, required = false)]
    pub blocks: Option<RawJson>,
    /// With `include=edges`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<PipelineEdge>, required = false)]
    pub edges: Option<RawJson>,
    /// With `include=runs`: the newest 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<crate::runs::Run>, required = false)]
    pub runs: Option<RawJson>,
}

impl Resource for Pipeline {
    const WHAT: &'static str = "Pipeline";
    const ENTITY: Entity = Entity::Pipeline;

    fn id(&self) -> Uuid {
        self.pipeline_id
    }

    fn location(&self) -> String {
        path::of(&[&"pipelines", &self.pipeline_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

impl Named for Pipeline {
    fn name(&self) -> &str {
        &self.name
    }
}

/// A block in a pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PipelineBlock {
    pub pipeline_block_id: Uuid,
    pub block_id: Uuid,
    pub name: String,
    pub block_type: BlockType,
    /// The pin.
    pub block_version_id: Option<Uuid>,
    /// The alias that the pipeline follows; without it and a pin it follows the active version.
    pub block_alias: Option<String>,
    /// The version that a run would take.
    pub version_id: Uuid,
    pub version_number: i32,
    pub created_at: DateTime,
    pub updated_at: DateTime,
}

/// An edge in a pipeline, from a source block to a target block.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PipelineEdge {
    pub pipeline_edge_id: Uuid,
    pub edge_id: Uuid,
    pub name: String,
    pub source_block_id: Uuid,
    pub target_block_id: Uuid,
    /// The pin.
    pub edge_version_id: Option<Uuid>,
    /// The alias that the pipeline follows; without it and a pin it follows the active version.
    pub edge_alias: Option<String>,
    /// The version that a run would take.
    pub version_id: Uuid,
    pub version_number: i32,
    /// How the last check of that version ended: `passed` or `failed`; null when none did.
    #[schema(example = "passed")]
    pub verification_status: Option<String>,
    pub created_at: DateTime,
    pub updated_at: DateTime,
}

/// Whether a pipeline may run now, and on what.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    pub pipeline_id: Uuid,
    pub name: String,
    pub ready: bool,
    /// What the lock of a run would be called now.
    pub lock_digest: String,
    /// The exact version of each block.
    #[schema(value_type = Vec<LockedBlock>)]
    pub blocks: RawJson,
    /// The exact version of each edge, with the verification that clears it.
    #[schema(value_type = Vec<LockedEdge>)]
    pub edges: RawJson,
    /// What those in `verified_by` are called, by their ids.
    #[schema(value_type = HashMap<String, String>, example = json!({"01a20575-84d9-79db-a493-fbb455308177": "ada"}))]
    pub usernames: RawJson,
    /// Why it may not run; empty when it may.
    #[schema(value_type = Vec<Blocker>)]
    pub blockers: Value,
    /// What makes a run less certain than it could be, and keeps it from nothing.
    #[schema(value_type = Vec<Blocker>)]
    pub warnings: Value,
}

/// Body of `POST /pipelines`: a pipeline with its graph. Blocks and edges are named by id or name.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "name": "nightly-training",
    "dagster_pipeline_config": {"job_name": "registry_generic", "tags": {"team": "vision"}},
    "blocks": [{"block_id": "imagenet-1k"}, {"block_id": "resnet-50", "version_number": 3}],
    "edges": [{"edge_id": "train", "source_block_id": "imagenet-1k", "target_block_id": "resnet-50"}]
}))]
pub struct NewPipeline {
    pub name: Name,
    #[schema(value_type = Option<String>, max_length = 10000)]
    pub description: Option<Description>,
    #[schema(value_type = Option<config::DagsterConfig>)]
    pub dagster_pipeline_config: Option<JsonObject>,
    #[schema(value_type = Option<config::ParametersSchema>)]
    pub parameters_schema: Option<JsonObject>,
    #[schema(value_type = Option<Vec<GivenBlock>>, max_items = 500)]
    pub blocks: Vec<GivenBlock>,
    #[schema(value_type = Option<Vec<GivenEdge>>, max_items = 2000)]
    pub edges: Vec<GivenEdge>,
}

impl FromFields for NewPipeline {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name");
        let description = fields.optional("description");
        let config = fields.optional("dagster_pipeline_config");
        let schema = fields.optional("parameters_schema");
        let blocks = fields.items("blocks", graph::MAX_BLOCKS);
        let edges = fields.items("edges", graph::MAX_EDGES);
        Some(Self {
            name: name?,
            description: description?,
            dagster_pipeline_config: config?,
            parameters_schema: schema?,
            blocks: blocks?.unwrap_or_default(),
            edges: edges?.unwrap_or_default(),
        })
    }
}

/// What to change of a pipeline. What is missing stays; `null` clears the description and the schema.
/// `dagster_pipeline_config` and `parameters_schema` are replaced as a whole. The graph has routes of its own.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "description": "Every night at two" }))]
pub struct PipelinePatch {
    #[schema(value_type = Name, required = false)]
    #[read(changed)]
    pub name: Option<Name>,
    #[schema(value_type = Option<String>, max_length = 10000)]
    pub description: Patch<Description>,
    #[schema(value_type = config::DagsterConfig, required = false)]
    #[read(changed)]
    pub dagster_pipeline_config: Option<JsonObject>,
    #[schema(value_type = Option<config::ParametersSchema>)]
    pub parameters_schema: Patch<JsonObject>,
}

/// Which pipelines, and how they are shown.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
#[read(check = Self::whole)]
pub struct PipelineList {
    /// Exactly this name, without regard to case.
    pub name: Option<String>,
    /// With these words in the name or the description; `"…"`, `or` and `-` as in web searches. Words
    /// end at punctuation and numbers, in names also within camel case.
    #[param(max_length = 200)]
    #[read(with = SearchText)]
    pub q: Option<String>,
    /// Made by this user: their id, their username or `me`.
    #[param(value_type = Option<String>)]
    pub created_by: Option<Reference>,
    /// With this block: its id or its name.
    #[param(value_type = Option<String>)]
    pub block: Option<Reference>,
    /// With this edge: its id or its name.
    #[param(value_type = Option<String>)]
    pub edge: Option<Reference>,
    /// That would run on this version of the block or edge: its number, `latest`, `active` or an alias.
    #[param(value_type = Option<VersionReference>)]
    pub version: Option<Which>,
    /// Those that may run now, or those that may not.
    pub ready: Option<bool>,
    /// `true` lists what is archived instead (yours, or all for admins).
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub archived: bool,
    /// `blocks`, `edges`, or both with a comma between.
    #[param(value_type = Option<String>, pattern = r"^ *(blocks|edges) *(, *(blocks|edges) *)*$", example = "blocks,edges")]
    #[read(default)]
    pub include: Include,
    #[param(ignore)]
    #[read(flatten)]
    pub conditions: Conditions,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Position,
}

impl PipelineList {
    fn whole(self, params: &mut Params) -> Option<Self> {
        if self.version.is_some() && self.block.is_none() && self.edge.is_none() {
            params.fault("version", "Is that of a block or an edge: name one.");
            return None;
        }
        if self.include.runs {
            params.fault("include", "The runs are shown with one pipeline, not in a list.");
            return None;
        }
        self.conditions.of_live(self.archived, params).then_some(self)
    }
}

impl Listed for PipelineList {
    type Row = Pipeline;
    const ENTITY: Entity = Pipeline::ENTITY;
    const NAME: &'static str = "pipelines";
    const COLUMNS: &'static [&'static str] = &[
        "pipeline_id",
        "name",
        "description",
        "created_at",
        "updated_at",
        "dagster_pipeline_config",
        "parameters_schema",
        "created_by",
        "created_by_username",
        "times_run",
        "average_runtime",
        "archived_at",
        "purged_at",
        "blocks",
        "edges",
    ];

    fn place(&mut self) -> (&mut Limit, &mut Option<Cursor>) {
        (&mut self.position.limit, &mut self.position.cursor)
    }

    fn cursor(&self, row: &Pipeline) -> Cursor {
        self.position.cursor(row)
    }
}

/// The graph of a pipeline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PipelineGraph)]
pub struct Graph {
    pub pipeline_id: Uuid,
    pub name: String,
    pub blocks: Vec<PipelineBlock>,
    pub edges: Vec<PipelineEdge>,
}

/// What to show along with a pipeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    pub blocks: bool,
    pub edges: bool,
    pub runs: bool,
}

impl Include {
    pub(super) const GRAPH: Self = Self { blocks: true, edges: true, runs: false };
}
