//! One function for each file in `sql/registry_file/`.

use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Kind, Owners};
use crate::api::raw_json::RawJson;
use crate::api::time::DateTime;
use crate::db::{Failure, Scope};

/// A category, with its path.
#[derive(Debug)]
pub(super) struct CategoryRow {
    pub id: Uuid,
    pub path: String,
    pub revision: DateTime,
    pub owner: Option<String>,
    pub fields: Option<RawJson>,
}

/// A block or an edge.
pub(super) struct VersionedRow {
    pub id: Uuid,
    pub name: String,
    pub revision: DateTime,
    pub version_number: i32,
    pub latest_version_number: i32,
    pub item: RawJson,
    /// The content of the newest version, if nobody has activated it.
    pub candidate: Option<RawJson>,
    pub owner: Option<String>,
    pub fields: Option<RawJson>,
}

pub(super) struct PipelineRow {
    pub id: Uuid,
    pub name: String,
    pub revision: DateTime,
    pub item: RawJson,
    pub owner: Option<String>,
    pub fields: Option<RawJson>,
}

/// Which things are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Those with these keys of names; all when missing.
    pub keys: Option<&'a [String]>,
    /// And those of this owner.
    pub owner: Option<&'a str>,
    /// At most so many.
    pub limit: i64,
}

/// Waits until no other file is being applied.
pub(super) async fn enter(scope: &mut Scope<'_>) -> Result<(), Failure> {
    let query = sqlx::query_file_scalar!("sql/registry_file/enter.sql", scope.caller() as _);
    query.fetch_optional(scope.connection()).await?;
    Ok(())
}

pub(super) async fn categories(scope: &mut Scope<'_>) -> Result<Vec<CategoryRow>, Failure> {
    let query =
        sqlx::query_file_as!(CategoryRow, "sql/registry_file/categories.sql", scope.caller() as _);
    Ok(query.fetch_all(scope.connection()).await?)
}

pub(super) async fn blocks(
    scope: &mut Scope<'_>,
    wanted: Wanted<'_>,
    category: Option<&str>,
) -> Result<Vec<VersionedRow>, Failure> {
    let query = sqlx::query_file_as!(
        VersionedRow,
        "sql/registry_file/blocks.sql",
        scope.caller() as _,
        wanted.keys,
        wanted.owner,
        category,
        wanted.limit,
    );
    Ok(query.fetch_all(scope.connection()).await?)
}

pub(super) async fn edges(
    scope: &mut Scope<'_>,
    wanted: Wanted<'_>,
) -> Result<Vec<VersionedRow>, Failure> {
    let query = sqlx::query_file_as!(
        VersionedRow,
        "sql/registry_file/edges.sql",
        scope.caller() as _,
        wanted.keys,
        wanted.owner,
        wanted.limit,
    );
    Ok(query.fetch_all(scope.connection()).await?)
}

pub(super) async fn pipelines(
    scope: &mut Scope<'_>,
    wanted: Wanted<'_>,
) -> Result<Vec<PipelineRow>, Failure> {
    let query = sqlx::query_file_as!(
        PipelineRow,
        "sql/registry_file/pipelines.sql",
        scope.caller() as _,
        wanted.keys,
        wanted.owner,
        wanted.limit,
    );
    Ok(query.fetch_all(scope.connection()).await?)
}

/// Who manages a thing, and whose word counts for each member.
#[derive(Debug, Serialize)]
pub(super) struct Claim {
    pub entity_id: Uuid,
    pub entity_type: Kind,
    pub owner: String,
    pub fields: Owners,
}

pub(super) async fn claim(scope: &mut Scope<'_>, claims: &[Claim]) -> Result<(), Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/registry_file/claim.sql",
        scope.caller() as _,
        Json(claims) as _
    );
    query.fetch_optional(scope.connection()).await?;
    Ok(())
}
