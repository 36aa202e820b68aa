//! One function for each file in `sql/audit/`.

use super::{AuditList, AuditLog};
use crate::api::page::Rows;
use crate::api::page::{Cursor, Limit};
use crate::api::path::Reference;
use crate::db::{Failure, Scope};

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    list: &AuditList,
) -> Result<Rows<AuditLog>, Failure> {
    let cursor = list.cursor.as_ref();
    let query = sqlx::query_file_as!(
        AuditLog,
        "sql/audit/list.sql",
        scope.caller() as _,
        list.user_id.as_ref().map(Reference::as_str),
        list.action_type as _,
        list.entity_type as _,
        list.entity_id,
        list.timestamp_after,
        list.timestamp_before,
        cursor.and_then(Cursor::time),
        cursor.map(|cursor| cursor.id),
        list.limit.fetched(),
    );
    scope.rows(list.limit, |connection| query.fetch(connection)).await
}

/// Whether the caller is shown a part of the trail only.
pub(super) async fn is_partial(scope: &mut Scope<'_>) -> Result<bool, Failure> {
    let query = sqlx::query_file_scalar!("sql/audit/is_partial.sql", scope.caller() as _);
    Ok(query.fetch_one(scope.connection()).await?)
}

/// One row more than the page has. `kind` is a word that `app.find_id` knows.
pub(super) async fn history(
    scope: &mut Scope<'_>,
    kind: &str,
    thing: &Reference,
    cursor: Option<&Cursor>,
    limit: Limit,
) -> Result<Rows<AuditLog>, Failure> {
    let query = sqlx::query_file_as!(
        AuditLog,
        "sql/audit/history.sql",
        scope.caller() as _,
        kind,
        thing.as_str(),
        cursor.and_then(Cursor::time),
        cursor.map(|cursor| cursor.id),
        limit.fetched(),
    );
    scope.rows(limit, |connection| query.fetch(connection)).await
}

/// One row more than the page has.
pub(super) async fn activity(
    scope: &mut Scope<'_>,
    user: &Reference,
    cursor: Option<&Cursor>,
    limit: Limit,
) -> Result<Rows<AuditLog>, Failure> {
    let query = sqlx::query_file_as!(
        AuditLog,
        "sql/audit/activity.sql",
        scope.caller() as _,
        user.as_str(),
        cursor.and_then(Cursor::time),
        cursor.map(|cursor| cursor.id),
        limit.fetched(),
    );
    scope.rows(limit, |connection| query.fetch(connection)).await
}
