//! `/runs`, and the runs of a pipeline.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use utoipa::IntoParams;

use super::{NewRun, Report, Run, RunList, RunsOf, queries};
use crate::api::id::Id;
use crate::api::page::Page;
use crate::api::path::{self, Reference};
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::engine::Engine;
use crate::resource::change::Change;
use crate::resource::table;
use crate::resource::verbs::{self, Revision};

/// Of which pipeline, and which of its runs.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct RunsOfAny {
    /// Its id or its name.
    #[param(value_type = Option<String>)]
    pub pipeline: Option<Reference>,
    #[param(ignore)]
    #[read(flatten)]
    pub list: RunList,
}

/// Start a run
///
/// Admitted only when the pipeline is ready, which is decided in the same transaction; otherwise
/// 409 `not_ready` with the `blockers`. Where the service has a Dagster it is launched there, on exactly
/// what its lock says; nobody waits for that: it is `queued` until Dagster has begun it. Otherwise, and
/// with `launch: false`, it stays `queued` until something reports on it.
#[utoipa::path(
    operation_id = "create_pipeline_run",
    params(("pipeline" = Reference, Path, description = "Id or name")),
    request_body = Option<NewRun>,
    responses((status = 201, description = "Queued", body = Run))
)]
#[post("/pipelines/{pipeline}/runs")]
pub async fn create(
    db: web::Data<Db>,
    pipeline: web::Path<Reference>,
    engine: web::Data<Engine>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewRun>,
) -> Result<Reply, Problem> {
    let launch = change.body.launch.unwrap_or(engine.launches());
    let reply = change
        .make(&db, async |scope| {
            let run = queries::create(scope, &pipeline, launch, &change.body)
                .await?
                .ok_or_else(|| Problem::not_found("Pipeline"))?;
            Ok(Reply::created(path::of(&[&"runs", &run.run_id]), &run)?
                .compound_revision(run.updated_at))
        })
        .await?;
    engine.wake_launcher();
    Ok(reply)
}

/// List the runs of a pipeline
///
/// Newest first. The filters ask for a status, a span of time, or the lock that they ran on.
#[utoipa::path(
    operation_id = "list_pipeline_runs",
    params(("pipeline" = Reference, Path, description = "Id or name; of an archived pipeline its id"), RunList),
    responses((status = 200, description = "A page of runs", body = Page<Run>))
)]
#[get("/pipelines/{pipeline}/runs")]
pub async fn list_of_pipeline(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    pipeline: web::Path<Reference>,
    Query(wanted): Query<RunList>,
) -> Result<HttpResponse, Problem> {
    let wanted = RunsOf { pipeline: Some(pipeline.into_inner()), in_path: true, list: wanted };
    table::list(&request, &db, caller, wanted, queries::list).await
}

/// List runs
///
/// Those of all pipelines, newest first. The filters ask for a pipeline, a status, a span of time,
/// or the lock that they ran on.
#[utoipa::path(
    operation_id = "list_runs",
    params(RunsOfAny, RunList),
    responses((status = 200, description = "A page of runs", body = Page<Run>))
)]
#[get("/runs")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(RunsOfAny { pipeline, list }): Query<RunsOfAny>,
) -> Result<HttpResponse, Problem> {
    let wanted = RunsOf { pipeline, in_path: false, list };
    table::list(&request, &db, caller, wanted, queries::list).await
}

/// Read a run
///
/// How far it is, when it began and ended, and the digest of the lock that it runs on.
#[utoipa::path(
    operation_id = "get_run",
    params(("run_id" = Uuid, Path)),
    responses((status = 200, description = "The run", body = Run))
)]
#[get("/runs/{run_id}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    run_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    verbs::read(&db, caller, &run_id.to_string(), async |scope| queries::get(scope, **run_id).await)
        .await
}

/// Report on a run
///
/// From `queued` to `started` to `success`, `failure` or `canceled`; steps may be left out. Reports
/// that come twice or late are answered with the run as it is. Of two workers that report `started`
/// one gets the run, the other 409 `claimed`. On what Dagster runs only Dagster reports (409
/// `engine_run`), until it is lost.
#[utoipa::path(
    operation_id = "report_run",
    params(("run_id" = Uuid, Path)),
    request_body = Report,
    responses((status = 200, description = "The run after the report", body = Run))
)]
#[patch("/runs/{run_id}")]
pub async fn report(
    db: web::Data<Db>,
    run_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<Report>,
) -> Result<Reply, Problem> {
    verbs::update(
        &db,
        &change,
        async |scope| queries::report(scope, **run_id, &change.body, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, **run_id).await?)),
    )
    .await
}

pub fn configure(config: &mut impl Router) {
    config.service(create).service(list_of_pipeline).service(list).service(get).service(report);
}
