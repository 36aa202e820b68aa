//! `/pipelines/{pipeline}/blocks` and `/pipelines/{pipeline}/edges`: a graph changed part by part.

use actix_web::{delete, get, patch, post, web};

use super::graph::{BlockPin, EdgePin, GivenBlock, GivenEdge};
use super::part_queries as queries;
use super::{Pipeline, PipelineBlock, PipelineEdge};
use crate::api::entity::Entity;
use crate::api::fields::NoBody;
use crate::api::id::Id;
use crate::api::path::{self, Reference};
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::verbs::{self, Reach};

/// Read a block of a pipeline
///
/// Which version a run would take: the pinned one, or the active one. It is named as the block is,
/// by id or name.
#[utoipa::path(
    operation_id = "get_pipeline_block",
    params(
        ("pipeline" = Reference, Path, description = "Id or name"),
        ("block" = Reference, Path, description = "Id or name of the block"),
        Instant
    ),
    responses((status = 200, description = "The block, as the pipeline has it", body = PipelineBlock))
)]
#[get("/pipelines/{pipeline}/blocks/{block}")]
pub async fn get_block(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    path: web::Path<(Reference, Reference)>,
) -> Result<Reply, Problem> {
    let (pipeline, part) = path.into_inner();
    let caller = caller.reading(Entity::Pipeline, Some(pipeline.as_str()));
    let block = db
        .find(&caller, "Block of the pipeline", async |scope| {
            queries::block(scope, &pipeline, &part).await
        })
        .await?;
    Ok(Reply::ok(&block)?.compound_revision(block.updated_at))
}

/// Add a block to a pipeline
///
/// `If-Match` is the revision of the pipeline.
#[utoipa::path(
    operation_id = "add_pipeline_block",
    params(("pipeline" = Reference, Path, description = "Id or name")),
    request_body = GivenBlock,
    responses((status = 201, description = "Added", body = PipelineBlock))
)]
#[post("/pipelines/{pipeline}/blocks")]
pub async fn add_block(
    db: web::Data<Db>,
    pipeline: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<GivenBlock>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::add_block(scope, &pipeline, &change.body, &change.if_match).await? {
                Some(block) => {
                    let location = path::of(&[&"pipelines", &pipeline, &"blocks", &block.block_id]);
                    Ok(Reply::created(location, &block)?.compound_revision(block.updated_at))
                }
                None => {
                    let found = super::queries::revision(scope, &pipeline).await?;
                    Err(verbs::why::<Pipeline>(found, &change.if_match, Reach::Live))
                }
            }
        })
        .await
}

/// Pin a block of a pipeline to a version
///
/// `null` takes the pin away: the pipeline follows the active version again. `If-Match` is the
/// revision of this block in the pipeline.
#[utoipa::path(
    operation_id = "pin_pipeline_block",
    params(
        ("pipeline" = Reference, Path, description = "Id or name"),
        ("block" = Reference, Path, description = "Id or name of the block")
    ),
    request_body = BlockPin,
    responses((status = 200, description = "The block, as the pipeline has it now", body = PipelineBlock))
)]
#[patch("/pipelines/{pipeline}/blocks/{block}")]
pub async fn pin_block(
    db: web::Data<Db>,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
    change: Change<BlockPin>,
) -> Result<Reply, Problem> {
    let (pipeline, part) = path.into_inner();
    change
        .make(&db, async |scope| {
            let pinned =
                queries::pin_block(scope, &pipeline, &part, &change.body, &change.if_match).await?;
            match pinned {
                Some(block) => Ok(Reply::ok(&block)?.compound_revision(block.updated_at)),
                None => {
                    let found = queries::block(scope, &pipeline, &part).await?;
                    let revision = found.map(|block| block.updated_at);
                    Err(change.if_match.refusal("Block of the pipeline", revision).into())
                }
            }
        })
        .await
}

/// Take a block out of a pipeline
///
/// Refused while an edge of the pipeline begins or ends there.
#[utoipa::path(
    operation_id = "remove_pipeline_block",
    params(
        ("pipeline" = Reference, Path, description = "Id or name"),
        ("block" = Reference, Path, description = "Id or name of the block")
    ),
    responses((status = 204, description = "Taken out"))
)]
#[delete("/pipelines/{pipeline}/blocks/{block}")]
pub async fn remove_block(
    db: web::Data<Db>,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (pipeline, part) = path.into_inner();
    change
        .make(&db, async |scope| {
            match queries::remove_block(scope, &pipeline, &part, &change.if_match).await? {
                Some(_) => Ok(Reply::no_content()),
                None => {
                    let found = queries::block(scope, &pipeline, &part).await?;
                    let revision = found.map(|block| block.updated_at);
                    Err(change.if_match.refusal("Block of the pipeline", revision).into())
                }
            }
        })
        .await
}

/// Read an edge of a pipeline
///
/// What it joins, which version a run would take, and how the last check of that version ended.
#[utoipa::path(
    operation_id = "get_pipeline_edge",
    params(
        ("pipeline" = Reference, Path, description = "Id or name"),
        ("pipeline_edge" = Uuid, Path, description = "`pipeline_edge_id`"),
        Instant
    ),
    responses((status = 200, description = "The edge, as the pipeline has it", body = PipelineEdge))
)]
#[get("/pipelines/{pipeline}/edges/{pipeline_edge}")]
pub async fn get_edge(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    path: web::Path<(Reference, Id)>,
) -> Result<Reply, Problem> {
    let (pipeline, Id(part)) = path.into_inner();
    let caller = caller.reading(Entity::Pipeline, Some(pipeline.as_str()));
    let edge = db
        .find(&caller, "Edge of the pipeline", async |scope| {
            queries::edge(scope, &pipeline, part).await
        })
        .await?;
    Ok(Reply::ok(&edge)?.compound_revision(edge.updated_at))
}

/// Add an edge to a pipeline
///
/// Between two of its blocks; a cycle is refused. `If-Match` is the revision of the pipeline.
#[utoipa::path(
    operation_id = "add_pipeline_edge",
    params(("pipeline" = Reference, Path, description = "Id or name")),
    request_body = GivenEdge,
    responses((status = 201, description = "Added", body = PipelineEdge))
)]
#[post("/pipelines/{pipeline}/edges")]
pub async fn add_edge(
    db: web::Data<Db>,
    pipeline: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<GivenEdge>,
) -> Result<Reply, Problem> {
    change
        .make(&db, async |scope| {
            match queries::add_edge(scope, &pipeline, &change.body, &change.if_match).await? {
                Some(edge) => {
                    let location =
                        path::of(&[&"pipelines", &pipeline, &"edges", &edge.pipeline_edge_id]);
                    Ok(Reply::created(location, &edge)?.compound_revision(edge.updated_at))
                }
                None => {
                    let found = super::queries::revision(scope, &pipeline).await?;
                    Err(verbs::why::<Pipeline>(found, &change.if_match, Reach::Live))
                }
            }
        })
        .await
}

/// Pin an edge of a pipeline to a version
///
/// `null` takes the pin away: the pipeline follows the active version again. `If-Match` is the
/// revision of this edge in the pipeline.
#[utoipa::path(
    operation_id = "pin_pipeline_edge",
    params(
        ("pipeline" = Reference, Path, description = "Id or name"),
        ("pipeline_edge" = Uuid, Path, description = "`pipeline_edge_id`")
    ),
    request_body = EdgePin,
    responses((status = 200, description = "The edge, as the pipeline has it now", body = PipelineEdge))
)]
#[patch("/pipelines/{pipeline}/edges/{pipeline_edge}")]
pub async fn pin_edge(
    db: web::Data<Db>,
    path: web::Path<(Reference, Id)>,
    Query(NoParams): Query<NoParams>,
    change: Change<EdgePin>,
) -> Result<Reply, Problem> {
    let (pipeline, Id(part)) = path.into_inner();
    change
        .make(&db, async |scope| {
            let pinned =
                queries::pin_edge(scope, &pipeline, part, &change.body, &change.if_match).await?;
            match pinned {
                Some(edge) => Ok(Reply::ok(&edge)?.compound_revision(edge.updated_at)),
                None => {
                    let found = queries::edge(scope, &pipeline, part).await?;
                    let revision = found.map(|edge| edge.updated_at);
                    Err(change.if_match.refusal("Edge of the pipeline", revision).into())
                }
            }
        })
        .await
}

/// Take an edge out of a pipeline
///
/// Its blocks stay. `If-Match` is the revision of the pipeline.
#[utoipa::path(
    operation_id = "remove_pipeline_edge",
    params(
        ("pipeline" = Reference, Path, description = "Id or name"),
        ("pipeline_edge" = Uuid, Path, description = "`pipeline_edge_id`")
    ),
    responses((status = 204, description = "Taken out"))
)]
#[delete("/pipelines/{pipeline}/edges/{pipeline_edge}")]
pub async fn remove_edge(
    db: web::Data<Db>,
    path: web::Path<(Reference, Id)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (pipeline, Id(part)) = path.into_inner();
    change
        .make(&db, async |scope| {
            match queries::remove_edge(scope, &pipeline, part, &change.if_match).await? {
                Some(_) => Ok(Reply::no_content()),
                None => {
                    let found = queries::edge(scope, &pipeline, part).await?;
                    let revision = found.map(|edge| edge.updated_at);
                    Err(change.if_match.refusal("Edge of the pipeline", revision).into())
                }
            }
        })
        .await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(get_block)
        .service(add_block)
        .service(pin_block)
        .service(remove_block)
        .service(get_edge)
        .service(add_edge)
        .service(pin_edge)
        .service(remove_edge);
}
