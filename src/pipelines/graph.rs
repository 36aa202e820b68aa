//! A graph as requests write it: blocks and edges by id or name, versions by id or number. What
//! it names, and whether it is one, the database finds out (`app.resolve_graph`).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::id::Id;
use crate::api::path::Reference;
use crate::versions::AliasName;

pub(super) const MAX_BLOCKS: usize = 500;
pub(super) const MAX_EDGES: usize = 2000;

/// A block as a pipeline names it. Without a pin or an alias the pipeline follows the active version.
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
    /// Follows this alias.
    pub block_alias: Option<AliasName>,
}

impl FromFields for GivenBlock {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let block_id = fields.required("block_id");
        let pin = Pin::from_fields(fields, &BLOCK_PIN);
        let Pin { id, version_number, alias } = pin?;
        Some(Self { block_id: block_id?, block_version_id: id, version_number, block_alias: alias })
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
    /// Follows this alias.
    pub edge_alias: Option<AliasName>,
}

impl FromFields for GivenEdge {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let edge_id = fields.required("edge_id");
        let source_block_id = fields.required("source_block_id");
        let target_block_id = fields.required("target_block_id");
        let pin = Pin::from_fields(fields, &EDGE_PIN);
        let (edge_id, source_block_id, target_block_id) =
            (edge_id?, source_block_id?, target_block_id?);
        let Pin { id, version_number, alias } = pin?;
        Some(Self {
            edge_id,
            source_block_id,
            target_block_id,
            edge_version_id: id,
            version_number,
            edge_alias: alias,
        })
    }
}

/// What a part follows: one version, by its id or its number, or an alias; without any the active
/// version.
struct Pin {
    id: Option<Uuid>,
    version_number: Option<i32>,
    alias: Option<AliasName>,
}

/// The members that say it, of which one is given.
struct PinMembers {
    id: &'static str,
    alias: &'static str,
}

const NUMBER: &str = "version_number";
const BLOCK_PIN: PinMembers = PinMembers { id: "block_version_id", alias: "block_alias" };
const EDGE_PIN: PinMembers = PinMembers { id: "edge_version_id", alias: "edge_alias" };

impl Pin {
    fn from_fields(fields: &mut Fields, members: &PinMembers) -> Option<Self> {
        let id: Option<Option<Id>> = fields.optional(members.id);
        let number: Option<Option<i32>> = fields.optional(NUMBER);
        let alias: Option<Option<AliasName>> = fields.optional(members.alias);
        let (id, version_number, alias) = (id?, number?, alias?);
        members.at_most_one(fields, id.is_some(), version_number.is_some(), alias.is_some())?;
        Some(Self { id: id.map(|Id(id)| id), version_number, alias })
    }

    /// As [`Pin::from_fields`], but said: going back to the active version takes a `null`.
    fn from_patch(fields: &mut Fields, members: &PinMembers) -> Option<Self> {
        let id: Option<Patch<Id>> = fields.patched(members.id);
        let number: Option<Patch<i32>> = fields.patched(NUMBER);
        let alias: Option<Patch<AliasName>> = fields.patched(members.alias);
        let (id, number, alias) = (id?, number?, alias?);
        if matches!((&id, &number, &alias), (Patch::Keep, Patch::Keep, Patch::Keep)) {
            let detail = format!(
                "Give {}, {NUMBER} or {}; null goes back to the active version.",
                members.id, members.alias
            );
            fields.fault_at(String::new(), &detail);
            return None;
        }
        let (id, number, alias) = (id.assignment().1, number.assignment().1, alias.assignment().1);
        members.at_most_one(fields, id.is_some(), number.is_some(), alias.is_some())?;
        Some(Self {
            id: id.map(|Id(id)| *id),
            version_number: number.copied(),
            alias: alias.cloned(),
        })
    }
}

impl PinMembers {
    fn at_most_one(&self, fields: &mut Fields, id: bool, number: bool, alias: bool) -> Option<()> {
        let given = [(self.id, id), (NUMBER, number), (self.alias, alias)];
        let mut given = given.into_iter().filter(|(_, is_given)| *is_given);
        let (first, _) = given.next().unzip();
        let (second, _) = given.next().unzip();
        if let (Some(first), Some(second)) = (first, second) {
            fields.fault(second, &format!("Goes without {first}."));
            return None;
        }
        Some(())
    }
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

/// Which version of a block a pipeline takes: one of them, the one that an alias points to, or with `null` the active one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_properties = 1, example = json!({ "version_number": 2 }))]
pub struct BlockPin {
    pub block_version_id: Option<Uuid>,
    #[schema(minimum = 1)]
    pub version_number: Option<i32>,
    pub block_alias: Option<AliasName>,
}

impl FromFields for BlockPin {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let Pin { id, version_number, alias } = Pin::from_patch(fields, &BLOCK_PIN)?;
        Some(Self { block_version_id: id, version_number, block_alias: alias })
    }
}

/// Which version of an edge a pipeline takes: one of them, the one that an alias points to, or with `null` the active one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_properties = 1, example = json!({ "edge_version_id": null }))]
pub struct EdgePin {
    pub edge_version_id: Option<Uuid>,
    #[schema(minimum = 1)]
    pub version_number: Option<i32>,
    pub edge_alias: Option<AliasName>,
}

impl FromFields for EdgePin {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let Pin { id, version_number, alias } = Pin::from_patch(fields, &EDGE_PIN)?;
        Some(Self { edge_version_id: id, version_number, edge_alias: alias })
    }
}
