//! Categories as a tree, and which blocks are in them.
//!
//! A category is named by its id, or by its name as long as no other live category has that name:
//! below different parents two may be called alike, and then only the id will do (409 `ambiguous`,
//! with the candidates).

pub mod link_routes;
pub(crate) mod queries;
pub mod routes;
pub mod tree_routes;

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::fields::{FromFields, Patch};
use crate::api::name::{self, Name};
use crate::api::path::{self, Reference};
use crate::api::query::{FromParams, Params, SearchText};
use crate::api::time::DateTime;
use crate::resource::chronology::Chronology;
use crate::resource::listing::Named;
use crate::resource::listing::Position;
use crate::resource::verbs::{Reach, Resource};

/// A category.
#[derive(Debug, Serialize, ToSchema)]
pub struct Category {
    pub category_id: Uuid,
    #[schema(example = "computer vision")]
    pub name: String,
    /// Null for a root.
    pub parent_id: Option<Uuid>,
    pub created_at: DateTime,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime,
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
    /// Set while it is archived.
    pub archived_at: Option<DateTime>,
    /// With `as_of`: when it was purged since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = DateTime, required = false)]
    pub purged_at: Option<DateTime>,
}

impl Resource for Category {
    const WHAT: &'static str = "Category";
    const ENTITY: Entity = Entity::Taxonomy;

    fn id(&self) -> Uuid {
        self.category_id
    }

    fn location(&self) -> String {
        path::of(&[&"taxonomy-categories", &self.category_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

impl Named for Category {
    fn name(&self) -> &str {
        &self.name
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
        children.sort_by_cached_key(|category| (name::key(&category.name), category.category_id));
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
    pub created_at: DateTime,
}

/// Body of `POST /taxonomy-categories`.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "name": "segmentation", "parent_id": "computer vision" }))]
pub struct NewCategory {
    /// Not that of another category below the same parent.
    pub name: Name,
    /// Id or name of the category above it; without one it is a root.
    pub parent_id: Option<Reference>,
}

/// What to change of a category: its name, its place, or both.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "parent_id": "computer vision" }))]
pub struct CategoryPatch {
    #[schema(value_type = Name, required = false)]
    #[read(changed)]
    pub name: Option<Name>,
    /// Id or name of the category to move it below, with all that is below it; `null` makes it a
    /// root.
    #[schema(value_type = Option<Reference>)]
    pub parent_id: Patch<Reference>,
}

/// Which links.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct LinkList {
    /// Those of this block: its id or its name.
    pub block_id: Option<Reference>,
    /// Those of this category: its id or its name.
    pub category_id: Option<Reference>,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Chronology,
}

/// Which categories.
#[derive(Debug, PartialEq, Default, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
#[read(check = Self::tree_alone)]
pub struct CategoryList {
    /// Exactly this name, without regard to case.
    pub name: Option<String>,
    /// Directly below this category: its id or its name.
    pub parent_id: Option<Reference>,
    /// `true` lists only those that are below no other.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub roots: bool,
    /// With this text in the name, without regard to case.
    #[param(max_length = 200)]
    #[read(with = SearchText)]
    pub q: Option<String>,
    /// `true` lists what is archived instead (yours, or all for admins).
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub archived: bool,
    /// `true` shows everything at once, each category with its `children`, and goes with no other
    /// parameter.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub tree: bool,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Position,
}

impl CategoryList {
    /// Whether nothing is said but the form.
    fn is_plain(&self) -> bool {
        *self == Self { tree: self.tree, ..Self::default() }
    }
}

impl CategoryList {
    /// The tree is whole.
    fn tree_alone(self, params: &mut Params) -> Option<Self> {
        if self.tree && !self.is_plain() {
            params.fault("tree", "Goes with no other parameter.");
            return None;
        }
        Some(self)
    }
}

/// How a category is removed.
#[derive(Debug, Clone, Copy, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct CategoryRemoval {
    /// `true` removes it for good, out of its blocks as well; for admins. The audit trail stays.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub purge: bool,
    /// `true` moves what is directly below it up to its parent; otherwise it is refused while
    /// there is anything.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub reparent: bool,
}

impl CategoryRemoval {
    /// What is archived can still be purged.
    pub fn reach(&self) -> Reach {
        if self.purge { Reach::All } else { Reach::Live }
    }
}
