//! One function for each file in `sql/taxonomy/`.

use uuid::Uuid;

use super::{
    BlockTaxonomy, Category, CategoryList, CategoryPatch, CategoryRemoval, LinkList, NewCategory,
};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::db::{Failure, Scope, Transaction};
use crate::resource::chronology::Chronology;
use crate::resource::verbs::Revision;

pub(crate) async fn create(
    scope: &mut Scope<'_>,
    category: &NewCategory,
) -> Result<Category, Failure> {
    let query = sqlx::query_file_as!(
        Category,
        "sql/taxonomy/create.sql",
        scope.caller() as _,
        category.name.as_str(),
        category.parent_id.as_ref().map(Reference::as_str),
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn get(
    scope: &mut Scope<'_>,
    category: &Reference,
) -> Result<Option<Category>, Failure> {
    let query = sqlx::query_file_as!(
        Category,
        "sql/taxonomy/get.sql",
        scope.caller() as _,
        category.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has; with `block` those that it is in.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    list: &CategoryList,
    block: Option<&Reference>,
) -> Result<Rows<Category>, Failure> {
    let position = &list.position;
    let query = sqlx::query_file_as!(
        Category,
        "sql/taxonomy/list.sql",
        scope.caller() as _,
        list.name.as_deref(),
        list.parent_id.as_ref().map(Reference::as_str),
        list.roots,
        list.q.as_deref(),
        block.map(Reference::as_str),
        list.archived,
        position.sort.as_str(),
        position.time(),
        position.name(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

/// A category and all below it, or everything; at most `rows`.
pub(super) async fn tree(
    scope: &mut Scope<'_>,
    category: Option<&Reference>,
    rows: i64,
) -> Result<Vec<Category>, Failure> {
    let query = sqlx::query_file_as!(
        Category,
        "sql/taxonomy/tree.sql",
        scope.caller() as _,
        category.map(Reference::as_str),
        rows,
    );
    Ok(query.fetch_all(scope.connection()).await?)
}

/// From the root on.
pub(super) async fn ancestors(
    scope: &mut Scope<'_>,
    category: &Reference,
) -> Result<Vec<Category>, Failure> {
    let query = sqlx::query_file_as!(
        Category,
        "sql/taxonomy/ancestors.sql",
        scope.caller() as _,
        category.as_str(),
    );
    Ok(query.fetch_all(scope.connection()).await?)
}

pub(crate) async fn update(
    scope: &mut Scope<'_>,
    category: &Reference,
    patch: &CategoryPatch,
    if_match: &IfMatch,
) -> Result<Option<Category>, Failure> {
    let (moves, parent) = patch.parent_id.assignment();
    let query = sqlx::query_file_as!(
        Category,
        "sql/taxonomy/update.sql",
        scope.caller() as _,
        category.as_str(),
        patch.name.as_ref().map(|name| name.as_str()),
        moves,
        parent.map(Reference::as_str),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Archives a category, or purges it.
pub(crate) async fn remove(
    transaction: &mut Transaction<'_>,
    category: &Reference,
    removal: CategoryRemoval,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let removed = if removal.purge {
        sqlx::query_file_scalar!(
            "sql/taxonomy/purge.sql",
            transaction.caller() as _,
            category.as_str(),
            if_match.revisions(),
            removal.reparent,
        )
        .fetch_optional(transaction.connection())
        .await?
    } else {
        sqlx::query_file_scalar!(
            "sql/taxonomy/archive.sql",
            transaction.caller() as _,
            category.as_str(),
            if_match.revisions(),
            removal.reparent,
        )
        .fetch_optional(transaction.connection())
        .await?
    };
    Ok(removed)
}

pub(super) async fn restore(
    scope: &mut Scope<'_>,
    category: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Category>, Failure> {
    let query = sqlx::query_file_as!(
        Category,
        "sql/taxonomy/restore.sql",
        scope.caller() as _,
        category.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn revision(
    scope: &mut Scope<'_>,
    category: &Reference,
) -> Result<Option<Revision>, Failure> {
    let query = sqlx::query_file_as!(
        Revision,
        "sql/taxonomy/revision.sql",
        scope.caller() as _,
        category.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Puts a block into a category; `None` when it is in it already.
pub(crate) async fn link(
    scope: &mut Scope<'_>,
    block: &Reference,
    category: &Reference,
) -> Result<Option<BlockTaxonomy>, Failure> {
    let query = sqlx::query_file_as!(
        BlockTaxonomy,
        "sql/taxonomy/link.sql",
        scope.caller() as _,
        block.as_str(),
        category.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// That a block is in a category, if it is.
pub(super) async fn find_link(
    scope: &mut Scope<'_>,
    block: &Reference,
    category: &Reference,
) -> Result<Option<BlockTaxonomy>, Failure> {
    let wanted = LinkList {
        block_id: Some(block.clone()),
        category_id: Some(category.clone()),
        position: Chronology::default(),
    };
    Ok(links(scope, &wanted).await?.into_last())
}

/// Takes a block out of a category, if it is in it; whether the caller may.
pub(crate) async fn unlink(
    scope: &mut Scope<'_>,
    block: &Reference,
    category: &Reference,
) -> Result<bool, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/taxonomy/unlink.sql",
        scope.caller() as _,
        block.as_str(),
        category.as_str(),
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn links(
    scope: &mut Scope<'_>,
    list: &LinkList,
) -> Result<Rows<BlockTaxonomy>, Failure> {
    let query = sqlx::query_file_as!(
        BlockTaxonomy,
        "sql/taxonomy/links.sql",
        scope.caller() as _,
        list.block_id.as_ref().map(Reference::as_str),
        list.category_id.as_ref().map(Reference::as_str),
        list.position.oldest_first(),
        list.position.time(),
        list.position.id(),
        list.position.limit.fetched(),
    );
    scope.rows(list.position.limit, |connection| query.fetch(connection)).await
}
