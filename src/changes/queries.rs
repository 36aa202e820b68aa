//! One function for each file in `sql/changes/`.

use super::{Between, Change};
use crate::api::page::{Cursor, Rows};
use crate::db::{Failure, Scope};

/// One row more than the page has.
pub(super) async fn between(
    scope: &mut Scope<'_>,
    between: &Between,
) -> Result<Rows<Change>, Failure> {
    let cursor = between.cursor.as_ref();
    let query = sqlx::query_file_as!(
        Change,
        "sql/changes/between.sql",
        scope.caller() as _,
        between.from as _,
        between.to as _,
        cursor.and_then(Cursor::time) as _,
        cursor.map(|cursor| cursor.id),
        between.limit.fetched(),
    );
    scope.rows(between.limit, |connection| query.fetch(connection)).await
}
