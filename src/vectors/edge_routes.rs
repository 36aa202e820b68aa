//! `/edge-vector-representations` and `/edges/{edge}/vectors`.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use utoipa::{IntoParams, ToSchema};

use super::routes::{self};
use super::store_filter::{FilterFor, StoreFilter};
use super::{NewEdgeVector, NewVector, Vector, VectorFilter, VectorPatch};
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

/// Which vectors of edges.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct EdgeVectorList {
    /// Those of this edge: its id or its name.
    edge_id: Option<Reference>,
    #[param(ignore)]
    #[read(flatten)]
    filter: VectorFilter,
}

/// A vector representation that is added, and the edge that it belongs to.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct NewVectorOfEdge {
    /// Id or name.
    edge_id: Reference,
    #[serde(flatten)]
    vector: NewVector,
}

/// Add where an embedding of an edge lives
///
/// Names the edge in the body; `POST /edges/{edge}/vectors` does the same with the edge in the
/// path. The categories of `taxonomy_filter` must be there.
#[utoipa::path(
    operation_id = "create_edge_vector_representation",
    request_body = NewVectorOfEdge,
    responses((status = 201, description = "Added", body = Vector))
)]
#[post("/edge-vector-representations")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewEdgeVector>,
) -> Result<Reply, Problem> {
    let NewEdgeVector(new) = &change.body;
    routes::add(&db, &change, &new.owner, &new.part).await
}

/// List where the embeddings of edges live
///
/// Those of all edges, or with `edge_id` those of one. The vectors themselves are in the vector
/// database that an item names.
#[utoipa::path(
    operation_id = "list_edge_vector_representations",
    params(EdgeVectorList, VectorFilter, Chronology),
    responses((status = 200, description = "A page of vectors", body = Page<Vector>))
)]
#[get("/edge-vector-representations")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<EdgeVectorList>,
) -> Result<HttpResponse, Problem> {
    let owners = routes::owners(EntityType::Edge, wanted.edge_id);
    routes::page(&request, &db, caller, &owners, &wanted.filter).await
}

/// Add where an embedding of this edge lives
///
/// The categories of `taxonomy_filter` are named by id or name, must be there, and are kept by
/// their ids.
#[utoipa::path(
    operation_id = "create_edge_vector",
    params(("edge" = Reference, Path, description = "Id or name")),
    request_body = NewVector,
    responses((status = 201, description = "Added", body = Vector))
)]
#[post("/edges/{edge}/vectors")]
pub async fn create_of_edge(
    db: web::Data<Db>,
    edge: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewVector>,
) -> Result<Reply, Problem> {
    routes::add(&db, &change, &Owner::edge(edge), &change.body).await
}

/// List where the embeddings of this edge live
///
/// The same items as in `GET /edge-vector-representations`, of one edge.
#[utoipa::path(
    operation_id = "list_edge_vectors",
    params(("edge" = Reference, Path, description = "Id or name"), VectorFilter, Chronology),
    responses((status = 200, description = "A page of vectors", body = Page<Vector>))
)]
#[get("/edges/{edge}/vectors")]
pub async fn list_of_edge(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    edge: web::Path<Reference>,
    Query(filter): Query<VectorFilter>,
) -> Result<HttpResponse, Problem> {
    routes::page(&request, &db, caller, &Owner::edge(edge).into(), &filter).await
}

/// Read where an embedding of an edge lives
///
/// The vector database, the key of the vector there, and the categories that a search is
/// constrained to.
#[utoipa::path(
    operation_id = "get_edge_vector_representation",
    params(("vector_id" = Uuid, Path)),
    responses((status = 200, description = "The vector representation", body = Vector))
)]
#[get("/edge-vector-representations/{vector_id}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    vector_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    routes::read(&db, caller, EntityType::Edge, **vector_id).await
}

/// Change where an embedding of an edge lives
///
/// What is missing stays as it is. `taxonomy_filter` is replaced as a whole, and cleared by `null`.
#[utoipa::path(
    operation_id = "update_edge_vector_representation",
    params(("vector_id" = Uuid, Path)),
    request_body = VectorPatch,
    responses((status = 200, description = "After the change", body = Vector))
)]
#[patch("/edge-vector-representations/{vector_id}")]
pub async fn update(
    db: web::Data<Db>,
    vector_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<VectorPatch>,
) -> Result<Reply, Problem> {
    routes::change(&db, &change, EntityType::Edge, **vector_id).await
}

/// Remove where an embedding of an edge lives
///
/// The registry forgets it for good; the vector itself stays where it is. The audit trail keeps
/// what was there.
#[utoipa::path(
    operation_id = "delete_edge_vector_representation",
    params(("vector_id" = Uuid, Path)),
    responses((status = 204, description = "Removed"))
)]
#[delete("/edge-vector-representations/{vector_id}")]
pub async fn remove(
    db: web::Data<Db>,
    vector_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    routes::remove(&db, &change, EntityType::Edge, **vector_id).await
}

/// Write the filter of an edge's embedding in the words of a vector store
///
/// What `taxonomy_filter` says, with the ids of the categories below where they count, for whoever
/// searches there.
#[utoipa::path(
    operation_id = "get_edge_vector_filter",
    params(("vector_id" = Uuid, Path), FilterFor),
    responses((status = 200, description = "The filter", body = StoreFilter))
)]
#[get("/edge-vector-representations/{vector_id}/filter")]
pub async fn filter_for(
    db: web::Data<Db>,
    caller: Caller,
    vector_id: web::Path<Id>,
    Query(wanted): Query<FilterFor>,
) -> Result<Reply, Problem> {
    routes::filter(&db, caller, EntityType::Edge, **vector_id, wanted.store).await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(create_of_edge)
        .service(list_of_edge)
        .service(get)
        .service(filter_for)
        .service(update)
        .service(remove);
}
