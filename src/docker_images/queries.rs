//! One function for each file in `sql/docker_images/`.

use uuid::Uuid;

use super::{
    BuildLogs, DockerImage, DockerImageFilter, DockerImagePatch, ImageDigest, ImageName, ImageTag,
    NewDockerImage,
};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::db::{Failure, Scope};
use crate::resource::owner::{Owner, Owners};

pub(crate) async fn create(
    scope: &mut Scope<'_>,
    owner: &Owner,
    image: &NewDockerImage,
) -> Result<DockerImage, Failure> {
    let query = sqlx::query_file_as!(
        DockerImage,
        "sql/docker_images/create.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        owner.in_path,
        image.image_tag.as_str(),
        image.registry_url.as_str(),
        image.image_digest.as_ref().map(ImageDigest::as_str),
        image.build_status as _,
        image.build_logs.as_ref().map(BuildLogs::as_str),
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    owners: &Owners,
    filter: &DockerImageFilter,
) -> Result<Rows<DockerImage>, Failure> {
    let position = &filter.position;
    let query = sqlx::query_file_as!(
        DockerImage,
        "sql/docker_images/list.sql",
        scope.caller() as _,
        owners.kind as _,
        owners.reference(),
        owners.in_path,
        filter.image_tag.as_deref(),
        filter.registry_url.as_deref(),
        filter.image_digest.as_deref(),
        filter.build_status as _,
        position.oldest_first(),
        position.time(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

/// With `logs` its logs as well.
pub(super) async fn get(
    scope: &mut Scope<'_>,
    image_id: Uuid,
    logs: bool,
) -> Result<Option<DockerImage>, Failure> {
    let query = sqlx::query_file_as!(
        DockerImage,
        "sql/docker_images/get.sql",
        scope.caller() as _,
        image_id,
        logs,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// What is not given is not named, so that logs that stay cost nothing.
pub(crate) async fn update(
    scope: &mut Scope<'_>,
    image_id: Uuid,
    patch: &DockerImagePatch,
    if_match: &IfMatch,
) -> Result<Option<DockerImage>, Failure> {
    let (sets_digest, digest) = patch.image_digest.assignment();
    let (sets_logs, logs) = patch.build_logs.assignment();
    let tag = patch.image_tag.as_ref().map(ImageTag::as_str);
    let name = patch.registry_url.as_ref().map(ImageName::as_str);
    let digest = digest.map(ImageDigest::as_str);
    let updated = if sets_logs {
        sqlx::query_file_as!(
            DockerImage,
            "sql/docker_images/update_with_logs.sql",
            scope.caller() as _,
            image_id,
            tag,
            name,
            sets_digest,
            digest,
            patch.build_status as _,
            if_match.revisions(),
            logs.map(BuildLogs::as_str),
        )
        .fetch_optional(scope.connection())
        .await
    } else {
        sqlx::query_file_as!(
            DockerImage,
            "sql/docker_images/update.sql",
            scope.caller() as _,
            image_id,
            tag,
            name,
            sets_digest,
            digest,
            patch.build_status as _,
            if_match.revisions(),
        )
        .fetch_optional(scope.connection())
        .await
    };
    Ok(updated?)
}

pub(super) async fn append_logs(
    scope: &mut Scope<'_>,
    image_id: Uuid,
    text: &str,
    if_match: &IfMatch,
) -> Result<Option<DockerImage>, Failure> {
    let query = sqlx::query_file_as!(
        DockerImage,
        "sql/docker_images/append_logs.sql",
        scope.caller() as _,
        image_id,
        text,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn delete(
    scope: &mut Scope<'_>,
    image_id: Uuid,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/docker_images/delete.sql",
        scope.caller() as _,
        image_id,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
