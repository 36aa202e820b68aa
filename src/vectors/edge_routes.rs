//! `/edge-vector-representations` and `/edges/{edge}/vectors`.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::routes::{self};
use super::{NewEdgeVector, NewVector, Vector, VectorFilter, VectorPatch};
use crate::api::fields::NoBody;
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
    #[param(value_type = Option<String>)]
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
    edge_id: String,
    #[serde(flatten)]
    vector: NewVector,
}

/// Add where an embedding of an edge lives
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
#[utoipa::path(
    operation_id = "create_edge_vector",
    params(("edge" = String, Path, description = "Id or name")),
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
#[utoipa::path(
    operation_id = "list_edge_vectors",
    params(("edge" = String, Path, description = "Id or name"), VectorFilter, Chronology),
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
#[utoipa::path(
    operation_id = "get_edge_vector_representation",
    params(("vector_id" = Uuid, Path)),
    responses((status = 200, description = "The vector representation", body = Vector))
)]
#[get("/edge-vector-representations/{vector_id}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    vector_id: web::Path<Uuid>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    routes::read(&db, caller, EntityType::Edge, *vector_id).await
}

/// Change where an embedding of an edge lives
#[utoipa::path(
    operation_id = "update_edge_vector_representation",
    params(("vector_id" = Uuid, Path)),
    request_body = VectorPatch,
    responses((status = 200, description = "After the change", body = Vector))
)]
#[patch("/edge-vector-representations/{vector_id}")]
pub async fn update(
    db: web::Data<Db>,
    vector_id: web::Path<Uuid>,
    Query(NoParams): Query<NoParams>,
    change: Change<VectorPatch>,
) -> Result<Reply, Problem> {
    routes::change(&db, &change, EntityType::Edge, *vector_id).await
}

/// Remove where an embedding of an edge lives
#[utoipa::path(
    operation_id = "delete_edge_vector_representation",
    params(("vector_id" = Uuid, Path)),
    responses((status = 204, description = "Removed"))
)]
#[delete("/edge-vector-representations/{vector_id}")]
pub async fn remove(
    db: web::Data<Db>,
    vector_id: web::Path<Uuid>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    routes::remove(&db, &change, EntityType::Edge, *vector_id).await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(create_of_edge)
        .service(list_of_edge)
        .service(get)
        .service(update)
        .service(remove);
}
