//! One function for each file in `sql/aliases/`.

use uuid::Uuid;

use super::{Alias, AliasFilter, AliasMove, AliasTarget};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::db::{Failure, Scope};
use crate::resource::chronology::Chronology;
use crate::resource::owner::{Owner, Owners};
use crate::versions::AliasName;

pub(crate) async fn get(
    scope: &mut Scope<'_>,
    owner: &Owner,
    alias: &AliasName,
) -> Result<Option<Alias>, Failure> {
    let query = sqlx::query_file_as!(
        Alias,
        "sql/aliases/get.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        alias.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// The alias, and whether it is new; `None` when it has another revision, or there is no such version.
pub(crate) async fn put(
    scope: &mut Scope<'_>,
    owner: &Owner,
    alias: &AliasName,
    target: &AliasTarget,
    if_match: &IfMatch,
) -> Result<Option<(Alias, bool)>, Failure> {
    let row = sqlx::query_file!(
        "sql/aliases/put.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        alias.as_str(),
        target.version.to_string(),
        target.is_protected,
        if_match.revisions(),
    );
    let row = row.fetch_optional(scope.connection()).await?;
    Ok(row.map(|row| {
        let alias = Alias {
            alias_id: row.alias_id,
            entity_type: row.entity_type,
            entity_id: row.entity_id,
            alias: row.alias,
            version_id: row.version_id,
            version_number: row.version_number,
            is_protected: row.is_protected,
            created_at: row.created_at,
            updated_at: row.updated_at,
            created_by: row.created_by,
            created_by_username: row.created_by_username,
        };
        (alias, row.is_new)
    }))
}

pub(crate) async fn delete(
    scope: &mut Scope<'_>,
    owner: &Owner,
    alias: &AliasName,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/aliases/delete.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        alias.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    owners: &Owners,
    filter: &AliasFilter,
) -> Result<Rows<Alias>, Failure> {
    let position = &filter.position;
    let query = sqlx::query_file_as!(
        Alias,
        "sql/aliases/list.sql",
        scope.caller() as _,
        owners.kind as _,
        owners.reference(),
        owners.in_path,
        filter.alias.as_ref().map(AliasName::as_str),
        position.oldest_first(),
        position.time(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

/// One row more than the page has.
pub(super) async fn moves(
    scope: &mut Scope<'_>,
    owner: &Owner,
    alias: &AliasName,
    position: &Chronology,
) -> Result<Rows<AliasMove>, Failure> {
    let query = sqlx::query_file_as!(
        AliasMove,
        "sql/aliases/moves.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        alias.as_str(),
        position.oldest_first(),
        position.time(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}
