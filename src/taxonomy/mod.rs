//! Categories as a tree, and which blocks are in them.
//!
//! A category is named by its id, or by its name as long as no other live category has that name:
//! below different parents two may be called alike, and then only the id will do (409 `ambiguous`,
//! with the candidates).

mod link_routes;
mod queries;
pub mod routes;
mod tree_routes;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::path::Reference;
use crate::api::text::Name;
use crate::versions::{SortKeys, Versioned};

/// A category.
#[derive(Debug, Serialize, ToSchema)]
pub struct Category {
    pub category_id: Uuid,
    #[schema(example = "computer vision")]
    pub name: String,
    /// Null for a root.
    pub parent_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime<Utc>,
    pub created_by: Option<Uuid>,
    /// Set while it is archived.
    pub archived_at: Option<DateTime<Utc>>,
}

impl Versioned for Category {
    const WHAT: &'static str = "Category";
    const PATH: &'static str = "/taxonomy-categories";

    fn keys(&self) -> SortKeys<'_> {
        SortKeys {
            id: self.category_id,
            name: &self.name,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A category and all that is below it, sorted by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryTree {
    #[serde(flatten)]
    pub category: Category,
    #[schema(no_recursion)]
    pub children: Vec<CategoryTree>,
}

impl CategoryTree {
    /// Makes trees of `rows`. What has no parent among them is a root. The database keeps a tree
    /// no deeper than 64 levels, so this may recurse.
    fn grow(rows: Vec<Category>) -> Vec<Self> {
        let present: HashSet<Uuid> = rows.iter().map(|row| row.category_id).collect();
        let mut below: HashMap<Option<Uuid>, Vec<Category>> = HashMap::new();
        for row in rows {
            let parent = row.parent_id.filter(|id| present.contains(id));
            below.entry(parent).or_default().push(row);
        }
        Self::children(&mut below, None)
    }

    fn children(
        below: &mut HashMap<Option<Uuid>, Vec<Category>>,
        parent: Option<Uuid>,
    ) -> Vec<Self> {
        let mut children = below.remove(&parent).unwrap_or_default();
        children
            .sort_by_cached_key(|category| (category.name.to_lowercase(), category.category_id));
        children
            .into_iter()
            .map(|category| Self {
                children: Self::children(below, Some(category.category_id)),
                category,
            })
            .collect()
    }
}

/// That a block is in a category.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockTaxonomy {
    pub block_taxonomy_id: Uuid,
    pub block_id: Uuid,
    pub category_id: Uuid,
    pub created_at: DateTime<Utc>,
}

/// A category to be.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "name": "segmentation", "parent_id": "computer vision" }))]
pub struct NewCategory {
    /// Not that of another category below the same parent.
    pub name: Name,
    /// Id or name of the category above it; without one it is a root.
    #[schema(value_type = Option<String>)]
    pub parent_id: Option<Reference>,
}

impl FromFields for NewCategory {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name");
        let parent_id = fields.optional("parent_id");
        Some(Self {
            name: name?,
            parent_id: parent_id?,
        })
    }
}

/// What to change of a category: its name, its place, or both.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "parent_id": "computer vision" }))]
pub struct CategoryPatch {
    #[schema(value_type = Option<Name>)]
    pub name: Option<Name>,
    /// Id or name of the category to move it below, with all that is below it; `null` makes it a
    /// root.
    #[schema(value_type = Option<String>)]
    pub parent_id: Patch<Reference>,
}

impl FromFields for CategoryPatch {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let name = fields.changed("name");
        let parent_id = fields.patched("parent_id");
        Some(Self {
            name: name?,
            parent_id: parent_id?,
        })
    }
}
