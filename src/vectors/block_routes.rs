//! `/block-vector-representations` and `/blocks/{block}/vectors`.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use utoipa::{IntoParams, ToSchema};

use super::routes::{self};
use super::store_filter::{FilterFor, StoreFilter};
use super::{NewBlockVector, NewVector, Vector, VectorFilter, VectorPatch};
use crate::api::fields::NoBody;
use crate::api::id::Id;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::resource::owner::{EntityType, Owner};

/// Which vectors of blocks.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct BlockVectorList {
    /// Those of this block: its id or its name.
    block_id: Option<Reference>,
    #[param(ignore)]
    #[read(flatten)]
    filter: VectorFilter,
}

/// A vector representation that is added, and the block that it belongs to.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct NewVectorOfBlock {
    /// Id or name.
    block_id: Reference,
    #[serde(flatten)]
    vector: NewVector,
}

/// Add where an embedding of a block lives
///
/// Names the block in the body; `POST /blocks/{block}/vectors` does the same with the block in the
/// path. The categories of `taxonomy_filter` must be there.
#[utoipa::path(
    operation_id = "create_block_vector_representation",
    request_body = NewVectorOfBlock,
    responses((status = 201, description = "Added", body = Vector))
)]
#[post("/block-vector-representations")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewBlockVector>,
) -> Result<Reply, Problem> {
    let NewBlockVector(new) = &change.body;
    routes::add(&db, &change, &new.owner, &new.part).await
}

/// List where the embeddings of blocks live
///
/// Those of all blocks, or with `block_id` those of one. The vectors themselves are in the vector
/// database that an item names.
#[utoipa::path(
    operation_id = "list_block_vector_representations",
    params(BlockVectorList, VectorFilter, Chronology),
    responses((status = 200, description = "A page of vectors", body = Page<Vector>))
)]
#[get("/block-vector-representations")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<BlockVectorList>,
) -> Result<HttpResponse, Problem> {
    let owners = routes::owners(EntityType::Block, wanted.block_id);
    routes::page(&request, &db, caller, &owners, &wanted.filter).await
}

/// Add where an embedding of this block lives
///
/// The categories of `taxonomy_filter` are named by id or name, must be there, and are kept by
/// their ids.
#[utoipa::path(
    operation_id = "create_block_vector",
    params(("block" = Reference, Path, description = "Id or name")),
    request_body = NewVector,
    responses((status = 201, description = "Added", body = Vector))
)]
#[post("/blocks/{block}/vectors")]
pub async fn create_of_block(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewVector>,
) -> Result<Reply, Problem> {
    routes::add(&db, &change, &Owner::block(block), &change.body).await
}

/// List where the embeddings of this block live
///
/// The same items as in `GET /block-vector-representations`, of one block.
#[utoipa::path(
    operation_id = "list_block_vectors",
    params(("block" = Reference, Path, description = "Id or name"), VectorFilter, Chronology),
    responses((status = 200, description = "A page of vectors", body = Page<Vector>))
)]
#[get("/blocks/{block}/vectors")]
pub async fn list_of_block(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    block: web::Path<Reference>,
    Query(filter): Query<VectorFilter>,
) -> Result<HttpResponse, Problem> {
    routes::page(&request, &db, caller, &Owner::block(block).into(), &filter).await
}

/// Read where an embedding of a block lives
///
/// The vector database, the key of the vector there, and the categories that a search is
/// constrained to.
#[utoipa::path(
    operation_id = "get_block_vector_representation",
    params(("vector_id" = Uuid, Path)),
    responses((status = 200, description = "The vector representation", body = Vector))
)]
#[get("/block-vector-representations/{vector_id}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    vector_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    routes::read(&db, caller, EntityType::Block, **vector_id).await
}

/// Change where an embedding of a block lives
///
/// What is missing stays as it is. `taxonomy_filter` is replaced as a whole, and cleared by `null`.
#[utoipa::path(
    operation_id = "update_block_vector_representation",
    params(("vector_id" = Uuid, Path)),
    request_body = VectorPatch,
    responses((status = 200, description = "After the change", body = Vector))
)]
#[patch("/block-vector-representations/{vector_id}")]
pub async fn update(
    db: web::Data<Db>,
    vector_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<VectorPatch>,
) -> Result<Reply, Problem> {
    routes::change(&db, &change, EntityType::Block, **vector_id).await
}

/// Remove where an embedding of a block lives
///
/// The registry forgets it for good; the vector itself stays where it is. The audit trail keeps
/// what was there.
#[utoipa::path(
    operation_id = "delete_block_vector_representation",
    params(("vector_id" = Uuid, Path)),
    responses((status = 204, description = "Removed"))
)]
#[delete("/block-vector-representations/{vector_id}")]
pub async fn remove(
    db: web::Data<Db>,
    vector_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    routes::remove(&db, &change, EntityType::Block, **vector_id).await
}

/// Write the filter of a block's embedding in the words of a vector store
///
/// What `taxonomy_filter` says, with the ids of the categories below where they count, for whoever
/// searches there.
#[utoipa::path(
    operation_id = "get_block_vector_filter",
    params(("vector_id" = Uuid, Path), FilterFor),
    responses((status = 200, description = "The filter", body = StoreFilter))
)]
#[get("/block-vector-representations/{vector_id}/filter")]
pub async fn filter_for(
    db: web::Data<Db>,
    caller: Caller,
    vector_id: web::Path<Id>,
    Query(wanted): Query<FilterFor>,
) -> Result<Reply, Problem> {
    routes::filter(&db, caller, EntityType::Block, **vector_id, wanted.store).await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(create_of_block)
        .service(list_of_block)
        .service(get)
        .service(filter_for)
        .service(update)
        .service(remove);
}
