//! The blocks and edges of a pipeline: one function for each file in `sql/pipelines/` about them.

use sqlx::types::Json;
use uuid::Uuid;

use super::graph::{BlockPin, EdgePin, GivenBlock, GivenEdge};
use super::{PipelineBlock, PipelineEdge};
use crate::api::etag::IfMatch;
use crate::api::path::Reference;
use crate::db::{Failure, Scope};

pub(crate) async fn block(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    block: &Reference,
) -> Result<Option<PipelineBlock>, Failure> {
    let query = sqlx::query_file_as!(
        PipelineBlock,
        "sql/pipelines/block.sql",
        scope.caller() as _,
        pipeline.as_str(),
        block.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn add_block(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    block: &GivenBlock,
    if_match: &IfMatch,
) -> Result<Option<PipelineBlock>, Failure> {
    let query = sqlx::query_file_as!(
        PipelineBlock,
        "sql/pipelines/add_block.sql",
        scope.caller() as _,
        pipeline.as_str(),
        Json(block) as _,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn pin_block(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    block: &Reference,
    pin: &BlockPin,
    if_match: &IfMatch,
) -> Result<Option<PipelineBlock>, Failure> {
    let query = sqlx::query_file_as!(
        PipelineBlock,
        "sql/pipelines/pin_block.sql",
        scope.caller() as _,
        pipeline.as_str(),
        block.as_str(),
        Json(pin) as _,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn remove_block(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    block: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/pipelines/remove_block.sql",
        scope.caller() as _,
        pipeline.as_str(),
        block.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn edge(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    pipeline_edge_id: Uuid,
) -> Result<Option<PipelineEdge>, Failure> {
    let query = sqlx::query_file_as!(
        PipelineEdge,
        "sql/pipelines/edge.sql",
        scope.caller() as _,
        pipeline.as_str(),
        pipeline_edge_id,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn add_edge(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    edge: &GivenEdge,
    if_match: &IfMatch,
) -> Result<Option<PipelineEdge>, Failure> {
    let query = sqlx::query_file_as!(
        PipelineEdge,
        "sql/pipelines/add_edge.sql",
        scope.caller() as _,
        pipeline.as_str(),
        Json(edge) as _,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn pin_edge(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    pipeline_edge_id: Uuid,
    pin: &EdgePin,
    if_match: &IfMatch,
) -> Result<Option<PipelineEdge>, Failure> {
    let query = sqlx::query_file_as!(
        PipelineEdge,
        "sql/pipelines/pin_edge.sql",
        scope.caller() as _,
        pipeline.as_str(),
        pipeline_edge_id,
        Json(pin) as _,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn remove_edge(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    pipeline_edge_id: Uuid,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/pipelines/remove_edge.sql",
        scope.caller() as _,
        pipeline.as_str(),
        pipeline_edge_id,
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
