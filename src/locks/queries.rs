//! One function for each file in `sql/locks/`.

use super::Lock;
use crate::db::{Failure, Scope};

pub(super) async fn get(scope: &mut Scope<'_>, digest: &str) -> Result<Option<Lock>, Failure> {
    let query = sqlx::query_file_as!(Lock, "sql/locks/get.sql", scope.caller() as _, digest);
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Both of them in that order; whichever are there.
pub(super) async fn pair(scope: &mut Scope<'_>, a: &str, b: &str) -> Result<Vec<Lock>, Failure> {
    let query = sqlx::query_file_as!(Lock, "sql/locks/pair.sql", scope.caller() as _, a, b);
    Ok(query.fetch_all(scope.connection()).await?)
}
