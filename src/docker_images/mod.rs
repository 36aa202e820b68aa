//! Container images of blocks and edges, and how their builds went. The service never fetches any.

pub mod log_routes;
pub(crate) mod queries;
mod reference;
pub mod routes;

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::query::FromParams;
use crate::resource::chronology::Chronology;
use crate::resource::verbs::Resource;

pub use reference::{ImageDigest, ImageName, ImageTag};

use crate::api::fields::{FromFields, Patch};
use crate::api::path;
use crate::api::text::Text;
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::resource::owner::EntityType;

/// The logs of a build: at most 10 MiB.
pub type BuildLogs = Text<10_485_760>;

/// How a build went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "build_status", rename_all = "snake_case")]
pub enum BuildStatus {
    Pending,
    Success,
    Failed,
}

/// An image of a block or an edge.
#[derive(Debug, Serialize, ToSchema)]
pub struct DockerImage {
    pub image_id: Uuid,
    pub entity_type: EntityType,
    pub entity_id: Uuid,
    #[schema(example = "v1.0.0")]
    pub image_tag: String,
    #[schema(example = "ghcr.io/acme/imagenet-loader")]
    pub registry_url: String,
    /// What the tag named when it was noted. A tag can be moved, a digest cannot: it stands in locks, and
    /// readiness warns of an image without one.
    #[schema(value_type = Option<ImageDigest>)]
    pub image_digest: Option<String>,
    pub build_status: BuildStatus,
    /// How long the logs of its build are: `GET /docker-images/{image_id}/logs` has them.
    pub build_logs_bytes: i32,
    pub created_at: DateTime,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime,
    /// With `include=build_logs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub build_logs: Option<String>,
}

impl Resource for DockerImage {
    const WHAT: &'static str = "Docker image";
    const ENTITY: Entity = Entity::DockerImage;

    fn id(&self) -> Uuid {
        self.image_id
    }

    fn location(&self) -> String {
        path::of(&[&"docker-images", &self.image_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

/// An image that is added.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "image_tag": "v1.0.0", "registry_url": "ghcr.io/acme/imagenet-loader",
    "image_digest": "sha256:9b2a9a1c3c5bbd0c9e5b5a2d35fbd4ea1b1d6a4c4ff1e0f2b2ab3e7c9d7d1f00" }))]
pub struct NewDockerImage {
    pub image_tag: ImageTag,
    pub registry_url: ImageName,
    #[schema(value_type = Option<ImageDigest>)]
    pub image_digest: Option<ImageDigest>,
    /// `pending` when missing.
    #[read(with = Word)]
    pub build_status: Option<BuildStatus>,
    #[schema(value_type = Option<String>, max_length = 10_485_760)]
    pub build_logs: Option<BuildLogs>,
}

/// What to change of an image. What is missing stays, the digest as well when the tag is another; `null`
/// clears the digest and the logs.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "build_status": "success" }))]
pub struct DockerImagePatch {
    #[schema(value_type = ImageTag, required = false)]
    #[read(changed)]
    pub image_tag: Option<ImageTag>,
    #[schema(value_type = ImageName, required = false)]
    #[read(changed)]
    pub registry_url: Option<ImageName>,
    #[schema(value_type = Option<ImageDigest>)]
    pub image_digest: Patch<ImageDigest>,
    #[schema(value_type = BuildStatus, required = false)]
    #[read(changed, with = Word)]
    pub build_status: Option<BuildStatus>,
    #[schema(value_type = Option<String>, max_length = 10_485_760)]
    pub build_logs: Patch<BuildLogs>,
}

/// Which images.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct DockerImageFilter {
    /// Exactly this tag.
    pub image_tag: Option<String>,
    /// Exactly this registry.
    pub registry_url: Option<String>,
    /// Exactly this digest.
    pub image_digest: Option<String>,
    #[read(with = Word)]
    pub build_status: Option<BuildStatus>,
    #[param(ignore)]
    #[read(flatten)]
    pub position: Chronology,
}
