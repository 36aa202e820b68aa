//! A graph as requests write it: blocks and edges by id or name, versions by id or number. What
//! it names, and whether it is one, the database finds out (`app.resolve_graph`).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::id::Id;
use crate::api::path::Reference;

pub(super) const MAX_BLOCKS: usize = 500;
pub(super) const MAX_EDGES: usize = 2000;

/// A block as a pipeline names it. Without a pin the pipeline follows the active version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewPipelineBlock)]
#[schema(example = json!({ "block_id": "resnet-50", "version_number": 3 }))]
pub struct GivenBlock {
    /// Id or name.
    pub block_id: Reference,
    /// Pins a version by its id.
    pub block_version_id: Option<Uuid>,
    /// Pins a version by its number.
    #[schema(minimum = 1)]
    pub version_number: Option<i32>,
}

impl FromFields for GivenBlock {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let block_id = fields.required("block_id");
        let pin = pin(fields, "block_version_id");
        let block_id = block_id?;
        let (block_version_id, version_number) = pin?;
        Some(Self { block_id, block_version_id, version_number })
    }
}

/// An edge as a pipeline names it, between two of its blocks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewPipelineEdge)]
#[schema(example = json!({ "edge_id": "train", "source_block_id": "imagenet-1k", "target_block_id": "resnet-50" }))]
pub struct GivenEdge {
    /// Id or name.
    pub edge_id: Reference,
    /// Id or name.
    pub source_block_id: Reference,
    /// Id or name.
    pub target_block_id: Reference,
    /// Pins a version by its id.
    pub edge_version_id: Option<Uuid>,
    /// Pins a version by its number.
    #[schema(minimum = 1)]
    pub version_number: Option<i32>,
}

impl FromFields for GivenEdge {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let edge_id = fields.required("edge_id");
        let source_block_id = fields.required("source_block_id");
        let target_block_id = fields.required("target_block_id");
        let pin = pin(fields, "edge_version_id");
        let (edge_id, source_block_id, target_block_id) =
            (edge_id?, source_block_id?, target_block_id?);
        let (edge_version_id, version_number) = pin?;
        Some(Self { edge_id, source_block_id, target_block_id, edge_version_id, version_number })
    }
}

/// A version by id or by number, or neither; not both.
fn pin(fields: &mut Fields, id_field: &str) -> Option<(Option<Uuid>, Option<i32>)> {
    let id: Option<Option<Id>> = fields.optional(id_field);
    let number: Option<Option<i32>> = fields.optional("version_number");
    let (id, number) = (id?, number?);
    if id.is_some() && number.is_some() {
        fields.fault("version_number", &format!("Goes without {id_field}."));
        return None;
    }
    Some((id.map(|Id(id)| id), number))
}

/// The whole graph of a pipeline.
#[derive(Debug, ToSchema)]
#[schema(as = NewPipelineGraph)]
#[schema(example = json!({
    "blocks": [{"block_id": "imagenet-1k"}, {"block_id": "resnet-50", "version_number": 3}],
    "edges": [{"edge_id": "train", "source_block_id": "imagenet-1k", "target_block_id": "resnet-50"}]
}))]
pub struct GivenGraph {
    #[schema(max_items = 500)]
    pub blocks: Vec<GivenBlock>,
    #[schema(max_items = 2000)]
    pub edges: Vec<GivenEdge>,
}

impl FromFields for GivenGraph {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let blocks = fields.items("blocks", MAX_BLOCKS);
        let edges = fields.items("edges", MAX_EDGES);
        // Both: what is left out by mistake must not be taken out of the pipeline.
        for (name, missing) in
            [("blocks", matches!(blocks, Some(None))), ("edges", matches!(edges, Some(None)))]
        {
            if missing {
                fields.fault(name, "Is required; it may be empty.");
            }
        }
        Some(Self { blocks: blocks??, edges: edges?? })
    }
}

/// Which version of a block a pipeline takes: one of them, or with `null` the active one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_properties = 1, example = json!({ "version_number": 2 }))]
pub struct BlockPin {
    pub block_version_id: Option<Uuid>,
    #[schema(minimum = 1)]
    pub version_number: Option<i32>,
}

impl FromFields for BlockPin {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (block_version_id, version_number) = new_pin(fields, "block_version_id")?;
        Some(Self { block_version_id, version_number })
    }
}

/// Which version of an edge a pipeline takes: one of them, or with `null` the active one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_properties = 1, example = json!({ "edge_version_id": null }))]
pub struct EdgePin {
    pub edge_version_id: Option<Uuid>,
    #[schema(minimum = 1)]
    pub version_number: Option<i32>,
}

impl FromFields for EdgePin {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (edge_version_id, version_number) = new_pin(fields, "edge_version_id")?;
        Some(Self { edge_version_id, version_number })
    }
}

/// As [`pin`], but said: clearing one takes a `null`.
fn new_pin(fields: &mut Fields, id_field: &str) -> Option<(Option<Uuid>, Option<i32>)> {
    let id: Option<Patch<Id>> = fields.patched(id_field);
    let number: Option<Patch<i32>> = fields.patched("version_number");
    let (id, number) = (id?, number?);
    match (&id, &number) {
        (Patch::Keep, Patch::Keep) => {
            let detail = format!("Give {id_field} or version_number; null takes the pin away.");
            fields.fault_at(String::new(), &detail);
            None
        }
        (Patch::Set(_), Patch::Set(_)) => {
            fields.fault("version_number", &format!("Goes without {id_field}."));
            None
        }
        _ => Some((id.assignment().1.map(|Id(id)| *id), number.assignment().1.copied())),
    }
}
