//! What a block or an edge depends on: another of them (internal), or something outside
//! (external); and, the other way round, what depends on it. Internal dependencies form no cycle.

pub mod dependent_routes;
pub(crate) mod queries;
pub mod routes;

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::page::Limit;
use crate::api::page::{Cursor, CursorText};
use crate::api::path::{self, Reference};
use crate::api::query::FromParams;
use crate::api::query::Params;
use crate::api::raw_json::RawJson;
use crate::api::text::{Line, Text};
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::resource::chronology::Chronology;
use crate::resource::owner::EntityType;
use crate::resource::owner::reference_with_kind;
use crate::resource::verbs::Resource;

/// What a dependency is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "dependency_type", rename_all = "snake_case")]
pub enum DependencyType {
    /// Another block or edge of this registry.
    Internal,
    /// Something outside: a package, a service.
    External,
}

/// What the dependency is, in words: at most 2,000 characters.
pub type Detail = Text<2_000>;

/// Which versions will do: of an internal dependency as `app.is_version_constraint` reads it, of an external
/// one in the notation of whatever is outside.
pub type VersionConstraint = Line<200>;

/// That a block or an edge depends on something.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dependency {
    pub dependency_id: Uuid,
    pub entity_type: EntityType,
    pub entity_id: Uuid,
    pub dependency_type: DependencyType,
    /// Of an external one what it is; may be empty when it is internal.
    #[schema(example = "PyPI: torch")]
    pub dependency_detail: String,
    /// Of an internal one.
    pub depends_on_type: Option<EntityType>,
    pub depends_on_id: Option<Uuid>,
    /// Of an internal one comparisons such as `>=2,<5`, `*`, or `@` and an alias.
    #[schema(example = ">=2,<5")]
    pub version_constraint: Option<String>,
    pub created_at: DateTime,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime,
}

impl Resource for Dependency {
    const WHAT: &'static str = "Dependency";
    const ENTITY: Entity = Entity::Dependency;

    fn id(&self) -> Uuid {
        self.dependency_id
    }

    fn location(&self) -> String {
        path::of(&[&"dependencies", &self.dependency_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

/// Something that depends on a block or an edge, directly or by way of others.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dependent {
    pub entity_type: EntityType,
    pub entity_id: Uuid,
    pub name: String,
    /// 1 when it depends on it directly.
    pub depth: i32,
    /// By which dependency it does: its own, on the one before it in `path`.
    pub dependency_id: Uuid,
    pub version_constraint: Option<String>,
    /// The shortest way to it: first what depends directly, last this one.
    #[schema(value_type = Vec<Step>)]
    pub path: RawJson,
}

/// One step of a path.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DependencyStep)]
pub struct Step {
    pub entity_type: EntityType,
    pub entity_id: Uuid,
    pub name: String,
}

/// A dependency that is added. An internal one needs `depends_on_type` and `depends_on_id`, an external
/// one `dependency_detail`.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "dependency_type": "internal",
    "depends_on_type": "block",
    "depends_on_id": "imagenet-1k",
    "version_constraint": ">=2"
}))]
pub struct NewDependency {
    pub dependency_type: DependencyType,
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub dependency_detail: Option<Detail>,
    pub depends_on_type: Option<EntityType>,
    /// Id or name.
    pub depends_on_id: Option<Reference>,
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"\S")]
    pub version_constraint: Option<VersionConstraint>,
}

impl FromFields for NewDependency {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let dependency_type =
            fields.required("dependency_type").map(|Word(kind): Word<DependencyType>| kind);
        let dependency_detail = fields.optional::<Detail>("dependency_detail");
        let depends_on_type = fields.optional::<Word<EntityType>>("depends_on_type");
        let depends_on_id = fields.optional::<Reference>("depends_on_id");
        let version_constraint = fields.optional("version_constraint");
        match dependency_type {
            Some(DependencyType::Internal) => {
                for (name, missing) in [
                    ("depends_on_type", matches!(depends_on_type, Some(None))),
                    ("depends_on_id", matches!(depends_on_id, Some(None))),
                ] {
                    if missing {
                        fields.fault(name, "Is required of an internal dependency.");
                    }
                }
            }
            Some(DependencyType::External) => {
                let blank = |detail: &Option<Detail>| {
                    detail.as_ref().is_none_or(|text| text.as_str().trim().is_empty())
                };
                if dependency_detail.as_ref().is_some_and(blank) {
                    fields.fault("dependency_detail", "Is required of an external dependency.");
                }
                for (name, given) in [
                    ("depends_on_type", matches!(depends_on_type, Some(Some(_)))),
                    ("depends_on_id", matches!(depends_on_id, Some(Some(_)))),
                ] {
                    if given {
                        fields.fault(name, "Goes with internal dependencies only.");
                    }
                }
            }
            None => {}
        }
        Some(Self {
            dependency_type: dependency_type?,
            dependency_detail: dependency_detail?,
            depends_on_type: depends_on_type?.map(|Word(kind)| kind),
            depends_on_id: depends_on_id?,
            version_constraint: version_constraint?,
        })
    }
}

/// What to change of a dependency. What is missing stays. One that turns external gives `null` for
/// `depends_on_type` and `depends_on_id`.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "version_constraint": ">=3" }))]
pub struct DependencyPatch {
    #[schema(value_type = DependencyType, required = false)]
    #[read(changed, with = Word)]
    pub dependency_type: Option<DependencyType>,
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub dependency_detail: Patch<Detail>,
    #[schema(value_type = Option<EntityType>)]
    #[read(with = Word)]
    pub depends_on_type: Patch<EntityType>,
    /// Id or name.
    #[schema(value_type = Option<Reference>)]
    pub depends_on_id: Patch<Reference>,
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"\S")]
    pub version_constraint: Patch<VersionConstraint>,
}

/// Which dependents.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DependentList {
    /// `true` lists also what depends on the dependents, and so on.
    #[param(value_type = Option<bool>)]
    pub recursive: bool,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    cursor: Option<Cursor>,
}

impl DependentList {
    /// Depth of the last one seen.
    fn depth(&self) -> Option<i32> {
        self.cursor.as_ref()?.key.parse().ok()
    }

    /// Id of the last one seen.
    fn id(&self) -> Option<Uuid> {
        self.cursor.as_ref().map(|cursor| cursor.id)
    }
}

impl FromParams for DependentList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let recursive = params.optional("recursive");
        let limit = params.optional("limit");
        let cursor =
            params.cursor(|cursor| cursor.sort == BY_DEPTH && cursor.key.parse::<i32>().is_ok());
        Some(Self {
            recursive: recursive?.unwrap_or(false),
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

/// Which dependencies.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DependencyFilter {
    pub dependency_type: Option<DependencyType>,
    /// Those on blocks, or those on edges.
    pub depends_on_type: Option<EntityType>,
    /// Those on this one: its id or its name, along with `depends_on_type`.
    pub depends_on_id: Option<Reference>,
    #[param(ignore)]
    pub position: Chronology,
}

impl FromParams for DependencyFilter {
    fn from_params(params: &mut Params) -> Option<Self> {
        let dependency_type = params.optional::<Word<DependencyType>>("dependency_type");
        let depends_on = reference_with_kind(params, "depends_on_type", "depends_on_id");
        let position = Chronology::from_params(params);
        let (depends_on_type, depends_on_id) = depends_on?;
        Some(Self {
            dependency_type: dependency_type?.map(|Word(kind)| kind),
            depends_on_type,
            depends_on_id,
            position: position?,
        })
    }
}

const BY_DEPTH: &str = "depth";
