//! What belongs to a block or to an edge: repositories, images, dependencies, vectors. Each hangs
//! below its owner (`/blocks/{block}/code-repos`, `/edges/{edge}/code-repos`) and is in a flat list
//! (`/code-repos`); these are the words that all of them share.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::fields::{Fields, FromFields};
use crate::api::path::Reference;
use crate::api::query::{FromParams, Params};
use crate::api::word::Word;

/// What can own a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "entity_type", rename_all = "snake_case")]
pub enum EntityType {
    Block,
    Edge,
}

/// The block or edge that a part belongs to.
#[derive(Debug)]
pub struct Owner {
    pub kind: EntityType,
    pub reference: Reference,
    /// An owner in the path that is not there is not found; one in the body is a fault.
    pub in_path: bool,
}

impl Owner {
    /// The block in a path.
    pub fn block(path: web::Path<Reference>) -> Self {
        Self { kind: EntityType::Block, reference: path.into_inner(), in_path: true }
    }

    /// The edge in a path.
    pub fn edge(path: web::Path<Reference>) -> Self {
        Self { kind: EntityType::Edge, reference: path.into_inner(), in_path: true }
    }

    /// The owner that a body names in `member`.
    pub fn from_member(fields: &mut Fields, kind: EntityType, member: &str) -> Option<Self> {
        Some(Self { kind, reference: fields.required(member)?, in_path: false })
    }
}

/// A part that is added, together with its owner.
#[derive(Debug)]
pub struct Owned<T> {
    pub owner: Owner,
    pub part: T,
}

impl<T: FromFields> FromFields for Owned<T> {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let kind = fields.required("entity_type").map(|Word(kind): Word<EntityType>| kind);
        // The member is read in any case, so that all faults are told.
        let owner = Owner::from_member(fields, kind.unwrap_or(EntityType::Block), "entity_id");
        let part = T::from_fields(fields);
        kind?;
        Some(Self { owner: owner?, part: part? })
    }
}

/// The members by which a body names the owner, for the document.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct OwnerMembers {
    entity_type: EntityType,
    /// Id or name.
    #[schema(value_type = Reference, example = "imagenet-1k")]
    entity_id: String,
}

/// Whose parts are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Owners {
    /// Those of blocks, or those of edges.
    #[param(rename = "entity_type")]
    pub kind: Option<EntityType>,
    /// Those of this one: its id or its name, along with `entity_type`.
    #[param(rename = "entity_id")]
    pub reference: Option<Reference>,
    #[param(ignore)]
    pub in_path: bool,
}

impl Owners {
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_ref().map(Reference::as_str)
    }
}

impl From<Owner> for Owners {
    fn from(owner: Owner) -> Self {
        Self { kind: Some(owner.kind), reference: Some(owner.reference), in_path: owner.in_path }
    }
}

impl FromParams for Owners {
    fn from_params(params: &mut Params) -> Option<Self> {
        let (kind, reference) = reference_with_kind(params, "entity_type", "entity_id")?;
        Some(Self { kind, reference, in_path: false })
    }
}

/// Reads a reference and what kind of thing it names: a name alone could be of either kind.
pub fn reference_with_kind(
    params: &mut Params,
    kind_name: &str,
    name: &str,
) -> Option<(Option<EntityType>, Option<Reference>)> {
    let kind = params.optional::<Word<EntityType>>(kind_name);
    let reference = params.optional::<Reference>(name);
    if matches!((&kind, &reference), (Some(None), Some(Some(_)))) {
        params.fault(kind_name, &format!("Is required along with {name}."));
        return None;
    }
    Some((kind?.map(|Word(kind)| kind), reference?))
}

/// The parameters of a flat list: whose, and which.
#[derive(Debug)]
pub struct Flat<F> {
    pub owners: Owners,
    pub filter: F,
}

impl<F: FromParams> FromParams for Flat<F> {
    fn from_params(params: &mut Params) -> Option<Self> {
        let owners = Owners::from_params(params);
        let filter = F::from_params(params);
        Some(Self { owners: owners?, filter: filter? })
    }
}
