//! `/embeddings`, and the embeddings of blocks and edges.

use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};

use super::{Embedding, EmbeddingFilter, EmbeddingModel, EmbeddingText, EmbeddingValues, queries};
use crate::api::entity::Entity;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::resource::owner::{Flat, Owner, Owners};
use crate::resource::verbs::{self, Reach, Resource, Revision};

async fn write(
    db: &Db,
    change: &Change<EmbeddingValues>,
    owner: &Owner,
    model: &Reference,
) -> Result<Reply, Problem> {
    change
        .make(db, async |scope| {
            match queries::put(scope, owner, model, &change.body, &change.if_match).await? {
                Some((embedding, true)) => Ok(Reply::created(embedding.location(), &embedding)?
                    .compound_revision(embedding.revision())),
                Some((embedding, false)) => Ok(verbs::shown(&embedding)?),
                None if queries::model(scope, model).await?.is_none() => {
                    Err(Problem::not_found(EmbeddingModel::WHAT).into())
                }
                None => {
                    let found = Revision::of(queries::get(scope, owner, model).await?);
                    Err(verbs::why::<Embedding>(found, &change.if_match, Reach::Live))
                }
            }
        })
        .await
}

async fn show(db: &Db, caller: Caller, owner: &Owner, model: &Reference) -> Result<Reply, Problem> {
    verbs::read(db, caller, model.as_str(), async |scope| queries::get(scope, owner, model).await)
        .await
}

async fn take_away(
    db: &Db,
    change: &Change<NoBody>,
    owner: &Owner,
    model: &Reference,
) -> Result<Reply, Problem> {
    verbs::write::<Embedding>(
        db,
        change,
        Reach::Live,
        async |scope| queries::delete(scope, owner, model, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, owner, model).await?)),
    )
    .await
}

async fn source(db: &Db, caller: Caller, owner: &Owner) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Vector, None);
    let text = db.find(&caller, "Text", async |scope| queries::source(scope, owner).await).await?;
    Reply::ok(&text)
}

/// List the embeddings of blocks and edges
///
/// Without their vectors. With `stale=true` it is the list of what is to be embedded anew.
#[utoipa::path(
    operation_id = "list_embeddings",
    params(Owners, EmbeddingFilter, Chronology),
    responses((status = 200, description = "A page of embeddings", body = Page<Embedding>))
)]
#[get("/embeddings")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<Flat<EmbeddingFilter>>,
) -> Result<HttpResponse, Problem> {
    verbs::page(&request, &db, caller, &wanted.filter.position, async |scope| {
        queries::list(scope, &wanted.owners, &wanted.filter).await
    })
    .await
}

/// What to embed of a block
///
/// The text of its active version, and the digest by which an embedding of it is known.
#[utoipa::path(
    operation_id = "get_block_embedding_text",
    params(("block" = Reference, Path, description = "Id or name")),
    responses((status = 200, description = "The text", body = EmbeddingText))
)]
#[get("/blocks/{block}/embedding-text")]
pub async fn text_of_block(
    db: web::Data<Db>,
    caller: Caller,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    source(&db, caller, &Owner::block(block)).await
}

/// Write the embedding of a block by a model
///
/// It is of the active version. It also appears among the vector representations of the block, with
/// `vector_db` `pgvector` and the name of the model as its key, where it can be given a
/// `taxonomy_filter`.
#[utoipa::path(
    operation_id = "put_block_embedding",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("model" = Reference, Path, description = "Id or name of the embedding model")
    ),
    request_body = EmbeddingValues,
    responses(
        (status = 201, description = "There was none", body = Embedding),
        (status = 200, description = "In place of the one before", body = Embedding)
    )
)]
#[put("/blocks/{block}/embeddings/{model}")]
pub async fn put_of_block(
    db: web::Data<Db>,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
    change: Change<EmbeddingValues>,
) -> Result<Reply, Problem> {
    let (block, model) = path.into_inner();
    write(&db, &change, &Owner::block(block.into()), &model).await
}

/// Read the embedding of a block by a model
///
/// With its vector, and whether it is stale.
#[utoipa::path(
    operation_id = "get_block_embedding",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("model" = Reference, Path, description = "Id or name of the embedding model")
    ),
    responses((status = 200, description = "The embedding", body = Embedding))
)]
#[get("/blocks/{block}/embeddings/{model}")]
pub async fn get_of_block(
    db: web::Data<Db>,
    caller: Caller,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let (block, model) = path.into_inner();
    show(&db, caller, &Owner::block(block.into()), &model).await
}

/// Remove the embedding of a block by a model
///
/// Its row among the vector representations goes with it.
#[utoipa::path(
    operation_id = "delete_block_embedding",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("model" = Reference, Path, description = "Id or name of the embedding model")
    ),
    responses((status = 204, description = "Removed"))
)]
#[delete("/blocks/{block}/embeddings/{model}")]
pub async fn remove_of_block(
    db: web::Data<Db>,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (block, model) = path.into_inner();
    take_away(&db, &change, &Owner::block(block.into()), &model).await
}

/// What to embed of an edge
///
/// The text of its active version, and the digest by which an embedding of it is known.
#[utoipa::path(
    operation_id = "get_edge_embedding_text",
    params(("edge" = Reference, Path, description = "Id or name")),
    responses((status = 200, description = "The text", body = EmbeddingText))
)]
#[get("/edges/{edge}/embedding-text")]
pub async fn text_of_edge(
    db: web::Data<Db>,
    caller: Caller,
    edge: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    source(&db, caller, &Owner::edge(edge)).await
}

/// Write the embedding of an edge by a model
///
/// It is of the active version. It also appears among the vector representations of the edge, with
/// `vector_db` `pgvector` and the name of the model as its key, where it can be given a
/// `taxonomy_filter`.
#[utoipa::path(
    operation_id = "put_edge_embedding",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("model" = Reference, Path, description = "Id or name of the embedding model")
    ),
    request_body = EmbeddingValues,
    responses(
        (status = 201, description = "There was none", body = Embedding),
        (status = 200, description = "In place of the one before", body = Embedding)
    )
)]
#[put("/edges/{edge}/embeddings/{model}")]
pub async fn put_of_edge(
    db: web::Data<Db>,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
    change: Change<EmbeddingValues>,
) -> Result<Reply, Problem> {
    let (edge, model) = path.into_inner();
    write(&db, &change, &Owner::edge(edge.into()), &model).await
}

/// Read the embedding of an edge by a model
///
/// With its vector, and whether it is stale.
#[utoipa::path(
    operation_id = "get_edge_embedding",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("model" = Reference, Path, description = "Id or name of the embedding model")
    ),
    responses((status = 200, description = "The embedding", body = Embedding))
)]
#[get("/edges/{edge}/embeddings/{model}")]
pub async fn get_of_edge(
    db: web::Data<Db>,
    caller: Caller,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let (edge, model) = path.into_inner();
    show(&db, caller, &Owner::edge(edge.into()), &model).await
}

/// Remove the embedding of an edge by a model
///
/// Its row among the vector representations goes with it.
#[utoipa::path(
    operation_id = "delete_edge_embedding",
    params(
        ("edge" = Reference, Path, description = "Id or name"),
        ("model" = Reference, Path, description = "Id or name of the embedding model")
    ),
    responses((status = 204, description = "Removed"))
)]
#[delete("/edges/{edge}/embeddings/{model}")]
pub async fn remove_of_edge(
    db: web::Data<Db>,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (edge, model) = path.into_inner();
    take_away(&db, &change, &Owner::edge(edge.into()), &model).await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(list)
        .service(text_of_block)
        .service(put_of_block)
        .service(get_of_block)
        .service(remove_of_block)
        .service(text_of_edge)
        .service(put_of_edge)
        .service(get_of_edge)
        .service(remove_of_edge);
}
