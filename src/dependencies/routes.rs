//! `/dependencies`, and the same below blocks and edges.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};

use super::{Dependency, DependencyFilter, DependencyPatch, NewDependency, queries};
use crate::api::fields::NoBody;
use crate::api::id::Id;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::resource::owner::{Flat, Owned, Owner, OwnerMembers, Owners};
use crate::resource::verbs::{self, Reach, Revision};

async fn page(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    owners: &Owners,
    filter: &DependencyFilter,
) -> Result<HttpResponse, Problem> {
    verbs::page(request, db, caller, &filter.position, async |scope| {
        queries::list(scope, owners, filter).await
    })
    .await
}

async fn add(
    db: &Db,
    change: &Change<impl Sized>,
    owner: &Owner,
    dependency: &NewDependency,
) -> Result<Reply, Problem> {
    verbs::create(db, change, async |scope| queries::create(scope, owner, dependency).await).await
}

/// A new dependency, and whose it is.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct NewDependencyOfEntity {
    #[serde(flatten)]
    owner: OwnerMembers,
    #[serde(flatten)]
    dependency: NewDependency,
}

/// Add a dependency to a block or an edge
///
/// Names the owner in the body; the routes below `/blocks` and `/edges` do the same with the owner
/// in the path. Internal dependencies form no cycle.
#[utoipa::path(
    operation_id = "create_dependency",
    request_body = NewDependencyOfEntity,
    responses((status = 201, description = "Added", body = Dependency))
)]
#[post("/dependencies")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<Owned<NewDependency>>,
) -> Result<Reply, Problem> {
    add(&db, &change, &change.body.owner, &change.body.part).await
}

/// List the dependencies of blocks and edges
///
/// `entity_type` and `entity_id` say of what, `depends_on_type` and `depends_on_id` on what:
/// together they find one dependency.
#[utoipa::path(
    operation_id = "list_dependencies",
    params(Owners, DependencyFilter, Chronology, Instant),
    responses((status = 200, description = "A page of the dependencies", body = Page<Dependency>))
)]
#[get("/dependencies")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<Flat<DependencyFilter>>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &wanted.owners, &wanted.filter).await
}

/// Add a dependency to a block
///
/// An internal dependency names a block or an edge of this registry, an external one says in words
/// what it is. Internal ones form no cycle: what would close one is refused.
#[utoipa::path(
    operation_id = "create_block_dependency",
    params(("block" = Reference, Path, description = "Id or name")),
    request_body = NewDependency,
    responses((status = 201, description = "Added", body = Dependency))
)]
#[post("/blocks/{block}/dependencies")]
pub async fn create_of_block(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewDependency>,
) -> Result<Reply, Problem> {
    add(&db, &change, &Owner::block(block), &change.body).await
}

/// List the dependencies of a block
///
/// What the block depends on directly, inside and outside of the registry; `GET
/// /blocks/{block}/dependents` asks the other way round.
#[utoipa::path(
    operation_id = "list_block_dependencies",
    params(("block" = Reference, Path, description = "Id or name"), DependencyFilter, Chronology, Instant),
    responses((status = 200, description = "A page of the dependencies", body = Page<Dependency>))
)]
#[get("/blocks/{block}/dependencies")]
pub async fn list_of_block(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted: filter }: AsOf<DependencyFilter>,
    block: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::block(block).into(), &filter).await
}

/// Add a dependency to an edge
///
/// An internal dependency names a block or an edge of this registry, an external one says in words
/// what it is. Internal ones form no cycle: what would close one is refused.
#[utoipa::path(
    operation_id = "create_edge_dependency",
    params(("edge" = Reference, Path, description = "Id or name")),
    request_body = NewDependency,
    responses((status = 201, description = "Added", body = Dependency))
)]
#[post("/edges/{edge}/dependencies")]
pub async fn create_of_edge(
    db: web::Data<Db>,
    edge: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewDependency>,
) -> Result<Reply, Problem> {
    add(&db, &change, &Owner::edge(edge), &change.body).await
}

/// List the dependencies of an edge
///
/// What the edge depends on directly, inside and outside of the registry; `GET
/// /edges/{edge}/dependents` asks the other way round.
#[utoipa::path(
    operation_id = "list_edge_dependencies",
    params(("edge" = Reference, Path, description = "Id or name"), DependencyFilter, Chronology, Instant),
    responses((status = 200, description = "A page of the dependencies", body = Page<Dependency>))
)]
#[get("/edges/{edge}/dependencies")]
pub async fn list_of_edge(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted: filter }: AsOf<DependencyFilter>,
    edge: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::edge(edge).into(), &filter).await
}

/// Read a dependency
///
/// What depends on what, in which versions; of an external one what it is, in words.
#[utoipa::path(
    operation_id = "get_dependency",
    params(("dependency_id" = Uuid, Path), Instant),
    responses((status = 200, description = "The dependency", body = Dependency))
)]
#[get("/dependencies/{dependency_id}")]
pub async fn get(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    dependency_id: web::Path<Id>,
) -> Result<Reply, Problem> {
    verbs::read(&db, caller, &dependency_id.to_string(), async |scope| {
        queries::get(scope, **dependency_id).await
    })
    .await
}

/// Change a dependency
///
/// What is missing stays as it is. What the whole comes to must still be internal or external, and
/// close no cycle.
#[utoipa::path(
    operation_id = "update_dependency",
    params(("dependency_id" = Uuid, Path)),
    request_body = DependencyPatch,
    responses((status = 200, description = "After the change", body = Dependency))
)]
#[patch("/dependencies/{dependency_id}")]
pub async fn update(
    db: web::Data<Db>,
    dependency_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<DependencyPatch>,
) -> Result<Reply, Problem> {
    let Id(dependency_id) = dependency_id.into_inner();
    verbs::update(
        &db,
        &change,
        async |scope| queries::update(scope, dependency_id, &change.body, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, dependency_id).await?)),
    )
    .await
}

/// Remove a dependency
///
/// What was depended on can be archived then, if nothing else uses it. The audit trail keeps what
/// was there.
#[utoipa::path(
    operation_id = "delete_dependency",
    params(("dependency_id" = Uuid, Path)),
    responses((status = 204, description = "Removed"))
)]
#[delete("/dependencies/{dependency_id}")]
pub async fn remove(
    db: web::Data<Db>,
    dependency_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let Id(dependency_id) = dependency_id.into_inner();
    verbs::write::<Dependency>(
        &db,
        &change,
        Reach::Live,
        async |scope| queries::delete(scope, dependency_id, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, dependency_id).await?)),
    )
    .await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(create_of_block)
        .service(list_of_block)
        .service(create_of_edge)
        .service(list_of_edge)
        .service(get)
        .service(update)
        .service(remove);
}
