//! One function for each file in `sql/vectors/`, which serves both tables.

use uuid::Uuid;

use super::{NewVector, Vector, VectorDb, VectorFilter, VectorKey, VectorPatch};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::api::raw_json::RawJson;
use crate::api::time::DateTime;
use crate::db::{Failure, Scope};
use crate::filter::TaxonomyFilter;
use crate::resource::owner::{EntityType, Owner, Owners};

/// What the `taxonomy_filter` comes to, if there is one.
pub(super) async fn filter(
    scope: &mut Scope<'_>,
    kind: EntityType,
    vector_id: Uuid,
) -> Result<Option<(Option<RawJson>, DateTime)>, Failure> {
    let query =
        sqlx::query_file!("sql/vectors/filter.sql", scope.caller() as _, kind as _, vector_id);
    let row = query.fetch_optional(scope.connection()).await?;
    Ok(row.map(|row| (row.filter, row.updated_at)))
}

pub(crate) async fn create(
    scope: &mut Scope<'_>,
    owner: &Owner,
    vector: &NewVector,
) -> Result<Vector, Failure> {
    let query = sqlx::query_file_as!(
        Vector,
        "sql/vectors/create.sql",
        scope.caller() as _,
        owner.kind as _,
        owner.reference.as_str(),
        owner.in_path,
        vector.vector_db.as_str(),
        vector.vector_key.as_str(),
        vector.taxonomy_filter.as_ref().map(TaxonomyFilter::as_json) as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    owners: &Owners,
    filter: &VectorFilter,
) -> Result<Rows<Vector>, Failure> {
    let position = &filter.position;
    let query = sqlx::query_file_as!(
        Vector,
        "sql/vectors/list.sql",
        scope.caller() as _,
        owners.kind as _,
        owners.reference(),
        owners.in_path,
        filter.vector_db.as_deref(),
        filter.vector_key.as_deref(),
        position.oldest_first(),
        position.time(),
        position.id(),
        position.limit.fetched(),
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

pub(super) async fn get(
    scope: &mut Scope<'_>,
    kind: EntityType,
    vector_id: Uuid,
) -> Result<Option<Vector>, Failure> {
    let query = sqlx::query_file_as!(
        Vector,
        "sql/vectors/get.sql",
        scope.caller() as _,
        kind as _,
        vector_id,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn update(
    scope: &mut Scope<'_>,
    kind: EntityType,
    vector_id: Uuid,
    patch: &VectorPatch,
    if_match: &IfMatch,
) -> Result<Option<Vector>, Failure> {
    let (sets_filter, filter) = patch.taxonomy_filter.assignment();
    let query = sqlx::query_file_as!(
        Vector,
        "sql/vectors/update.sql",
        scope.caller() as _,
        kind as _,
        vector_id,
        patch.vector_db.as_ref().map(VectorDb::as_str),
        patch.vector_key.as_ref().map(VectorKey::as_str),
        sets_filter,
        filter.map(TaxonomyFilter::as_json) as _,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn delete(
    scope: &mut Scope<'_>,
    kind: EntityType,
    vector_id: Uuid,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/vectors/delete.sql",
        scope.caller() as _,
        kind as _,
        vector_id,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
