//! One function for each file in `sql/lineage/`.

use sqlx::types::Json;

use super::{ImpactParams, LineageEdge, LineageNode, LineageParams, Reached, place};
use crate::api::page::{Cursor, Rows};
use crate::db::{Failure, Scope};

/// A page of a lineage.
pub(super) struct Found {
    pub nodes: Json<Vec<LineageNode>>,
    pub edges: Json<Vec<LineageEdge>>,
    /// Whether there are more nodes, and more edges than are shown.
    pub more: bool,
    pub crowded: bool,
}

/// What is not there, the database refuses as not found.
pub(super) async fn lineage(
    scope: &mut Scope<'_>,
    wanted: &LineageParams,
) -> Result<Found, Failure> {
    let cursor = wanted.cursor.as_ref();
    let seen = cursor.and_then(|cursor| place(&cursor.key));
    let query = sqlx::query_file_as!(
        Found,
        "sql/lineage/lineage.sql",
        scope.caller() as _,
        wanted.node.kind.as_str(),
        wanted.node.reference.as_str(),
        wanted.direction.to_string(),
        wanted.depth.0,
        wanted.archived,
        seen.map(|(distance, _)| distance),
        seen.map(|(_, direction)| direction),
        cursor.map(|cursor| cursor.id),
        wanted.limit.fetched() - 1,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn impact(
    scope: &mut Scope<'_>,
    wanted: &ImpactParams,
) -> Result<Rows<Reached>, Failure> {
    let cursor = wanted.cursor.as_ref();
    let query = sqlx::query_file_as!(
        Reached,
        "sql/lineage/impact.sql",
        scope.caller() as _,
        wanted.node.kind.as_str(),
        wanted.node.reference.as_str(),
        wanted.depth.0,
        wanted.version.as_ref().map(|version| version.to_string()),
        cursor.and_then(|cursor: &Cursor| cursor.key.parse::<i32>().ok()),
        cursor.map(|cursor| cursor.id),
        wanted.limit.fetched(),
    );
    scope.rows(wanted.limit, |connection| query.fetch(connection)).await
}
