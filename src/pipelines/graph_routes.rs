//! `/pipelines/{pipeline}/graph`: read in four forms, replaced as a whole.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::drawing::Format;
use super::graph::GivenGraph;
use super::{Graph, Include, Pipeline, queries};
use crate::api::etag;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Query};
use crate::api::raw_json::RawJson;
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::word::Word;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::verbs::{self, Reach};

fn graph(pipeline: Pipeline) -> Result<Graph, Problem> {
    Ok(Graph {
        pipeline_id: pipeline.pipeline_id,
        name: pipeline.name,
        blocks: parts(pipeline.blocks)?,
        edges: parts(pipeline.edges)?,
    })
}

fn parts<T: DeserializeOwned>(json: Option<RawJson>) -> Result<Vec<T>, Problem> {
    let Some(json) = json else {
        return Ok(Vec::new());
    };
    json.read()
}

/// How a graph is shown.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct GraphShown {
    /// Its form, whatever `Accept` says: for where no header can be sent.
    #[read(with = Word)]
    pub format: Option<Format>,
}

/// Read the graph of a pipeline
///
/// As JSON, or drawn: as `format` or else `Accept` says. Edges are drawn solid when a run may pass them.
#[utoipa::path(
    operation_id = "get_pipeline_graph",
    params(("pipeline" = Reference, Path, description = "Id or name"), GraphShown, Instant),
    responses(
        (status = 200, description = "The graph", content(
            (Graph = "application/json"),
            (String = "image/svg+xml"),
            (String = "text/vnd.mermaid"),
            (String = "text/vnd.graphviz")
        )),
        (status = 406, description = "None of these forms is accepted", content_type = "application/problem+json", body = Problem)
    )
)]
#[get("/pipelines/{pipeline}/graph")]
pub async fn get_graph(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted: shown }: AsOf<GraphShown>,
    pipeline: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    let format = Format::of(shown.format, &request)?;
    let found = verbs::find(&db, caller, pipeline.as_str(), async |scope| {
        queries::get(scope, &pipeline, Include::GRAPH).await
    })
    .await?;
    let revision = found.updated_at;
    let body = format.render(&graph(found)?)?;
    let tag = etag::of_compound(revision, body.as_bytes());
    let known = etag::is_known(&request, &tag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, tag)).insert_header((header::VARY, "Accept"));
    if known {
        return Ok(response.finish());
    }
    Ok(response.content_type(format.media_type()).body(body))
}

/// Replace the graph of a pipeline
///
/// What is in both graphs keeps its id. All of it is done, or nothing.
#[utoipa::path(
    operation_id = "replace_pipeline_graph",
    params(("pipeline" = Reference, Path, description = "Id or name")),
    request_body = GivenGraph,
    responses((status = 200, description = "The pipeline with its new graph", body = Pipeline))
)]
#[put("/pipelines/{pipeline}/graph")]
pub async fn replace_graph(
    db: web::Data<Db>,
    pipeline: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<GivenGraph>,
) -> Result<Reply, Problem> {
    db.transaction(&change.caller, async |scope| {
        let Some(id) = queries::hold(scope, &pipeline, &change.if_match).await? else {
            let found = queries::revision(scope, &pipeline).await?;
            return Err(verbs::why::<Pipeline>(found, &change.if_match, Reach::Live));
        };
        queries::replace_graph(scope, id, &change.body).await?;
        let replaced = queries::get(scope, &pipeline, Include::GRAPH)
            .await?
            .ok_or_else(|| Problem::not_found("Pipeline"))?;
        Ok(Reply::ok(&replaced)?.compound_revision(replaced.updated_at))
    })
    .await
}

pub fn configure(config: &mut impl Router) {
    config.service(get_graph).service(replace_graph);
}
