//! Where the source of a block or an edge is: a repository and a branch. The service never fetches
//! any.

mod git;
pub(crate) mod queries;
pub mod routes;

use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::query::FromParams;
use crate::resource::chronology::Chronology;
use crate::resource::verbs::Resource;

pub use git::{Branch, RepoUrl};

use crate::api::fields::FromFields;
use crate::api::path;
use crate::api::time::DateTime;
use crate::resource::owner::EntityType;

/// A repository of a block or an edge.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeRepo {
    pub repo_id: Uuid,
    pub entity_type: EntityType,
    pub entity_id: Uuid,
    #[schema(example = "https://github.com/acme/imagenet-loader")]
    pub repo_url: String,
    #[schema(example = "main")]
    pub branch: String,
    /// When the URL or the branch was last set; `ETag` is made of it.
    pub last_updated: DateTime,
    pub created_at: DateTime,
}

impl Resource for CodeRepo {
    const WHAT: &'static str = "Code repo";
    const ENTITY: Entity = Entity::CodeRepo;

    fn id(&self) -> Uuid {
        self.repo_id
    }

    fn location(&self) -> String {
        path::of(&[&"code-repos", &self.repo_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.last_updated
    }
}

/// A code repository that is added.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "repo_url": "https://github.com/acme/imagenet-loader", "branch": "main" }))]
pub struct NewCodeRepo {
    pub repo_url: RepoUrl,
    /// `main` when missing.
    pub branch: Option<Branch>,
}

/// What to change of a repository. What is missing stays.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "branch": "release/2.0" }))]
pub struct CodeRepoPatch {
    #[schema(value_type = RepoUrl, required = false)]
    #[read(changed)]
    pub repo_url: Option<RepoUrl>,
    #[schema(value_type = Branch, required = false)]
    #[read(changed)]
    pub branch: Option<Branch>,
}

/// Which repositories.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct CodeRepoFilter {
    /// Exactly this URL.
    pub repo_url: Option<String>,
    /// Exactly this branch.
    pub branch: Option<String>,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Chronology,
}
