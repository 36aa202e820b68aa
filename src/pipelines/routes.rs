//! `/pipelines`, and their history.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, Responder, delete, get, patch, post, web};
use utoipa::IntoParams;

use super::{Include, NewPipeline, Pipeline, PipelineList, PipelinePatch, queries};
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::audit::routes::history as audit_history;
use crate::audit::{PageOfLogs, Trail};
use crate::auth::caller::Caller;
use crate::db::{Db, Scope};
use crate::filter::Conditions;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::listing::Position;
use crate::resource::removal::Removal;
use crate::resource::table;
use crate::resource::verbs::{self, Resource};

impl FromStr for Include {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut include = Self::default();
        for word in text.split(',').map(str::trim) {
            match word {
                "blocks" => include.blocks = true,
                "edges" => include.edges = true,
                "runs" => include.runs = true,
                _ => return Err("Must be blocks, edges, runs, or several with commas between."),
            }
        }
        Ok(include)
    }
}

/// How a pipeline is shown.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct PipelineShown {
    /// `blocks`, `edges`, `runs`, or several with commas between.
    #[param(value_type = Option<String>, pattern = r"^ *(blocks|edges|runs) *(, *(blocks|edges|runs) *)*$", example = "blocks,edges")]
    #[read(default)]
    pub include: Include,
}

/// Make a pipeline
///
/// Its blocks and edges come with it. An edge goes from one of the blocks to another, and there is
/// no cycle; whatever is wrong with the graph is told at once.
#[utoipa::path(
    operation_id = "create_pipeline",
    request_body = NewPipeline,
    responses((status = 201, description = "Made, with its `blocks` and `edges`", body = Pipeline))
)]
#[post("/pipelines")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewPipeline>,
) -> Result<Reply, Problem> {
    let wish = &change.body;
    let make = async |scope: &mut Scope<'_>| {
        let mut pipeline = queries::create(scope, wish).await?;
        if !wish.blocks.is_empty() {
            let id = Reference::from(pipeline.pipeline_id);
            pipeline =
                queries::get(scope, &id, Include::GRAPH).await?.ok_or_else(Problem::internal)?;
        }
        let mut reply = Reply::created(pipeline.location(), &pipeline)?;
        // The tag of what `Location` names: the pipeline without its parts.
        reply.etag = verbs::shown(&Pipeline { blocks: None, edges: None, ..pipeline })?.etag;
        Ok(reply)
    };
    if wish.blocks.is_empty() {
        change.make(&db, make).await
    } else {
        change.make_together(&db, async |transaction| make(transaction).await).await
    }
}

/// List pipelines
///
/// Newest first, unless `sort` says otherwise. `block` and `edge` list the pipelines that use one.
/// Archived pipelines are listed with `archived=true` only.
#[utoipa::path(
    operation_id = "list_pipelines",
    params(PipelineList, Conditions, Position, Instant),
    responses((status = 200, description = "A page of pipelines", body = Page<Pipeline>))
)]
#[get("/pipelines")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<PipelineList>,
) -> Result<HttpResponse, Problem> {
    table::list(&request, &db, caller, wanted, queries::list).await
}

/// Read a pipeline
///
/// How often it ran and how long that took on average; `include` adds its blocks, its edges and its
/// newest runs.
#[utoipa::path(
    operation_id = "get_pipeline",
    params(("pipeline" = Reference, Path, description = "Id or name"), PipelineShown, Instant),
    responses((status = 200, description = "The pipeline", body = Pipeline))
)]
#[get("/pipelines/{pipeline}")]
pub async fn get(
    db: web::Data<Db>,
    AsOf { caller, wanted: shown }: AsOf<PipelineShown>,
    pipeline: web::Path<Reference>,
) -> Result<Reply, Problem> {
    let found = verbs::find(&db, caller, pipeline.as_str(), async |scope| {
        queries::get(scope, &pipeline, shown.include).await
    })
    .await?;
    verbs::shown(&found)
}

/// Change a pipeline
///
/// Its graph has routes of its own. A change that changes nothing leaves the revision as it is.
#[utoipa::path(
    operation_id = "update_pipeline",
    params(("pipeline" = Reference, Path, description = "Id or name")),
    request_body = PipelinePatch,
    responses((status = 200, description = "The pipeline after the change", body = Pipeline))
)]
#[patch("/pipelines/{pipeline}")]
pub async fn update(
    db: web::Data<Db>,
    pipeline: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<PipelinePatch>,
) -> Result<Reply, Problem> {
    verbs::update(
        &db,
        &change,
        async |scope| queries::update(scope, &pipeline, &change.body, &change.if_match).await,
        async |scope| queries::revision(scope, &pipeline).await,
    )
    .await
}

/// Archive a pipeline
///
/// It leaves every list and read and its name is free again; its history stays. Refused while a
/// run of it is unfinished; `used_by` has the runs.
#[utoipa::path(
    operation_id = "archive_pipeline",
    params(("pipeline" = Reference, Path, description = "Id or name; of an archived pipeline its id"), Removal),
    responses((status = 204, description = "Archived, or purged"))
)]
#[delete("/pipelines/{pipeline}")]
pub async fn archive(
    db: web::Data<Db>,
    pipeline: web::Path<Reference>,
    Query(removal): Query<Removal>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::write::<Pipeline>(
        &db,
        &change,
        removal.reach(),
        async |scope| {
            if removal.purge {
                queries::purge(scope, &pipeline, &change.if_match).await
            } else {
                queries::archive(scope, &pipeline, &change.if_match).await
            }
        },
        async |scope| queries::revision(scope, &pipeline).await,
    )
    .await
}

/// Restore an archived pipeline
///
/// Refused with 409 `missing` while a block or an edge of it is archived.
#[utoipa::path(
    operation_id = "restore_pipeline",
    params(("pipeline" = Reference, Path, description = "Id; the name may be another's by now")),
    responses((status = 200, description = "The pipeline, back again", body = Pipeline))
)]
#[post("/pipelines/{pipeline}/restore")]
pub async fn restore(
    db: web::Data<Db>,
    pipeline: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::restore(
        &db,
        &change,
        async |scope| queries::restore(scope, &pipeline, &change.if_match).await,
        async |scope| queries::revision(scope, &pipeline).await,
    )
    .await
}

/// Who did what to a pipeline and its parts, newest first
///
/// Admins see every row, everybody else what they did themselves.
#[utoipa::path(
    operation_id = "list_pipeline_history",
    params(("pipeline" = Reference, Path, description = "Id or name; of an archived or purged pipeline its id"), PageOfLogs),
    responses((status = 200, description = "A page of the audit trail", body = Trail))
)]
#[get("/pipelines/{pipeline}/history")]
pub async fn history(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    pipeline: web::Path<Reference>,
    Query(page): Query<PageOfLogs>,
) -> Result<impl Responder, Problem> {
    audit_history(&request, &db, caller, "pipeline", &pipeline, &page).await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(get)
        .service(update)
        .service(archive)
        .service(restore)
        .service(history);
}
