//! One function for each file in `sql/preview/`.

use uuid::Uuid;

use super::MOST_PIPELINES;
use crate::api::raw_json::RawJson;
use crate::db::{Failure, Scope};

/// Whether a pipeline may run, and on what.
pub(crate) struct State {
    pub pipeline_id: Uuid,
    pub name: String,
    pub lock: RawJson,
    pub lock_digest: String,
    pub blockers: RawJson,
    pub warnings: RawJson,
}

/// Says in the audit trail that somebody asks, where it records reads.
pub(super) async fn asked(scope: &mut Scope<'_>) -> Result<(), Failure> {
    sqlx::query_file_scalar!("sql/preview/asked.sql", scope.caller() as _)
        .fetch_optional(scope.connection())
        .await?;
    Ok(())
}

/// The pipelines that this transaction has reached, and that changes of `coming` reach: as many as are
/// asked, and whether these are all.
pub(crate) async fn affected(
    scope: &mut Scope<'_>,
    coming: &[Uuid],
) -> Result<(Vec<Uuid>, bool), Failure> {
    let most = usize::from(MOST_PIPELINES);
    let limit = i64::from(MOST_PIPELINES) + 1;
    let query =
        sqlx::query_file_scalar!("sql/preview/affected.sql", scope.caller() as _, coming, limit);
    let mut reached = query.fetch_all(scope.connection()).await?;
    let are_all = reached.len() <= most;
    reached.truncate(most);
    Ok((reached, are_all))
}

pub(crate) async fn states(
    scope: &mut Scope<'_>,
    pipelines: &[Uuid],
) -> Result<Vec<State>, Failure> {
    let query =
        sqlx::query_file_as!(State, "sql/preview/states.sql", scope.caller() as _, pipelines);
    Ok(query.fetch_all(scope.connection()).await?)
}
