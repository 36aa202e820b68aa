//! One function for each file in `sql/blocks/`.

use uuid::Uuid;

use super::routes::BlockList;
use super::{Block, BlockPatch, BlockVersion, NewBlock};
use crate::api::etag::IfMatch;
use crate::api::page::Limit;
use crate::api::path::Reference;
use crate::db::{Failure, Scope};
use crate::versions::Revision;

pub(super) async fn create(scope: &mut Scope<'_>, block: &NewBlock) -> Result<Block, Failure> {
    let query = sqlx::query_file_as!(
        Block,
        "sql/blocks/create.sql",
        scope.caller() as _,
        block.name.as_str(),
        block.block_type as _,
        block.description.as_ref().map(|text| text.as_str()),
        block.metadata.as_ref().map(|json| json.as_json()) as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

/// What to show along with a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    pub versions: bool,
    pub categories: bool,
}

pub(super) async fn get(
    scope: &mut Scope<'_>,
    block: &Reference,
    include: Include,
) -> Result<Option<Block>, Failure> {
    let query = sqlx::query_file_as!(
        Block,
        "sql/blocks/get.sql",
        scope.caller() as _,
        block.as_str(),
        include.versions,
        include.categories,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub async fn list(scope: &mut Scope<'_>, list: &BlockList) -> Result<Vec<Block>, Failure> {
    let position = &list.position;
    let rows = if list.is_plain() {
        sqlx::query_file_as!(
            Block,
            "sql/blocks/newest.sql",
            scope.caller() as _,
            position.time(),
            position.id(),
            position.limit.fetched(),
        )
        .fetch_all(scope.connection())
        .await?
    } else {
        sqlx::query_file_as!(
            Block,
            "sql/blocks/list.sql",
            scope.caller() as _,
            list.block_type as _,
            list.name.as_deref(),
            list.category.as_deref(),
            list.q.as_deref(),
            list.created_after,
            list.created_before,
            list.archived,
            position.sort.as_str(),
            position.time(),
            position.name(),
            position.id(),
            position.limit.fetched(),
            list.include.versions,
            list.include.categories,
            list.recursive,
        )
        .fetch_all(scope.connection())
        .await?
    };
    Ok(rows)
}

pub(super) async fn update(
    scope: &mut Scope<'_>,
    block: &Reference,
    patch: &BlockPatch,
    if_match: &IfMatch,
) -> Result<Option<Block>, Failure> {
    let (sets_description, description) = patch.description.assignment();
    let query = sqlx::query_file_as!(
        Block,
        "sql/blocks/update.sql",
        scope.caller() as _,
        block.as_str(),
        patch.name.as_ref().map(|name| name.as_str()),
        patch.block_type as _,
        sets_description,
        description.map(|text| text.as_str()),
        patch.metadata.as_ref().map(|json| json.as_json()) as _,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Makes an older version the active one; `None` for `number` is the latest.
pub(super) async fn activate(
    scope: &mut Scope<'_>,
    block: &Reference,
    number: Option<i32>,
    if_match: &IfMatch,
) -> Result<Option<Block>, Failure> {
    let query = sqlx::query_file_as!(
        Block,
        "sql/blocks/activate.sql",
        scope.caller() as _,
        block.as_str(),
        number,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn archive(
    scope: &mut Scope<'_>,
    block: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/blocks/archive.sql",
        scope.caller() as _,
        block.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn purge(
    scope: &mut Scope<'_>,
    block: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/blocks/purge.sql",
        scope.caller() as _,
        block.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn restore(
    scope: &mut Scope<'_>,
    block: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Block>, Failure> {
    let query = sqlx::query_file_as!(
        Block,
        "sql/blocks/restore.sql",
        scope.caller() as _,
        block.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn revision(
    scope: &mut Scope<'_>,
    block: &Reference,
) -> Result<Option<Revision>, Failure> {
    let query = sqlx::query_file_as!(
        Revision,
        "sql/blocks/revision.sql",
        scope.caller() as _,
        block.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn version(
    scope: &mut Scope<'_>,
    block: &Reference,
    number: Option<i32>,
    latest: bool,
) -> Result<Option<BlockVersion>, Failure> {
    let query = sqlx::query_file_as!(
        BlockVersion,
        "sql/blocks/version.sql",
        scope.caller() as _,
        block.as_str(),
        number,
        latest,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Newest first, those below the number `before`.
pub(super) async fn versions(
    scope: &mut Scope<'_>,
    block: &Reference,
    before: Option<i32>,
    limit: Limit,
) -> Result<Vec<BlockVersion>, Failure> {
    let query = sqlx::query_file_as!(
        BlockVersion,
        "sql/blocks/versions.sql",
        scope.caller() as _,
        block.as_str(),
        before,
        limit.fetched(),
    );
    Ok(query.fetch_all(scope.connection()).await?)
}
