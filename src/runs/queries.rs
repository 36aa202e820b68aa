//! One function for each file in `sql/runs/`.

use uuid::Uuid;

use super::{NewRun, Report, Run, RunsOf};
use crate::api::etag::IfMatch;
use crate::api::page::Cursor;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::api::raw_json::JsonObject;
use crate::db::{Failure, Scope};
use crate::locks::routes::LockDigest;
use crate::versions::{AliasName, Which};

/// The database refuses with `not_ready` what may not run.
pub(super) async fn create(
    scope: &mut Scope<'_>,
    pipeline: &Reference,
    launch: bool,
    new: &NewRun,
) -> Result<Option<Run>, Failure> {
    let query = sqlx::query_file_as!(
        Run,
        "sql/runs/create.sql",
        scope.caller() as _,
        pipeline.as_str(),
        launch,
        new.parameters.as_ref().map(JsonObject::as_json) as _,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn get(scope: &mut Scope<'_>, run_id: Uuid) -> Result<Option<Run>, Failure> {
    let query = sqlx::query_file_as!(Run, "sql/runs/get.sql", scope.caller() as _, run_id);
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(scope: &mut Scope<'_>, runs: &RunsOf) -> Result<Rows<Run>, Failure> {
    let RunsOf { pipeline, in_path, list } = runs;
    let cursor = list.cursor.as_ref();
    let query = sqlx::query_file_as!(
        Run,
        "sql/runs/list.sql",
        scope.caller() as _,
        pipeline.as_ref().map(Reference::as_str),
        list.status as _,
        list.created_after,
        list.created_before,
        list.lock_digest.as_ref().map(LockDigest::as_str),
        cursor.and_then(Cursor::time),
        cursor.map(|cursor| cursor.id),
        list.limit.fetched(),
        in_path,
        list.block.as_ref().map(Reference::as_str),
        list.edge.as_ref().map(Reference::as_str),
        list.version.as_ref().map(Which::to_string),
        list.alias.as_ref().map(AliasName::as_str),
    );
    scope.rows(list.limit, |connection| query.fetch(connection)).await
}

pub(super) async fn report(
    scope: &mut Scope<'_>,
    run_id: Uuid,
    report: &Report,
    if_match: &IfMatch,
) -> Result<Option<Run>, Failure> {
    let query = sqlx::query_file_as!(
        Run,
        "sql/runs/report.sql",
        scope.caller() as _,
        run_id,
        report.status as _,
        report.started_at,
        report.ended_at,
        if_match.revisions(),
        report.failure,
        report.claim,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn cancel(
    scope: &mut Scope<'_>,
    run_id: Uuid,
    if_match: &IfMatch,
) -> Result<Option<Run>, Failure> {
    let query = sqlx::query_file_as!(
        Run,
        "sql/runs/cancel.sql",
        scope.caller() as _,
        run_id,
        if_match.revisions()
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
