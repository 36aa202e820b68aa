//! One function for each file in `sql/code_repos/`.

use uuid::Uuid;

use super::{Branch, CodeRepo, CodeRepoFilter, CodeRepoPatch, NewCodeRepo, RepoUrl};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::db::{Failure, Scope};
use crate::resource::owner::{Owner, Owners};

pub(crate) async fn create(
    scope: &mut Scope<'_>,
    owner: &Owner,
    repo: &NewCodeRepo,
) -> Result<CodeRepo, Failure> {
    let query = sqlx::query_file_as!(
        CodeRepo,
        "sql/code_repos/create.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        owner.in_path,
        repo.repo_url.as_str(),
        repo.branch.as_ref().map(Branch::as_str),
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    owners: &Owners,
    filter: &CodeRepoFilter,
) -> Result<Rows<CodeRepo>, Failure> {
    let position = &filter.position;
    let query = sqlx::query_file_as!(
        CodeRepo,
        "sql/code_repos/list.sql",
        scope.caller() as _,
        owners.kind as _,
        owners.reference(),
        owners.in_path,
        filter.repo_url.as_deref(),
        filter.branch.as_deref(),
        position.oldest_first(),
        position.time(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

pub(super) async fn get(scope: &mut Scope<'_>, repo_id: Uuid) -> Result<Option<CodeRepo>, Failure> {
    let query =
        sqlx::query_file_as!(CodeRepo, "sql/code_repos/get.sql", scope.caller() as _, repo_id,);
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn update(
    scope: &mut Scope<'_>,
    repo_id: Uuid,
    patch: &CodeRepoPatch,
    if_match: &IfMatch,
) -> Result<Option<CodeRepo>, Failure> {
    let query = sqlx::query_file_as!(
        CodeRepo,
        "sql/code_repos/update.sql",
        scope.caller() as _,
        repo_id,
        patch.repo_url.as_ref().map(RepoUrl::as_str),
        patch.branch.as_ref().map(Branch::as_str),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn delete(
    scope: &mut Scope<'_>,
    repo_id: Uuid,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/code_repos/delete.sql",
        scope.caller() as _,
        repo_id,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
