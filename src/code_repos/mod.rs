//! Where the source of a block or an edge is: a repository and a branch. The service never fetches
//! any.

mod git;
mod queries;
pub mod routes;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::query::FromParams;
use crate::api::query::Params;
use crate::resource::chronology::Chronology;
use crate::resource::verbs::Resource;

pub use git::{Branch, RepoUrl};

use crate::api::fields::{Fields, FromFields};
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
    pub last_updated: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

impl Resource for CodeRepo {
    const WHAT: &'static str = "Code repo";
    const ENTITY: Entity = Entity::CodeRepo;

    fn id(&self) -> Uuid {
        self.repo_id
    }

    fn location(&self) -> String {
        format!("/code-repos/{}", self.repo_id)
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    fn revision(&self) -> DateTime<Utc> {
        self.last_updated
    }
}

/// A repository to be.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "repo_url": "https://github.com/acme/imagenet-loader", "branch": "main" }))]
pub struct NewCodeRepo {
    pub repo_url: RepoUrl,
    /// `main` when missing.
    pub branch: Option<Branch>,
}

impl FromFields for NewCodeRepo {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let repo_url = fields.required("repo_url");
        let branch = fields.optional("branch");
        Some(Self {
            repo_url: repo_url?,
            branch: branch?,
        })
    }
}

/// What to change of a repository. What is missing stays.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "branch": "release/2.0" }))]
pub struct CodeRepoPatch {
    pub repo_url: Option<RepoUrl>,
    pub branch: Option<Branch>,
}

impl FromFields for CodeRepoPatch {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let repo_url = fields.changed("repo_url");
        let branch = fields.changed("branch");
        Some(Self {
            repo_url: repo_url?,
            branch: branch?,
        })
    }
}

/// Which repositories.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CodeRepoFilter {
    /// Exactly this URL.
    pub repo_url: Option<String>,
    /// Exactly this branch.
    pub branch: Option<String>,
    #[param(ignore)]
    pub position: Chronology,
}

impl FromParams for CodeRepoFilter {
    fn from_params(params: &mut Params) -> Option<Self> {
        let repo_url = params.optional("repo_url");
        let branch = params.optional("branch");
        let position = Chronology::from_params(params);
        Some(Self {
            repo_url: repo_url?,
            branch: branch?,
            position: position?,
        })
    }
}
