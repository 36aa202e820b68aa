//! Aliases: movable names for versions of blocks and edges (`champion`), and where each has pointed.

pub(crate) mod queries;
pub mod routes;

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::etag::IfMatch;
use crate::api::fields::FromFields;
use crate::api::path;
use crate::api::problem::Problem;
use crate::api::query::FromParams;
use crate::api::time::DateTime;
use crate::db::{Failure, Scope};
use crate::resource::chronology::Chronology;
use crate::resource::owner::{EntityType, Owner};
use crate::resource::verbs::Resource;
use crate::versions::{AliasName, VersionReference, Which};

/// A movable name for a version of a block or an edge.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alias {
    pub alias_id: Uuid,
    pub entity_type: EntityType,
    pub entity_id: Uuid,
    #[schema(example = "champion")]
    pub alias: String,
    /// The version that it points to.
    pub version_id: Uuid,
    pub version_number: i32,
    /// Whether the author of a version is kept from pointing it there.
    pub is_protected: bool,
    pub created_at: DateTime,
    /// When it was last moved or protected; `ETag` is made of it.
    pub updated_at: DateTime,
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
}

impl Resource for Alias {
    const WHAT: &'static str = "Alias";
    const ENTITY: Entity = Entity::Alias;

    fn id(&self) -> Uuid {
        self.alias_id
    }

    fn location(&self) -> String {
        let owners = match self.entity_type {
            EntityType::Block => "blocks",
            EntityType::Edge => "edges",
        };
        path::of(&[&owners, &self.entity_id, &"aliases", &self.alias])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

/// That an alias was made, moved or removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AliasMove {
    pub move_id: Uuid,
    #[schema(example = "champion")]
    pub alias: String,
    /// Where it pointed from then on; null when it was removed.
    pub version_id: Option<Uuid>,
    pub version_number: Option<i32>,
    pub moved_at: DateTime,
    pub moved_by: Option<Uuid>,
    pub moved_by_username: Option<String>,
}

/// Where an alias points.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "version": "3", "is_protected": true }))]
pub struct AliasTarget {
    /// A number, `latest`, `active` or another alias, as they are now.
    #[schema(value_type = VersionReference)]
    pub version: Which,
    /// Keeps the author of a version from pointing the alias to it. Stays as it is when missing; only an
    /// admin takes it away.
    #[schema(value_type = Option<bool>)]
    pub is_protected: Option<bool>,
}

/// Why an alias could not be pointed to a version: it has another revision, or there is no such version.
///
/// # Errors
/// 404 when there is no such owner.
pub(crate) async fn why(
    scope: &mut Scope<'_>,
    owner: &Owner,
    alias: &AliasName,
    if_match: &IfMatch,
) -> Result<Problem, Failure> {
    let found = queries::get(scope, owner, alias).await?;
    let is_stale = if_match.revisions().is_some()
        && !found.is_some_and(|found| if_match.admits(found.updated_at));
    Ok(if is_stale {
        Problem::stale()
    } else {
        Problem::invalid_field("/version", "Names no version that is there.")
    })
}

/// Which aliases.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct AliasFilter {
    /// Of this name.
    #[param(value_type = Option<AliasName>)]
    pub alias: Option<AliasName>,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Chronology,
}
