//! Lineage and impact: what feeds a block, an edge or a pipeline, what it feeds, and what a change of it
//! reaches. How things are joined, `app.neighbours` in the database says.

mod drawing;
mod queries;
pub mod routes;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::page::{Cursor, CursorText, Limit};
use crate::api::path::Reference;
use crate::api::query::{FromParams, Params};
use crate::api::raw_json::RawJson;
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::blocks::BlockType;
use crate::pipelines::drawing::Format;
use crate::versions::{VersionReference, Which};

/// What a lineage leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeType {
    Block,
    Edge,
    Pipeline,
}

impl NodeType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Edge => "edge",
            Self::Pipeline => "pipeline",
        }
    }
}

/// The thing that is asked about: `block:`, `edge:` or `pipeline:`, and its id or name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReference {
    pub kind: NodeType,
    pub reference: Reference,
}

impl FromStr for NodeReference {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "Must be block:, edge: or pipeline: with an id or a name behind it.";
        let (kind, reference) = text.split_once(':').ok_or(FORM)?;
        let Word(kind) = kind.parse::<Word<NodeType>>().map_err(|_| FORM)?;
        Ok(Self { kind, reference: reference.parse().map_err(|_| FORM)? })
    }
}

/// `block:`, `edge:` or `pipeline:`, and an id or a name.
#[derive(ToSchema)]
#[schema(as = NodeReference, value_type = String, pattern = "^(block|edge|pipeline):", example = "block:imagenet-1k")]
#[allow(dead_code, reason = "the document only")]
pub struct NodeReferenceText(String);

/// Which way to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LineageDirection)]
pub enum Direction {
    /// To what feeds it.
    Up,
    /// To what it feeds.
    Down,
    #[default]
    Both,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Both => "both",
        })
    }
}

/// How many steps to go at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth(pub i32);

impl Depth {
    pub const MOST: Self = Self(1000);
    const USUAL: Self = Self(5);
}

impl FromStr for Depth {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            // A sign is no part of a number here.
            Ok(depth @ 0..=1000) if !text.starts_with(['+', '-']) => Ok(Self(depth)),
            _ => Err("Must be a whole number from 0 to 1000."),
        }
    }
}

/// What feeds a thing and what it feeds: a page of what is reached, the nearest first, and what joins it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Lineage {
    /// The thing itself, then what is reached, each once in each direction.
    pub nodes: Vec<LineageNode>,
    /// All that joins these nodes with each other and with those of the pages before, whether or not it
    /// lies on a shortest way.
    pub edges: Vec<LineageEdge>,
    /// Send it as `cursor` to get the next page; null on the last one.
    #[schema(value_type = Option<CursorText>)]
    pub next_cursor: Option<String>,
    /// How to ask for less, when this is not all of it.
    pub narrow: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LineageNode {
    pub entity_type: NodeType,
    pub entity_id: Uuid,
    pub name: String,
    /// Of a block.
    pub block_type: Option<BlockType>,
    /// The active version; null for a pipeline.
    pub version_id: Option<Uuid>,
    pub version_number: Option<i32>,
    /// Of the active version of an edge: `passed`, `failed`, `pending` or `none`.
    pub verification_status: Option<String>,
    pub archived_at: Option<DateTime>,
    /// `up` when it feeds the thing, `down` when it is fed by it; null for the thing itself.
    pub direction: Option<Direction>,
    /// How many steps it is away, by the shortest way.
    pub distance: i32,
}

/// How two nodes are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineageEdgeKind {
    /// From the source block of an edge in a pipeline to its target block.
    PipelineEdge,
    /// From the source block of an edge to the edge; only of the edge that is asked about.
    Input,
    /// From an edge to the block that it leads to.
    Output,
    /// From what is depended on to what depends on it.
    Dependency,
    /// From a block or an edge to a pipeline that has it.
    Member,
}

/// What joins two nodes: the source feeds the target.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LineageEdge {
    pub kind: LineageEdgeKind,
    pub source_type: NodeType,
    pub source_id: Uuid,
    pub target_type: NodeType,
    pub target_id: Uuid,
    /// The edge by which it is so, unless it is a dependency or a member.
    pub edge_id: Option<Uuid>,
    pub edge_name: Option<String>,
    /// Of that edge's active version.
    pub verification_status: Option<String>,
    pub dependency_id: Option<Uuid>,
    pub version_constraint: Option<String>,
    /// In how many pipelines it is so.
    pub pipeline_count: i32,
    /// The first 20 of them.
    pub pipelines: Vec<LineagePipeline>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LineagePipeline {
    pub pipeline_id: Uuid,
    pub name: String,
}

/// Whose lineage, and how much of it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LineageParams {
    #[param(value_type = NodeReferenceText)]
    pub node: NodeReference,
    #[param(value_type = Option<Direction>)]
    pub direction: Direction,
    /// How many steps to go at most.
    #[param(value_type = Option<i32>, minimum = 0, maximum = 1000, default = 5)]
    pub depth: Depth,
    /// `true` goes through what is archived as well, as far as you see it.
    #[param(value_type = Option<bool>)]
    pub archived: bool,
    /// Its form, whatever `Accept` says: for where no header can be sent.
    pub format: Option<Format>,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    pub cursor: Option<Cursor>,
}

impl FromParams for LineageParams {
    fn from_params(params: &mut Params) -> Option<Self> {
        let node = params.required("node");
        let direction = params.optional("direction");
        let depth = params.optional("depth");
        let archived = params.optional("archived");
        let format = params.optional("format");
        let limit = params.optional("limit");
        let cursor =
            params.cursor(|cursor| cursor.sort == BY_DISTANCE && place(&cursor.key).is_some());
        Some(Self {
            node: node?,
            direction: direction?.map(|Word(direction)| direction).unwrap_or_default(),
            depth: depth?.unwrap_or(Depth::USUAL),
            archived: archived?.unwrap_or(false),
            format: format?.map(|Word(format)| format),
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

/// Distance and direction, out of the key of a cursor.
fn place(key: &str) -> Option<(i32, &str)> {
    let (distance, direction) = key.split_once(' ')?;
    let distance = distance.parse().ok()?;
    matches!(direction, "up" | "down").then_some((distance, direction))
}

/// What a change reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReachedType {
    Block,
    Edge,
    Pipeline,
    Alias,
}

/// Why it is reached, by the last step of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReachedBy {
    /// An alias that points to a version of it.
    Alias,
    /// A pipeline that takes the active version.
    FollowsActive,
    /// A pipeline that takes the version to which an alias points.
    FollowsAlias,
    /// A pipeline with a pin: a new version does not reach it, withdrawing the pinned one does.
    Pinned,
    /// A pipeline that has something else that is reached.
    HasReachedPart,
    /// A block that comes after one that is reached, in a pipeline.
    Downstream,
    /// A block to which an edge leads that is reached.
    Output,
    /// It depends on what is reached.
    DependsOn,
    /// It depends on what is reached, on other versions than the active one.
    ConstraintUnmet,
}

/// Something that a change reaches.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reached {
    #[schema(value_type = ReachedType)]
    pub entity_type: String,
    pub entity_id: Uuid,
    pub name: String,
    /// How many steps it is away, by the shortest way.
    pub distance: i32,
    #[schema(value_type = ReachedBy)]
    pub code: String,
    /// Why, in words.
    pub detail: String,
    /// The pipeline in which it comes after the one before it in `path`.
    pub pipeline_id: Option<Uuid>,
    /// The edge by which it does.
    pub edge_id: Option<Uuid>,
    /// The dependency by which it depends on the one before it in `path`.
    pub dependency_id: Option<Uuid>,
    /// The shortest way to it: first the thing that is changed, last this one.
    #[schema(value_type = Vec<ReachedStep>)]
    pub path: RawJson,
}

/// One step of a path.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct ReachedStep {
    entity_type: ReachedType,
    entity_id: Uuid,
    name: String,
}

/// What is changed, and how much of what that reaches.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImpactParams {
    #[param(value_type = NodeReferenceText)]
    pub node: NodeReference,
    /// Only what this version reaches: its number, `latest`, `active` or an alias.
    #[param(value_type = Option<VersionReference>)]
    pub version: Option<Which>,
    /// How many steps to go at most.
    #[param(value_type = Option<i32>, minimum = 0, maximum = 1000, default = 1000)]
    pub depth: Depth,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    pub cursor: Option<Cursor>,
}

impl FromParams for ImpactParams {
    fn from_params(params: &mut Params) -> Option<Self> {
        let node = params.required::<NodeReference>("node");
        let version = params.optional::<Which>("version");
        let depth = params.optional("depth");
        let limit = params.optional("limit");
        let cursor =
            params.cursor(|cursor| cursor.sort == BY_DISTANCE && cursor.key.parse::<i32>().is_ok());
        if let (Some(node), Some(Some(_))) = (&node, &version)
            && node.kind == NodeType::Pipeline
        {
            params.fault("version", "Goes with blocks and edges only.");
        }
        Some(Self {
            node: node?,
            version: version?,
            depth: depth?.unwrap_or(Depth::MOST),
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

const BY_DISTANCE: &str = "distance";
