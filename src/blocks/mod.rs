//! Blocks: named datasets and models, and every version of them.

pub mod queries;
pub mod routes;
pub mod version_routes;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::aliases::Alias;
pub use crate::api::entity::BlockType;
use crate::api::entity::Entity;
use crate::api::fields::{FromFields, Patch};
use crate::api::name::Name;
use crate::api::page::{Cursor, Limit};
use crate::api::path::{self, Reference};
use crate::api::problem::Problem;
use crate::api::query::{FromParams, Params};
use crate::api::raw_json::{JsonObject, RawJson};
use crate::api::text::Description;
use crate::api::thing::BlockCategory;
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::api::word::Words;
use crate::filter::Conditions;
use crate::resource::listing::Filter;
use crate::resource::listing::Named;
use crate::resource::listing::Position;
use crate::resource::listing::Sort;
use crate::resource::table::Listed;
use crate::resource::verbs::{Paging, Resource};
use crate::versions::{Activation, Metadata, UsedBy, Version, tree};

/// A block as it is in use now: the content of its active version.
#[derive(Debug, Serialize, ToSchema)]
pub struct Block {
    pub block_id: Uuid,
    #[schema(example = "imagenet-1k")]
    pub name: String,
    pub block_type: BlockType,
    #[schema(example = "1.28 million labelled photographs")]
    pub description: Option<String>,
    /// Whatever describes it: a JSON object.
    #[schema(value_type = Metadata, example = json!({"rows": 1281167, "license": "research"}))]
    pub metadata: RawJson,
    pub created_at: DateTime,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime,
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
    /// Set while it is archived.
    pub archived_at: Option<DateTime>,
    /// With `as_of`: when it was purged since. Its metadata went with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = DateTime, required = false)]
    pub purged_at: Option<DateTime>,
    pub current_version_id: Uuid,
    /// Of the active version.
    pub version_number: i32,
    /// The highest number so far; higher than `version_number` after a rollback, or while there is a
    /// candidate.
    pub latest_version_number: i32,
    pub activation: Activation,
    /// With `include=versions`: the newest 100, or those that have 4 MiB of metadata, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<BlockVersion>, required = false)]
    pub versions: Option<RawJson>,
    /// With `include=categories`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<BlockCategory>, required = false)]
    pub categories: Option<RawJson>,
    /// With `include=aliases`: the first 100 by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Alias>, required = false)]
    pub aliases: Option<RawJson>,
    /// Of a change that is reviewed: the version that the newest of them has appended, for somebody else
    /// to activate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BlockVersion, required = false)]
    pub candidate: Option<RawJson>,
    /// With `include=used_by`: the first 100 pipelines by name that have it. (`/impact` has all.)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<UsedBy>, required = false)]
    pub used_by: Option<RawJson>,
}

impl Resource for Block {
    const WHAT: &'static str = "Block";
    const ENTITY: Entity = Entity::Block;

    fn id(&self) -> Uuid {
        self.block_id
    }

    fn location(&self) -> String {
        path::of(&[&"blocks", &self.block_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

impl Named for Block {
    fn name(&self) -> &str {
        &self.name
    }
}

/// What can be shown along with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockPart {
    Versions,
    Categories,
    Aliases,
    UsedBy,
}

/// A snapshot of a block. Its content never changes; whether it is active or withdrawn does.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockVersion {
    pub version_id: Uuid,
    pub block_id: Uuid,
    /// 1, 2, 3 … without gaps.
    pub version_number: i32,
    pub name: String,
    pub block_type: BlockType,
    pub description: Option<String>,
    #[schema(value_type = Metadata)]
    pub metadata: RawJson,
    pub created_at: DateTime,
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
    pub is_active: bool,
    /// When it was first active; null of a candidate, which never was.
    pub activated_at: Option<DateTime>,
    /// Set while it is withdrawn: no pipeline runs on it.
    pub withdrawn_at: Option<DateTime>,
    pub withdrawn_by: Option<Uuid>,
    pub withdrawn_by_username: Option<String>,
    pub withdrawn_reason: Option<String>,
}

impl Version for BlockVersion {
    fn location(&self) -> String {
        path::of(&[&"blocks", &self.block_id, &"versions", &self.version_number])
    }

    fn id(&self) -> Uuid {
        self.version_id
    }

    fn number(&self) -> i32 {
        self.version_number
    }

    fn content(&self) -> Result<Value, Problem> {
        Ok(json!({
            "name": self.name,
            "block_type": self.block_type,
            "description": self.description,
            "metadata": tree(&self.metadata)?,
        }))
    }
}

/// Body of `POST /blocks`.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({
    "name": "imagenet-1k",
    "block_type": "dataset",
    "description": "1.28 million labelled photographs",
    "metadata": {"rows": 1281167, "license": "research"}
}))]
pub struct NewBlock {
    pub name: Name,
    #[read(with = Word)]
    pub block_type: BlockType,
    #[schema(value_type = Option<String>, max_length = 10000)]
    pub description: Option<Description>,
    /// Content of version 1; `{}` when missing. I-JSON (RFC 7493): a number stays the same when it is
    /// read as a double. At most 524288 bytes as it is printed, and 100 levels.
    #[schema(value_type = Option<Metadata>)]
    pub metadata: Option<JsonObject>,
    /// `open` when missing.
    #[schema(value_type = Option<Activation>)]
    #[read(with = Word)]
    pub activation: Option<Activation>,
}

/// What to change of a block. What is missing stays; `null` clears the description. `metadata` is
/// replaced as a whole.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "metadata": {"rows": 1281168, "license": "research"} }))]
pub struct BlockPatch {
    #[schema(value_type = Name, required = false)]
    #[read(changed)]
    pub name: Option<Name>,
    #[schema(value_type = BlockType, required = false)]
    #[read(changed, with = Word)]
    pub block_type: Option<BlockType>,
    #[schema(value_type = Option<String>, max_length = 10000)]
    pub description: Patch<Description>,
    /// I-JSON (RFC 7493): a number stays the same when it is read as a double. At most 524288 bytes as
    /// it is printed, and 100 levels.
    #[schema(value_type = Metadata, required = false)]
    #[read(changed)]
    pub metadata: Option<JsonObject>,
    /// Makes no version. `reviewed` takes the creator or an admin, `open` an admin who wrote none of the
    /// candidates.
    #[schema(value_type = Activation, required = false)]
    #[read(changed, with = Word)]
    pub activation: Option<Activation>,
}

/// A candidate: a version that is not active. What is missing is as in the active version.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "metadata": {"rows": 1281168} }))]
#[read(body_optional)]
pub struct NewBlockVersion {
    #[schema(value_type = BlockType, required = false)]
    #[read(changed, with = Word)]
    pub block_type: Option<BlockType>,
    #[schema(value_type = Option<String>, max_length = 10000)]
    pub description: Patch<Description>,
    /// As that of a block.
    #[schema(value_type = Metadata, required = false)]
    #[read(changed)]
    pub metadata: Option<JsonObject>,
}

/// Which blocks, and how they are shown.
#[derive(Debug, PartialEq, Default, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
#[read(check = Self::without_uses)]
pub struct BlockList {
    #[read(with = Word)]
    pub block_type: Option<BlockType>,
    /// In this category: its id or its name.
    #[param(value_type = Option<String>)]
    pub category: Option<Reference>,
    /// `true` counts what is in the categories below `category` as well.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub recursive: bool,
    /// `versions`, `categories`, `aliases`, or several with commas between.
    #[param(value_type = Option<String>, pattern = r"^ *(versions|categories|aliases) *(, *(versions|categories|aliases) *)*$", example = "versions,aliases")]
    #[read(default)]
    pub include: Words<BlockPart>,
    #[param(ignore)]
    #[read(flatten)]
    pub filter: Filter,
    #[param(ignore)]
    #[read(flatten)]
    pub conditions: Conditions,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Position,
}

impl BlockList {
    fn without_uses(self, params: &mut Params) -> Option<Self> {
        if self.include.has(&BlockPart::UsedBy) {
            params.fault("include", "What uses it is shown with one block, not in a list.");
            return None;
        }
        self.conditions.of_live(self.filter.archived, params).then_some(self)
    }

    /// Whether nothing is filtered, ordered or included: a filter that is added counts by itself.
    fn is_plain(&self) -> bool {
        let anything = Self { position: self.position.clone(), ..Self::default() };
        self.position.sort == Sort::Newest && *self == anything
    }
}

impl Listed for BlockList {
    type Row = Block;
    const ENTITY: Entity = Block::ENTITY;
    const NAME: &'static str = "blocks";
    const COLUMNS: &'static [&'static str] = &[
        "block_id",
        "name",
        "block_type",
        "description",
        "metadata",
        "created_at",
        "updated_at",
        "created_by",
        "created_by_username",
        "archived_at",
        "purged_at",
        "current_version_id",
        "version_number",
        "latest_version_number",
        "activation",
        "versions",
        "categories",
        "aliases",
    ];

    fn place(&mut self) -> (&mut Limit, &mut Option<Cursor>) {
        (&mut self.position.limit, &mut self.position.cursor)
    }

    fn cursor(&self, row: &Block) -> Cursor {
        self.position.cursor(row)
    }
}
