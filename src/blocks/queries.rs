//! One function for each file in `sql/blocks/`.

use uuid::Uuid;

use super::{Block, BlockList, BlockPart, BlockPatch, BlockVersion, NewBlock, NewBlockVersion};
use crate::api::etag::IfMatch;
use crate::api::page::{Limit, Rows};
use crate::api::path::Reference;
use crate::api::time::DateTime;
use crate::api::word::Words;
use crate::db::{Failure, Scope};
use crate::resource::verbs::Revision;
use crate::versions::Which;

pub(crate) async fn create(scope: &mut Scope<'_>, block: &NewBlock) -> Result<Block, Failure> {
    let query = sqlx::query_file_as!(
        Block,
        "sql/blocks/create.sql",
        scope.caller() as _,
        block.name.as_str(),
        block.block_type as _,
        block.description.as_ref().map(|text| text.as_str()),
        block.metadata.as_ref().map(|json| json.as_json()) as _,
        block.activation as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn get(
    scope: &mut Scope<'_>,
    block: &Reference,
    include: &Words<BlockPart>,
) -> Result<Option<Block>, Failure> {
    let row = if include.is_empty() {
        let query = sqlx::query_file_as!(
            Block,
            "sql/blocks/get.sql",
            scope.caller() as _,
            block.id(),
            block.as_str(),
        );
        query.fetch_optional(scope.connection()).await?
    } else {
        let query = sqlx::query_file_as!(
            Block,
            "sql/blocks/get_including.sql",
            scope.caller() as _,
            block.id(),
            block.as_str(),
            include.has(&BlockPart::Versions),
            include.has(&BlockPart::Categories),
            include.has(&BlockPart::Aliases),
            include.has(&BlockPart::UsedBy),
        );
        query.fetch_optional(scope.connection()).await?
    };
    Ok(row)
}

/// One row more than the page has.
pub async fn list(scope: &mut Scope<'_>, list: &BlockList) -> Result<Rows<Block>, Failure> {
    let (filter, position) = (&list.filter, &list.position);
    if list.is_plain() {
        let query = sqlx::query_file_as!(
            Block,
            "sql/blocks/newest.sql",
            scope.caller() as _,
            position.time(),
            position.id(),
            position.limit.fetched(),
        );
        scope.rows(position.limit, |connection| query.fetch(connection)).await
    } else {
        let (looked_up, path) = list.conditions.of_list();
        let query = sqlx::query_file_as!(
            Block,
            "sql/blocks/list.sql",
            scope.caller() as _,
            list.block_type as _,
            filter.name.as_deref(),
            list.category.as_ref().map(Reference::as_str),
            filter.q.as_deref(),
            filter.created_after,
            filter.created_before,
            filter.archived,
            position.sort.as_str(),
            position.time(),
            position.name(),
            position.id(),
            position.limit.fetched(),
            list.include.has(&BlockPart::Versions),
            list.include.has(&BlockPart::Categories),
            list.recursive,
            list.include.has(&BlockPart::Aliases),
            looked_up as _,
            path,
        );
        scope.rows(position.limit, |connection| query.fetch(connection)).await
    }
}

pub(crate) async fn update(
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
        block.id(),
        block.as_str(),
        patch.name.as_ref().map(|name| name.as_str()),
        patch.block_type as _,
        sets_description,
        description.map(|text| text.as_str()),
        patch.metadata.as_ref().map(|json| json.as_json()) as _,
        if_match.revisions(),
        patch.activation as _,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// The candidate that the change at `revision` has appended, when that was `patch`.
pub(super) async fn candidate(
    scope: &mut Scope<'_>,
    block_id: Uuid,
    revision: DateTime,
    patch: &BlockPatch,
) -> Result<Option<BlockVersion>, Failure> {
    let (sets_description, description) = patch.description.assignment();
    let query = sqlx::query_file_as!(
        BlockVersion,
        "sql/blocks/candidate.sql",
        scope.caller() as _,
        block_id,
        revision as _,
        patch.metadata.as_ref().map(|json| json.as_json()) as _,
        sets_description,
        description.map(|text| text.as_str()),
        patch.block_type as _,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Appends a candidate.
pub(crate) async fn append(
    scope: &mut Scope<'_>,
    block: &Reference,
    version: &NewBlockVersion,
    if_match: &IfMatch,
) -> Result<Option<BlockVersion>, Failure> {
    let (sets_description, description) = version.description.assignment();
    let query = sqlx::query_file_as!(
        BlockVersion,
        "sql/blocks/append.sql",
        scope.caller() as _,
        block.id(),
        block.as_str(),
        version.block_type as _,
        sets_description,
        description.map(|text| text.as_str()),
        version.metadata.as_ref().map(|json| json.as_json()) as _,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Withdraws a version, or without a reason brings it back.
pub(crate) async fn withdraw(
    scope: &mut Scope<'_>,
    block: &Reference,
    which: &Which,
    reason: Option<&str>,
    if_match: &IfMatch,
) -> Result<Option<BlockVersion>, Failure> {
    let query = sqlx::query_file_as!(
        BlockVersion,
        "sql/blocks/withdraw.sql",
        scope.caller() as _,
        block.as_str(),
        which.to_string(),
        reason,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Makes a version the active one.
pub(crate) async fn activate(
    scope: &mut Scope<'_>,
    block: &Reference,
    which: &Which,
    if_match: &IfMatch,
) -> Result<Option<Block>, Failure> {
    let query = sqlx::query_file_as!(
        Block,
        "sql/blocks/activate.sql",
        scope.caller() as _,
        block.as_str(),
        which.to_string(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn archive(
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

pub(crate) async fn restore(
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

pub(crate) async fn revision(
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

pub(crate) async fn version(
    scope: &mut Scope<'_>,
    block: &Reference,
    which: &Which,
) -> Result<Option<BlockVersion>, Failure> {
    let query = sqlx::query_file_as!(
        BlockVersion,
        "sql/blocks/version.sql",
        scope.caller() as _,
        block.as_str(),
        which.to_string(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Those of the two that are there, in this order.
pub(super) async fn pair(
    scope: &mut Scope<'_>,
    block: &Reference,
    from: &Which,
    to: &Which,
) -> Result<Vec<BlockVersion>, Failure> {
    let query = sqlx::query_file_as!(
        BlockVersion,
        "sql/blocks/pair.sql",
        scope.caller() as _,
        block.as_str(),
        from.to_string(),
        to.to_string(),
    );
    Ok(query.fetch_all(scope.connection()).await?)
}

/// Newest first, those below the number `before`.
pub(super) async fn versions(
    scope: &mut Scope<'_>,
    block: &Reference,
    before: Option<i32>,
    limit: Limit,
) -> Result<Rows<BlockVersion>, Failure> {
    let query = sqlx::query_file_as!(
        BlockVersion,
        "sql/blocks/versions.sql",
        scope.caller() as _,
        block.as_str(),
        before,
        limit.fetched(),
    );
    scope.rows(limit, |connection| query.fetch(connection)).await
}
