//! The pipeline itself: one function for each file in `sql/pipelines/` that is not about a part.

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::graph::GivenGraph;
use super::{Include, NewPipeline, Pipeline, PipelineList, PipelinePatch};
use crate::api::etag::IfMatch;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::api::raw_json::RawJson;
use crate::db::{Failure, Scope, Transaction};
use crate::resource::verbs::Revision;
use crate::versions::Which;

pub(crate) async fn create(
    scope: &mut Scope<'_>,
    pipeline: &NewPipeline,
) -> Result<Pipeline, Failure> {
    let query = sqlx::query_file_as!(
        Pipeline,
        "sql/pipelines/create.sql",
        scope.caller() as _,
        pipeline.name.as_str(),
        pipeline.description.as_ref().map(|text| text.as_str()),
        pipeline.dagster_pipeline_config.as_ref().map(|json| json.as_json()) as _,
        Json(&pipeline.blocks) as _,
        Json(&pipeline.edges) as _,
        pipeline.parameters_schema.as_ref().map(|json| json.as_json()) as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn get(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    include: Include,
) -> Result<Option<Pipeline>, Failure> {
    let query = sqlx::query_file_as!(
        Pipeline,
        "sql/pipelines/get.sql",
        scope.caller() as _,
        pipeline.id(),
        pipeline.as_str(),
        include.blocks,
        include.edges,
        include.runs,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    list: &PipelineList,
) -> Result<Rows<Pipeline>, Failure> {
    let position = &list.position;
    let query = sqlx::query_file_as!(
        Pipeline,
        "sql/pipelines/list.sql",
        scope.caller() as _,
        list.name.as_deref(),
        list.q.as_deref(),
        list.created_by.as_ref().map(Reference::as_str),
        list.block.as_ref().map(Reference::as_str),
        list.edge.as_ref().map(Reference::as_str),
        list.archived,
        position.sort.as_str(),
        position.time(),
        position.name(),
        position.id(),
        position.limit.fetched(),
        list.include.blocks,
        list.include.edges,
        list.version.as_ref().map(Which::to_string),
        list.ready,
        list.conditions.looked_up() as _,
    );
    scope.rows(position.limit, |connection| query.fetch(connection)).await
}

pub(crate) async fn update(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    patch: &PipelinePatch,
    if_match: &IfMatch,
) -> Result<Option<Pipeline>, Failure> {
    let (sets_description, description) = patch.description.assignment();
    let (sets_schema, schema) = patch.parameters_schema.assignment();
    let query = sqlx::query_file_as!(
        Pipeline,
        "sql/pipelines/update.sql",
        scope.caller() as _,
        pipeline.as_str(),
        patch.name.as_ref().map(|name| name.as_str()),
        sets_description,
        description.map(|text| text.as_str()),
        patch.dagster_pipeline_config.as_ref().map(|json| json.as_json()) as _,
        if_match.revisions(),
        sets_schema,
        schema.map(|json| json.as_json()) as _,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn archive(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/pipelines/archive.sql",
        scope.caller() as _,
        pipeline.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn purge(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/pipelines/purge.sql",
        scope.caller() as _,
        pipeline.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn restore(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Pipeline>, Failure> {
    let query = sqlx::query_file_as!(
        Pipeline,
        "sql/pipelines/restore.sql",
        scope.caller() as _,
        pipeline.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn revision(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
) -> Result<Option<Revision>, Failure> {
    let query = sqlx::query_file_as!(
        Revision,
        "sql/pipelines/revision.sql",
        scope.caller() as _,
        pipeline.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// Locks the row until the end of the transaction.
pub(crate) async fn hold(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    if_match: &IfMatch,
) -> Result<Option<Uuid>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/pipelines/hold.sql",
        scope.caller() as _,
        pipeline.as_str(),
        if_match.revisions(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn replace_graph(
    transaction: &mut Transaction<'_>,
    pipeline_id: Uuid,
    graph: &GivenGraph,
) -> Result<(), Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/pipelines/replace_graph.sql",
        transaction.caller() as _,
        pipeline_id,
        Json(&graph.blocks) as _,
        Json(&graph.edges) as _,
    );
    query.fetch_one(transaction.connection()).await?;
    Ok(())
}

/// What a run would run on, and why it may not.
pub(super) struct Prospect {
    pub pipeline_id: Uuid,
    pub name: String,
    pub lock: RawJson,
    pub lock_digest: String,
    pub blockers: Value,
    pub warnings: Value,
    pub usernames: RawJson,
}

pub(super) async fn readiness(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
) -> Result<Option<Prospect>, Failure> {
    let query = sqlx::query_file_as!(
        Prospect,
        "sql/pipelines/readiness.sql",
        scope.caller() as _,
        pipeline.id(),
        pipeline.as_str(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
